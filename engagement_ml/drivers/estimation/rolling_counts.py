"""The plain fixed-effects Poisson on rolling counts, for what is asked beside the main fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit, fit_poisson
from engagement_ml.drivers.estimation.lag_model import estimation_sample, tenure_dummies, winsorise
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods


@dataclass(frozen=True)
class RollingCounts:
    """RollingCounts counts over the observation window, with what goes beside them.

    Attributes
    ----------
    behaviours : tuple of str
    counts : float32 array (n, T, B)
    controls : float32 array (n, T, C)
        Counts of the same period and newcomers' steps.
    cells : bool array (n, T)
    gain : array (n, T)
        Winsorised; zero outside the cells.
    """

    behaviours: tuple[str, ...]
    counts: Float32Array
    controls: Float32Array
    cells: BoolArray
    gain: FloatArray

    @classmethod
    def from_periods(
        cls, periods: Periods, spans: Spans, behaviours: tuple[str, ...]
    ) -> RollingCounts:
        """Sum counts over the observation window that ends before each period."""
        columns = [periods.behaviours.index(b) for b in behaviours]
        groups = ((0, 0), (1, spans.observation))
        sums = lagged_sums(periods.counts[..., columns], groups, periods.entry)
        cells = estimation_sample(periods, spans.observation)
        if not cells.any():
            cells = estimation_sample(periods, spans.burn_in)
        return cls(
            behaviours=behaviours,
            counts=np.ascontiguousarray(sums[..., 1]),
            controls=np.concatenate([sums[..., 0], tenure_dummies(periods)], axis=2),
            cells=cells,
            gain=winsorise(np.where(cells, periods.gain, 0.0)),
        )

    def fit_coefficients(
        self, counts: Float32Array, subset: BoolArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Fit gains on `counts` and what goes beside them; return coefficients and errors.

        Parameters
        ----------
        counts : float32 array (n, T, K)
            Regressors whose K coefficients are wanted.
        subset : bool array (n,), optional
            Only these entities.
        """
        fit = self.fit(counts, subset)
        k = counts.shape[2]
        return fit.coef[:k], np.sqrt(np.diag(fit.covariance)[:k])

    def fit(self, counts: Float32Array, subset: BoolArray | None = None) -> PoissonFit:
        """Fit as `fit_coefficients` does; return all, the coefficients of `counts` first."""
        keep = slice(None) if subset is None else subset
        design = np.concatenate([counts, self.controls], axis=2)[keep]
        return fit_poisson(self.gain[keep], design, self.cells[keep])

    def mean_gain(self, subset: BoolArray | None = None) -> float:
        """Mean gain per cell."""
        keep = slice(None) if subset is None else subset
        return float(self.gain[keep].sum() / max(int(self.cells[keep].sum()), 1))
