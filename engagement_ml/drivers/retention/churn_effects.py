"""What one more event does to margin by keeping the entity: the hazard of a churn event.

Churn happens once, so an entity's own change cannot be told from its end. Instead those at risk in
the same period are compared: who leaves, given what they did lately, how long they have been there,
where they are in their rhythm of payments, and how much they like what they engage with, as told
from all that they did before (`liking`). Where a behaviour's own long-run level foretells leaving
besides, recent events have to show more than it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.churn_cost import (
    ChurnOutcomes,
    churn_cost_weights,
    churn_outcomes_at_cutoffs,
    payment_cycle_phase,
)
from engagement_ml.drivers.retention.discrete_hazard import (
    HazardFit,
    fit_hazard,
    logistic,
    score_test_z,
)
from engagement_ml.drivers.retention.latent_affinity import affinity_scores, shrunk_past_rates
from engagement_ml.drivers.retention.recent_counts import recent_counts
from engagement_ml.features.period_panel import Periods

_LEVEL_Z = 2.5
"""z from which on a behaviour's own level counts as foretelling leaving; one in eighty by luck."""

_TENURES = ((0, 2), (2, 4), (4, 8), (8, 16), (16, 32))


def hazard_lags(spans: Spans) -> LagGroups:
    """Return the groups of lags: doubling widths up to the end of the observation window.

    Examples
    --------
    >>> hazard_lags(Spans(7, 12, 12, 0))
    ((1, 1), (2, 2), (3, 4), (5, 8), (9, 12))
    """
    reach = spans.observation + spans.gap
    groups, first, width = [], 1, 1
    while first <= reach:
        last = min(first + width - 1, reach)
        groups.append((first, last))
        width = 1 if first == 1 else width * 2
        first = last + 1
    return tuple(groups)


def churn_indicator(periods: Periods) -> BoolArray:
    """Mark the period in which each entity that churned did so, shape (n, T).

    Nothing is known of the last period on record: who is there at its start has not left before its
    end, or has.
    """
    n_periods = periods.gain.shape[1]
    t = np.arange(n_periods)[None, :]
    last = (t == periods.exit[:, None] - 1) & (periods.exit < n_periods)[:, None]
    return np.asarray(last, dtype=np.bool_)


def risk_set(periods: Periods, spans: Spans) -> BoolArray:
    """Mark the cells of entities that may leave and of whose past something is known."""
    n_periods = periods.gain.shape[1]
    t = np.arange(n_periods)[None, :]
    entry = periods.entry[:, None]
    known = t >= np.where(entry > 0, entry + 1, spans.burn_in)
    return np.asarray(known & (t < periods.exit[:, None]) & (t < n_periods - 1))


@dataclass(frozen=True)
class HazardDesign:
    """Rows of cells at risk, by entity and period.

    Attributes
    ----------
    cells, churned : bool arrays (n, T)
        The cells, and those of them in which the entity left.
    entity : int array (N,)
    sums : float32 array (N, B·G)
        Recent events, by behaviour and group of lags.
    levels : float32 array (N, B)
        Log rates so far.
    controls : float32 array (N, ·)
        Liking, period, tenure, place in the rhythm of payments.
    has_affinity : bool
        Whether behaviours have enough in common to tell liking from them.
    """

    cells: BoolArray
    churned: BoolArray
    entity: Int64Array
    sums: Float32Array
    levels: Float32Array
    controls: Float32Array
    has_affinity: bool

    def fit(self) -> HazardFit:
        """Fit the hazard with the levels of those behaviours whose level matters besides."""
        event, n = self.churned[self.cells], self.cells.shape[0]
        x = np.concatenate([self.sums, self.controls], axis=1)
        matters = np.ones(self.levels.shape[1], dtype=np.bool_)
        if self.has_affinity:
            fit = fit_hazard(event, x, self.entity, n)
            matters = np.abs(score_test_z(event, x, fit, self.levels)) >= _LEVEL_Z
            if not matters.any():
                return fit
        x = np.concatenate([x, self.levels[:, matters]], axis=1)
        return fit_hazard(event, x, self.entity, n)


def build_hazard_design(periods: Periods, columns: list[int], spans: Spans) -> HazardDesign:
    """Lay out what may tell who leaves."""
    cells = risk_set(periods, spans)
    churned = churn_indicator(periods) & cells
    entity, period = np.nonzero(cells)
    sums = recent_counts(periods, columns, hazard_lags(spans), cells, churned)
    levels = shrunk_past_rates(periods, cells)
    since = period - periods.entry[entity]
    newcomer = periods.entry[entity] > 0
    liking = affinity_scores(levels, cells)
    parts = [
        liking[cells],
        _indicators(period),
        np.stack([newcomer & (since >= a) & (since < b) for a, b in _TENURES], axis=1),
    ]
    place = payment_cycle_phase(periods)
    if place is not None:
        parts.append(_indicators(place[cells]))
    return HazardDesign(
        cells=cells,
        churned=churned,
        entity=entity,
        sums=sums.reshape(entity.size, -1),
        levels=levels.log_rate[..., columns][cells].astype(np.float32),
        controls=np.concatenate([p.astype(np.float32) for p in parts], axis=1),
        has_affinity=liking.shape[2] > 0,
    )


def estimate_churn_effects(
    periods: Periods,
    behaviours: tuple[str, ...],
    spans: Spans,
    leaving: ChurnOutcomes | None = None,
) -> LagEffects:
    """Fit the hazard of churning on lagged counts and put it in currency.

    A logistic regression of churning in a period among those still there, on counts by age, with
    effects of the period, of tenure, of the place in the rhythm of payments, and of liking. The
    level of a behaviour joins where its z reaches 2.5 beside recent events, and that of all where
    too few behaviours are known to tell liking from them. The coefficient of a lag becomes the mean
    change of the chance to leave by one more event, relative to that chance.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
    spans : Spans
    leaving : ChurnOutcomes, optional
        At the cutoffs that effects are averaged over; those of the periods unless given.

    Returns
    -------
    LagEffects
        On the lags of `hazard_lags`, weighed by the margin at stake.
    """
    columns = [periods.behaviours.index(b) for b in behaviours]
    groups = hazard_lags(spans)
    design = build_hazard_design(periods, columns, spans)
    n, size = periods.gain.shape[0], len(columns) * len(groups)
    fit = design.fit()
    change, per_unit = _relative_change(fit, size)
    shape = (len(columns), len(groups))
    odds = np.zeros(design.cells.shape)
    odds[design.cells] = np.exp(fit.linear_predictor)
    known = leaving or churn_outcomes_at_cutoffs(periods, design.churned, spans)
    weights = churn_cost_weights(periods, design.churned, odds, spans, groups, known)
    return LagEffects(
        behaviours,
        Lags(groups, weights),
        -change.reshape(shape),
        -(fit.influence[:, :size] * per_unit).reshape(n, *shape),
        np.zeros(len(columns)),
    )


def _relative_change(fit: HazardFit, size: int) -> tuple[FloatArray, FloatArray]:
    """Mean change of the chance by one more unit over the mean chance, and that per coefficient."""
    chance = fit.probability
    mean = max(float(chance.mean()), 1e-300) if chance.size else 1.0
    slope = float((chance * (1.0 - chance)).mean()) / mean if chance.size else 1.0
    change = np.array(
        [(logistic(fit.linear_predictor + b) - chance).mean() / mean for b in fit.coef[:size]]
    )
    coef = fit.coef[:size]
    small = np.abs(coef) < 1e-6
    per_unit = np.where(small, slope, change / np.where(small, 1.0, coef))
    return change, per_unit


def _indicators(values: Int64Array) -> BoolArray:
    """One column per value but the first, shape (N, K − 1)."""
    known = np.unique(values)
    return np.asarray(values[:, None] == known[None, 1:])
