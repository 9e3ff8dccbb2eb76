"""Fixed-effects Poisson model of each segment: effects per event with influence functions.

Each behaviour has one regressor: its past counts, weighted by the decay profile that was estimated
over all customers, in the response function that was estimated over all customers. A segment's
coefficient scales that response. Gains and losses are fitted separately, and a segment's effect is
the difference of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import cluster_sums, subset_clusters
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.distributed_lags import Lags, lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit, fit_poisson
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import (
    MIN_AMOUNT_SHARE,
    estimation_sample,
    tenure_dummies,
    winsorise,
)
from engagement_ml.drivers.estimation.response_functions import saturating_response
from engagement_ml.features.period_panel import Periods

MAX_LOG_CHANGE = 20.0
"""Largest change of log E[y] by one event, against overflow."""

MIN_GROUP = 50
"""Customers of a group within a segment that get period effects of their own."""


@dataclass(frozen=True)
class SegmentEstimate:
    """A behaviour's effect on net margin in one segment, before the cost of serving an event.

    Attributes
    ----------
    effect : float
        Currency over the outcome window for one more event.
    influence : array (n,)
        Influence function of each customer, zero outside the segment. It includes the error of the
        average over the segment's customers.
    """

    effect: float
    influence: FloatArray


@dataclass(frozen=True)
class _Amount:
    """Gains or losses, with the regressors that describe their response.

    Attributes
    ----------
    y : array (n, T)
        Winsorised amounts.
    responses : float32 array (n, T, K)
        f(u) of each tested behaviour.
    indices : float32 array (n, T, K)
        u of each tested behaviour.
    nuisance : float32 array (n, T, 1)
        Linear index of all other regressors, with the coefficients of all customers.
    steps : array (K, G)
        What one event adds to u at each group of lags.
    curvatures : array (K,)
    """

    y: FloatArray
    responses: Float32Array
    indices: Float32Array
    nuisance: Float32Array
    steps: FloatArray
    curvatures: FloatArray


class SegmentModel:
    """Estimates effects by segment, given the decay and the response over all customers.

    Parameters
    ----------
    periods : Periods
    main : LagEffects
        The estimate over all customers, of all behaviours that enter the model.
    tested : sequence of str
        Behaviours of `main` whose effects are estimated in each segment.
    burn_in : int
        First periods of the record, used as past only.
    group : int array (n,), optional
        Customers of a group share period effects.
    """

    def __init__(
        self,
        periods: Periods,
        main: LagEffects,
        tested: Sequence[str],
        *,
        burn_in: int,
        group: Int64Array | None = None,
    ) -> None:
        self.tested = tuple(tested)
        self.lags = main.lags
        self.group, self.clusters = group, periods.clusters
        self.cells = estimation_sample(periods, burn_in)
        columns = [periods.behaviours.index(b) for b in self.tested]
        self.same_period = np.ascontiguousarray(periods.counts[..., columns])
        total = {+1: periods.gain[self.cells].sum(), -1: periods.loss[self.cells].sum()}
        self.amounts = {
            sign: _amount(periods, main, self.tested, sign, self.cells, group)
            for sign in (+1, -1)
            if total[sign] > MIN_AMOUNT_SHARE * (total[+1] + total[-1])
        }

    def estimate(self, members: BoolArray) -> dict[str, SegmentEstimate]:
        """Estimate the effects among some customers.

        Parameters
        ----------
        members : bool array (n,)

        Returns
        -------
        dict of behaviour to SegmentEstimate
            Without behaviours whose effect is not identified among them, and empty if a fit did
            not converge.
        """
        n = len(members)
        effect, influence = np.zeros(len(self.tested)), np.zeros((n, len(self.tested)))
        identified = np.ones(len(self.tested), dtype=bool)
        total = sum(a.y[members].sum() for a in self.amounts.values())
        for sign, amount in self.amounts.items():
            share = amount.y[members].sum() / max(total, 1e-300)
            if share <= MIN_AMOUNT_SHARE:
                # Too small an amount of this sign to matter here; gains must be there.
                identified &= sign < 0
                continue
            fit = self._fit(amount, members)
            if not fit.converged:
                return {}
            for k in range(len(self.tested)):
                one, own = _average_effect(amount, k, fit, members, self.cells, self.lags)
                identified[k] &= bool(np.any(fit.influence[:, k]))
                effect[k] += sign * one
                influence[members, k] += sign * own
        # A cluster may have members in other segments, whose rows must meet in the same place.
        influence = cluster_sums(influence, self.clusters, correct=False)
        return {
            b: SegmentEstimate(float(effect[k]), influence[:, k])
            for k, b in enumerate(self.tested)
            if identified[k]
        }

    def _fit(self, amount: _Amount, members: BoolArray) -> PoissonFit:
        """Fit one amount among some customers, the tested responses first."""
        parts = (amount.responses, self.same_period, amount.nuisance)
        design = np.concatenate([part[members] for part in parts], axis=2)
        group = None if self.group is None else _dense_groups(self.group[members])
        clusters = subset_clusters(self.clusters, members)
        fit = fit_poisson(amount.y[members], design, self.cells[members], group, clusters)
        return fit.require_convergence()


def _dense_groups(group: Int64Array) -> Int64Array:
    """Renumber groups from 0; small ones share a number."""
    _, code, size = np.unique(group, return_inverse=True, return_counts=True)
    merged = np.where(size >= MIN_GROUP, np.arange(len(size)) + 1, 0)[code.ravel()]
    return np.asarray(np.unique(merged, return_inverse=True)[1].ravel(), dtype=np.int64)


def _amount(
    periods: Periods,
    main: LagEffects,
    tested: tuple[str, ...],
    sign: int,
    cells: BoolArray,
    group: Int64Array | None,
) -> _Amount:
    """Lay out the regressors of gains (sign 1) or losses (−1), and fit them to all customers."""
    values = periods.gain if sign > 0 else periods.loss
    y = winsorise(np.where(cells, values, 0.0))
    n, n_periods = y.shape
    n_behaviours = len(main.behaviours)
    responses = np.empty((n, n_periods, n_behaviours), np.float32)
    kept: dict[str, tuple[Float32Array, FloatArray, float]] = {}
    for i, b in enumerate(main.behaviours):
        column = periods.behaviours.index(b)
        sums = lagged_sums(periods.counts[..., [column]], main.lags.groups, periods.entry)[:, :, 0]
        step, curvature = _response_index(main, b, i, sign, sums, cells)
        u = sums @ step.astype(np.float32)
        responses[..., i] = saturating_response(u, curvature)[0]
        if b in tested:
            kept[b] = (u, step, curvature)
    columns = [periods.behaviours.index(b) for b in main.behaviours]
    design = np.concatenate(
        [responses, periods.counts[..., columns], tenure_dummies(periods)], axis=2
    )
    fit = fit_poisson(y, design, cells, group, periods.clusters).require_convergence()
    coef = fit.coef.astype(np.float32)
    at = [main.behaviours.index(b) for b in tested]
    nuisance = coef.copy()
    nuisance[[*at, *(n_behaviours + i for i in at)]] = 0.0
    return _Amount(
        y=y,
        responses=np.ascontiguousarray(responses[..., at]),
        indices=np.stack([kept[b][0] for b in tested], axis=2),
        nuisance=(design @ nuisance)[..., None],
        steps=np.stack([kept[b][1] for b in tested]),
        curvatures=np.array([kept[b][2] for b in tested]),
    )


def _response_index(
    main: LagEffects, b: str, i: int, sign: int, sums: Float32Array, cells: BoolArray
) -> tuple[FloatArray, float]:
    """Return what an event adds to the index at each group of lags, and the curvature.

    A log-linear response has an index in window effects: an event adds 1 over the outcome window.
    """
    shape = lag_shape(main, i, sign)
    response = (main.response_functions if sign > 0 else main.loss_responses).get(b)
    curvature = float(getattr(response, "curvature", 0.0))
    if response is None or curvature == 0.0:
        return shape, 0.0
    # Scale the index so that its mean is that of the fitted response.
    fitted = float(np.abs(sums @ response.index_coef.astype(np.float32))[cells].mean())
    unscaled = float((sums @ shape.astype(np.float32))[cells].mean())
    scale = fitted / unscaled if unscaled > 0 else 0.0
    return (shape * scale, curvature) if scale > 0 else (shape, 0.0)


def lag_shape(main: LagEffects, i: int, sign: int) -> FloatArray:
    """Return the decay profile of gains (sign 1) or losses (−1) for a window effect of 1, (G,).

    Constant over the lags if the profile is not identified.
    """
    profiles, influences = main.gain_and_loss_profiles(i)
    size = len(main.lags.groups)
    part = slice(0, size) if sign > 0 or main.losses is None else slice(size, 2 * size)
    coef, influence = profiles[part], influences[:, part]
    decay = DecayProfile.from_covariance(influence.T @ influence, main.lags)
    profile = np.zeros(size) if decay is None else decay.project(coef)
    total = float(main.lags.weights @ profile)
    if not np.isfinite(total) or total == 0.0:
        profile, total = np.ones(size), float(main.lags.weights.sum())
    return np.asarray(profile / total)


def _average_effect(
    amount: _Amount, k: int, fit: PoissonFit, members: BoolArray, cells: BoolArray, lags: Lags
) -> tuple[float, FloatArray]:
    """Return the mean effect of one more event, and its influence functions, shape (m,).

    The mean of ``y (exp(s Δf) − 1)`` over the cells, summed over the lags with their weights. y
    stands for its expectation, so the error of the average is part of the influence.
    """
    y, u = amount.y[members], amount.indices[members][..., k]
    n_cells = cells[members].sum(axis=1)
    coef, curvature = float(fit.coef[k]), float(amount.curvatures[k])
    row, period = np.nonzero(y)
    value, at = y[row, period], u[row, period]
    before = saturating_response(at, curvature)[0]
    effects, slopes = np.zeros(len(value)), np.zeros(len(value))
    for weight, step in zip(lags.weights, amount.steps[k], strict=True):
        change = saturating_response(at + np.float32(step), curvature)[0] - before
        growth = np.exp(np.minimum(coef * change.astype(np.float64), MAX_LOG_CHANGE))
        effects += weight * (growth - 1.0)
        slopes += weight * change * growth
    total = max(int(n_cells.sum()), 1)
    by_customer = np.bincount(row, value * effects, minlength=len(y))
    mean = float(by_customer.sum() / total)
    slope = float((value * slopes).sum() / total)
    return mean, (by_customer - n_cells * mean) / total + slope * fit.influence[:, k]
