"""Fixed-effects Poisson regression of gains on rolling counts over the observation window.

One coefficient per behaviour instead of one per group of lags. Robustness checks use it if the
distributed-lag model would need too many parameters: segments, interactions, flexible controls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import subset_clusters
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit, fit_poisson
from engagement_ml.drivers.estimation.lag_model import estimation_sample, tenure_dummies, winsorise
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods


@dataclass(frozen=True)
class RollingCounts:
    """Counts over the observation window before each period, with controls and outcome.

    Attributes
    ----------
    behaviours : tuple of str
    counts : float32 array (n, T, B)
    controls : float32 array (n, T, C)
        Counts of the same period and tenure dummies.
    cells : bool array (n, T)
        The estimation sample.
    gain : array (n, T)
        Winsorised gains; zero outside the estimation sample.
    clusters : int array (n,) or None
        Entities of a cluster are not independent.
    """

    behaviours: tuple[str, ...]
    counts: Float32Array
    controls: Float32Array
    cells: BoolArray
    gain: FloatArray
    clusters: Int64Array | None = None

    @classmethod
    def from_periods(
        cls, periods: Periods, spans: Spans, behaviours: tuple[str, ...]
    ) -> RollingCounts:
        """Sum counts over the observation window that ends before each period.

        The estimation sample starts after a whole observation window, or after the burn-in if the
        record is too short for that.
        """
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
            clusters=periods.clusters,
        )

    def fit_coefficients(
        self, counts: Float32Array, subset: BoolArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Regress gains on `counts` and the controls; return the coefficients of `counts`.

        Parameters
        ----------
        counts : float32 array (n, T, K)
            Regressors of interest.
        subset : bool array (n,), optional
            Entities to fit; all if absent.

        Returns
        -------
        coef, std_error : arrays (K,)
        """
        fit = self.fit(counts, subset)
        k = counts.shape[2]
        return fit.coef[:k], np.sqrt(np.diag(fit.covariance)[:k])

    def fit(self, counts: Float32Array, subset: BoolArray | None = None) -> PoissonFit:
        """Fit as `fit_coefficients` does; return all of it, the coefficients of `counts` first."""
        rows = slice(None) if subset is None else subset
        design = np.concatenate([counts, self.controls], axis=2)[rows]
        clusters = subset_clusters(self.clusters, rows)
        fit = fit_poisson(self.gain[rows], design, self.cells[rows], clusters=clusters)
        return fit.require_convergence()

    def mean_gain(self, subset: BoolArray | None = None) -> float:
        """Return the mean gain per cell of the estimation sample."""
        rows = slice(None) if subset is None else subset
        return float(self.gain[rows].sum() / max(int(self.cells[rows].sum()), 1))
