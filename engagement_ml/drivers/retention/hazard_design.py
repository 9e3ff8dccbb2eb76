"""Regressors of the hazard of churn: recent counts by lag, with their controls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, Int64Array, LagGroups
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.churn_cost import payment_cycle_phase
from engagement_ml.drivers.retention.discrete_hazard import HazardFit, fit_hazard, score_test_z
from engagement_ml.drivers.retention.latent_affinity import affinity_scores, shrunk_past_rates
from engagement_ml.drivers.retention.recent_counts import recent_counts
from engagement_ml.drivers.retention.risk_set import churn_indicator, dummies, risk_set
from engagement_ml.features.period_panel import Periods

MIN_RATE_Z = 2.5
"""|z| from which a behaviour's long-run rate becomes a control; one in eighty by chance."""

TENURE_BOUNDS = ((0, 2), (2, 4), (4, 8), (8, 16), (16, 32))
"""Half-open intervals of periods since entry with a dummy for newcomers."""


def hazard_lags(spans: Spans, notice: int = 0) -> LagGroups:
    """Return groups of lags whose widths double, as long in total as the observation window.

    Parameters
    ----------
    spans : Spans
    notice : int, default 0
        Periods before churn that are left out: lags begin before them.

    Examples
    --------
    >>> hazard_lags(Spans(7, 12, 12, 0))
    ((1, 1), (2, 2), (3, 4), (5, 8), (9, 12))
    >>> hazard_lags(Spans(7, 12, 12, 0), notice=4)
    ((5, 5), (6, 6), (7, 8), (9, 12), (13, 16))
    """
    reach = spans.observation + spans.gap
    groups, first, width = [], 1, 1
    while first <= reach:
        last = min(first + width - 1, reach)
        groups.append((first + notice, last + notice))
        width = 1 if first == 1 else width * 2
        first = last + 1
    return tuple(groups)


@dataclass(frozen=True)
class HazardDesign:
    """Regressors of the hazard, one row for each cell of the risk set.

    Attributes
    ----------
    cells, churned : bool arrays (n, T)
        The risk set, and its cells in which the entity churned.
    entity : int array (N,)
        Position of each row's entity.
    sums : float32 array (N, B·G)
        Recent counts, by behaviour and group of lags.
    levels : float32 array (N, B)
        Long-run log rates before the period.
    controls : float32 array (N, ·)
        Affinity scores; dummies of period, tenure and phase of the payment cycle.
    has_affinity : bool
        Whether behaviours have enough in common to identify affinity.
    clusters : int array (n,) or None
        Entities of a cluster are not independent.
    """

    cells: BoolArray
    churned: BoolArray
    entity: Int64Array
    sums: Float32Array
    levels: Float32Array
    controls: Float32Array
    has_affinity: bool
    clusters: Int64Array | None = None

    @property
    def event(self) -> BoolArray:
        """Whether the entity churned, by row, shape (N,)."""
        return self.churned[self.cells]

    @property
    def period(self) -> Int64Array:
        """Period of each row, shape (N,)."""
        return np.nonzero(self.cells)[1]

    @property
    def window_counts(self) -> Float32Array:
        """Counts over all lags together, by behaviour, shape (N, B)."""
        by_lag = self.sums.reshape(self.entity.size, self.levels.shape[1], -1)
        return np.asarray(by_lag.sum(axis=2), dtype=np.float32)

    def fit(self) -> tuple[HazardFit, BoolArray]:
        """Fit the hazard, with the long-run rates that predict churn beyond all else as controls.

        All rates are controls if affinity is not identified. The second value marks those that
        are, shape (B,).
        """
        n = self.cells.shape[0]
        x = np.concatenate([self.sums, self.controls], axis=1)
        added = np.ones(self.levels.shape[1], dtype=np.bool_)
        if self.has_affinity:
            fit = fit_hazard(self.event, x, self.entity, n, self.clusters)
            added = np.abs(score_test_z(self.event, x, fit, self.levels)) >= MIN_RATE_Z
            if not added.any():
                return fit, added
        x = np.concatenate([x, self.levels[:, added]], axis=1)
        return fit_hazard(self.event, x, self.entity, n, self.clusters), added

    def fit_terms(self, terms: Float32Array, rates: BoolArray) -> HazardFit:
        """Fit the hazard on other terms in place of the recent counts, their coefficients first.

        Parameters
        ----------
        terms : float32 array (N, K)
        rates : bool array (B,)
            Long-run rates among the controls.
        """
        x = np.concatenate([terms, self.controls, self.levels[:, rates]], axis=1)
        return fit_hazard(self.event, x, self.entity, self.cells.shape[0], self.clusters)


def build_hazard_design(
    periods: Periods, columns: list[int], spans: Spans, *, notice: int = 0, seed: int = 0
) -> HazardDesign:
    """Build the regressors of the hazard for the behaviours in some columns of the counts.

    Counts, long-run rates and affinity end `notice` periods before each cell: what happens after
    the decision to leave is neither evidence nor a control.
    """
    cells = risk_set(periods, spans, notice)
    churned = churn_indicator(periods) & cells
    entity, period = np.nonzero(cells)
    lags = hazard_lags(spans, notice)
    sums = recent_counts(periods, columns, lags, cells, churned, seed=seed)
    past = np.zeros_like(cells)
    past[:, : cells.shape[1] - notice] = cells[:, notice:]
    rates = shrunk_past_rates(periods, past)
    affinity = affinity_scores(rates, past)
    tenure = period - periods.entry[entity]
    newcomer = periods.entry[entity] > 0
    parts = [
        affinity[past],
        dummies(period),
        np.stack([newcomer & (tenure >= a) & (tenure < b) for a, b in TENURE_BOUNDS], axis=1),
    ]
    phase = payment_cycle_phase(periods)
    if phase is not None:
        parts.append(dummies(phase[cells]))
    return HazardDesign(
        cells=cells,
        churned=churned,
        entity=entity,
        sums=sums.reshape(entity.size, -1),
        levels=rates.log_rate[..., columns][past].astype(np.float32),
        controls=np.concatenate([part.astype(np.float32) for part in parts], axis=1),
        has_affinity=affinity.shape[2] > 0,
        clusters=periods.clusters,
    )
