"""The plain fixed-effects Poisson on rolling counts, for what is asked beside the main fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit, fit_poisson
from engagement_ml.drivers.estimation.lag_model import tenure_steps, usable_cells, winsorise
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods


@dataclass(frozen=True)
class Rolling:
    """Rolling counts over the observation window, with what goes beside them.

    Attributes
    ----------
    behaviours : tuple of str
    counts : float32 array (n, T, B)
    beside : float32 array (n, T, C)
        Counts of the same period and newcomers' steps.
    cells : bool array (n, T)
    gain : array (n, T)
        Winsorised; zero outside the cells.
    """

    behaviours: tuple[str, ...]
    counts: Float32Array
    beside: Float32Array
    cells: BoolArray
    gain: FloatArray

    @classmethod
    def of(cls, periods: Periods, spans: Spans, behaviours: tuple[str, ...]) -> Rolling:
        """Sum counts over the observation window that ends before each period."""
        columns = [periods.behaviours.index(b) for b in behaviours]
        groups = ((0, 0), (1, spans.observation))
        sums = lagged_sums(periods.counts[..., columns], groups, periods.entry)
        cells = usable_cells(periods, spans.observation)
        if not cells.any():
            cells = usable_cells(periods, spans.burn_in)
        return cls(
            behaviours=behaviours,
            counts=np.ascontiguousarray(sums[..., 1]),
            beside=np.concatenate([sums[..., 0], tenure_steps(periods)], axis=2),
            cells=cells,
            gain=winsorise(np.where(cells, periods.gain, 0.0)),
        )

    def fit(
        self, counts: Float32Array, who: BoolArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Fit gains on `counts` and what goes beside them; return coefficients and errors.

        Parameters
        ----------
        counts : float32 array (n, T, K)
            Regressors whose K coefficients are wanted.
        who : bool array (n,), optional
            Only these entities.
        """
        fit = self.fit_whole(counts, who)
        k = counts.shape[2]
        return fit.coef[:k], np.sqrt(np.diag(fit.covariance)[:k])

    def fit_whole(self, counts: Float32Array, who: BoolArray | None = None) -> PoissonFit:
        """Fit as `fit` does; return all, the coefficients of `counts` first."""
        keep = slice(None) if who is None else who
        design = np.concatenate([counts, self.beside], axis=2)[keep]
        return fit_poisson(self.gain[keep], design, self.cells[keep])

    def level(self, who: BoolArray | None = None) -> float:
        """Mean gain per cell."""
        keep = slice(None) if who is None else who
        return float(self.gain[keep].sum() / max(int(self.cells[keep].sum()), 1))
