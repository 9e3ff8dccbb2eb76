"""Response to a load: fixed-effects Poisson on a curve of the events of a trailing window.

What a customer feels of a message, a call or a visit is how many there were of late: the load. An
event adds to the load from the moment it happens until the memory is over. In whole periods, an
event adds half of itself in its own period and in the last one, as events fall evenly within a
period, and all of itself in those between:

``Z_it = c_it / 2 + c_i,t−1 + … + c_i,t−m+1 + c_i,t−m / 2``.

The model is ``E[y_it] = exp(a_i + g_t + f(Z_it) + h(c_it) + controls)``, with f and h polynomials.
h takes up what the behaviour and margin have in common within one period, where cause and
consequence cannot be separated; f is identified by the earlier events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import subset_clusters
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit, fit_poisson
from engagement_ml.features.period_panel import Periods

SAME_PERIOD_DEGREE = 2
"""Degree of the polynomial h in the count of the same period."""

MAX_LOG_CHANGE = 20.0
"""Largest change of log E[y] by one event, against overflow."""


def load_kernel(memory: int, n_lags: int) -> FloatArray:
    """Return what an event adds to the load 1, 2, … periods later, shape (n_lags,).

    Examples
    --------
    >>> load_kernel(3, 5).tolist()
    [1.0, 1.0, 0.5, 0.0, 0.0]
    """
    lag = np.arange(1, n_lags + 1)
    return np.asarray(np.where(lag < memory, 1.0, np.where(lag == memory, 0.5, 0.0)))


def past_load(counts: FloatArray | Float32Array, memory: int, periods: Periods) -> FloatArray:
    """Return the load of each cell, shape (n, T).

    Parameters
    ----------
    counts : array (n, T)
        Events per period. Those before the record are taken to be the customer's own mean.
    memory : int
        Length of the load's memory, in periods.
    periods : Periods
        Its entry periods are used.
    """
    sums = lagged_sums(counts[..., None], ((1, memory), (memory, memory)), periods.entry)
    sums = sums[:, :, 0].astype(np.float64)
    return np.asarray(sums[..., 0] - 0.5 * sums[..., 1] + 0.5 * counts)


def future_load(counts: FloatArray | Float32Array, memory: int, periods: Periods) -> FloatArray:
    """Return the load of the periods that follow each cell, shape (n, T); the mirrored kernel."""
    sums = lagged_sums(counts[..., None], ((-memory, -1), (-memory, -memory)), periods.entry)
    sums = sums[:, :, 0].astype(np.float64)
    return np.asarray(sums[..., 0] - 0.5 * sums[..., 1] + 0.5 * counts)


def powers(values: FloatArray, degree: int) -> FloatArray:
    """Return the powers 1 to `degree` of the values along a new last axis.

    Examples
    --------
    >>> powers(np.array([2.0, 3.0]), 2).tolist()
    [[2.0, 4.0], [3.0, 9.0]]
    """
    return np.stack([values**k for k in range(1, degree + 1)], axis=-1)


def spline(values: FloatArray, knots: tuple[float, ...]) -> FloatArray:
    """Return the terms of a linear spline along a new last axis: the value, and hinges at knots.

    Examples
    --------
    >>> spline(np.array([1.0, 5.0]), (2.0, 4.0)).tolist()
    [[1.0, 0.0, 0.0], [5.0, 3.0, 1.0]]
    """
    return np.stack([values, *(np.maximum(values - knot, 0.0) for knot in knots)], axis=-1)


@dataclass(frozen=True)
class LoadPanel:
    """One behaviour's counts with everything that its load response is fitted on.

    Attributes
    ----------
    counts : array (n, T)
    controls : float32 array (n, T, C)
        Other behaviours and tenure.
    cells : bool array (n, T)
        The estimation sample.
    periods : Periods
    group : int array (n,), optional
        Entities of a group share period effects.
    """

    counts: FloatArray
    controls: Float32Array
    cells: BoolArray
    periods: Periods
    group: Int64Array | None = None

    def load(self, memory: int) -> FloatArray:
        """Return the load with a memory, shape (n, T)."""
        return past_load(self.counts, memory, self.periods)

    def fit(self, y: FloatArray, terms: FloatArray, rows: BoolArray | None = None) -> LoadFit:
        """Fit y on terms of the load, the polynomial of the same period, and the controls.

        Parameters
        ----------
        y : array (n, T)
        terms : array (n, T, K)
            The coefficients of interest are theirs.
        rows : bool array (n,), optional
            Entities to fit; all if absent.
        """
        same_period = powers(self.counts, SAME_PERIOD_DEGREE)
        design = np.concatenate(
            [terms.astype(np.float32), same_period.astype(np.float32), self.controls], axis=2
        )
        kept = slice(None) if rows is None else rows
        group = None if self.group is None else self.group[kept]
        design, y, cells = design[kept], y[kept], self.cells[kept]
        clusters = subset_clusters(self.periods.clusters, kept)
        fit = fit_poisson(y, design, cells, group, clusters)
        return LoadFit(fit, terms.shape[2], _fitted_mean(fit, y, design, cells, group), y, cells)


@dataclass(frozen=True)
class LoadFit:
    """A fitted load response.

    Attributes
    ----------
    fit : PoissonFit
        The terms of the load come first.
    n_terms : int
    mean : array (n, T)
        Fitted E[y], zero outside the estimation sample.
    y : array (n, T)
    cells : bool array (n, T)
    """

    fit: PoissonFit
    n_terms: int
    mean: FloatArray
    y: FloatArray
    cells: BoolArray

    @property
    def coef(self) -> FloatArray:
        """Coefficients of the load's terms, shape (K,)."""
        return self.fit.coef[: self.n_terms]

    @property
    def influence(self) -> FloatArray:
        """Their influence functions, shape (n, K)."""
        return self.fit.influence[:, : self.n_terms]

    @property
    def std_error(self) -> FloatArray:
        """Their standard errors, clustered by entity, shape (K,)."""
        return np.asarray(np.sqrt((self.influence**2).sum(axis=0)))

    @property
    def z(self) -> FloatArray:
        """Their z statistics; 0 if not identified or if the fit did not converge, shape (K,)."""
        error = self.std_error
        usable = (error > 0) & np.isfinite(error) & self.fit.converged
        return np.divide(self.coef, error, out=np.zeros_like(error), where=usable)

    @property
    def log_likelihood(self) -> float:
        """Profile Poisson pseudo log-likelihood, up to a constant."""
        used = self.cells & (self.y > 0)
        return float((self.y[used] * np.log(np.maximum(self.mean[used], 1e-300))).sum())

    @property
    def dispersion(self) -> float:
        """Pearson dispersion: mean squared residual, relative to the mean."""
        residual = np.where(self.cells, self.y - self.mean, 0.0)
        return float((residual**2).sum() / max(float(self.mean.sum()), 1e-300))

    def average_with(self, other: LoadFit) -> LoadFit:
        """Return the average of two curves, of the higher degree; the means are those of this fit.

        Coefficients and influence functions are averaged, so that the interval is right.
        """
        size = max(self.n_terms, other.n_terms)
        padded = [np.pad(fit.coef, (0, size - fit.n_terms)) for fit in (self, other)]
        influence = [
            np.pad(fit.influence, ((0, 0), (0, size - fit.n_terms))) for fit in (self, other)
        ]
        fit = replace(
            self.fit,
            coef=(padded[0] + padded[1]) / 2,
            influence=(influence[0] + influence[1]) / 2,
            converged=self.fit.converged and other.fit.converged,
        )
        return replace(self, fit=fit, n_terms=size)


def _fitted_mean(
    fit: PoissonFit,
    y: FloatArray,
    design: Float32Array,
    cells: BoolArray,
    group: Int64Array | None,
) -> FloatArray:
    """Return E[y], with entity effects such that each entity's total is met, shape (n, T)."""
    codes = np.zeros(len(y), dtype=np.int64) if group is None else group
    totals = np.zeros_like(fit.period_effects)
    np.add.at(totals, codes, np.where(cells, y, 0.0))
    in_sample = cells & (totals > 0)[codes]  # periods without any y have no effect
    eta = (design @ fit.coef.astype(np.float32)).astype(np.float64) + fit.period_effects[codes]
    eta = np.where(in_sample, eta, -np.inf)
    peak = np.maximum(eta.max(axis=1, keepdims=True), -1e300)
    relative = np.exp(eta - peak)
    total = np.where(cells, y, 0.0).sum(axis=1, keepdims=True)
    return np.asarray(relative * total / np.maximum(relative.sum(axis=1, keepdims=True), 1e-300))
