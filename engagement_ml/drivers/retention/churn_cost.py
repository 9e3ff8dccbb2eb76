"""Cost of churn: margin lost in the outcome window if an entity churns, and lag weights from it.

An event in the observation window changes the hazard of churn in each outcome period. The value of
that depends on when entities churn, on their tenure, on the payment cycle, and on the margin that
churned entities would have had. All of it is estimated from the data, not replaced by a mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods

MIN_PAYMENT_GAPS = 100
"""Gaps between payments below which no payment cycle is looked for."""

MIN_REGULAR_SHARE = 0.9
"""Share of the gaps that must be as long as the most frequent gap, give or take a period."""

MIN_CHURNED = 20
"""Churned entities of one tenure from which their churn times are estimated apart."""

CUTOFFS_PER_WINDOW = 3
"""Number of cutoffs within the length of an observation window, as in `window_rows`."""

SMOOTHING_SHARE = 1e-3
"""Weight of the overall mean in each class of the expected margin, against empty classes."""


@dataclass(frozen=True)
class ChurnOutcomes:
    """Tenure and churn of the entities present at cutoffs: what effects are averaged over.

    Attributes
    ----------
    tenure : int array (R,)
        Periods of the observation window in which the entity was present, 1 to P.
    churned : array (R,)
        1 if it churned in the outcome window, else 0.
    """

    tenure: Int64Array
    churned: FloatArray


def periods_since_payment(periods: Periods) -> Int64Array:
    """Return the periods since the last gain before each period, 0 without any, shape (n, T)."""
    t = np.arange(periods.gain.shape[1])[None, :]
    last = np.maximum.accumulate(np.where(periods.gain > 0, t, -1), axis=1)
    last = np.concatenate([np.full((last.shape[0], 1), -1), last[:, :-1]], axis=1)
    return np.asarray(np.where(last >= 0, t - last, 0), dtype=np.int64)


def payment_cycle_phase(periods: Periods) -> Int64Array | None:
    """Return each cell's phase in the payment cycle, shape (n, T), or None without a cycle.

    Payments have a cycle if nine in ten gaps between an entity's payments are as long as the most
    frequent gap, give or take a period: an entity that pays every four weeks decides every four
    weeks. The phase is the number of periods since the last payment, 0 without any; all phases
    beyond the cycle are one.
    """
    since = periods_since_payment(periods)
    gaps = since[(periods.gain > 0) & (since > 0)]
    if gaps.size < MIN_PAYMENT_GAPS:
        return None
    frequency = np.bincount(gaps)
    cycle = int(frequency.argmax())
    regular_share = frequency[max(cycle - 1, 1) : cycle + 2].sum() / gaps.size
    if cycle < 2 or regular_share < MIN_REGULAR_SHARE:
        return None
    return np.minimum(since, cycle + 2)


def churn_outcomes_at_cutoffs(periods: Periods, churned: BoolArray, spans: Spans) -> ChurnOutcomes:
    """Return tenure and churn at all cutoffs of the record with a complete outcome window."""
    n_periods = periods.gain.shape[1]
    tenure: list[Int64Array] = [np.zeros(0, dtype=np.int64)]
    outcome: list[FloatArray] = [np.zeros(0)]
    last_cutoff = n_periods - spans.gap - spans.outcome
    for c in range(last_cutoff, spans.observation - 1, -_cutoff_step(spans)):
        present = (periods.entry < c) & (periods.exit > c)
        in_window = churned[present, c + spans.gap : c + spans.gap + spans.outcome]
        tenure.append(np.clip(c - periods.entry[present], 1, spans.observation).astype(np.int64))
        outcome.append(np.asarray(in_window.any(axis=1), dtype=np.float64))
    return ChurnOutcomes(np.concatenate(tenure), np.concatenate(outcome))


def expected_future_margin(
    periods: Periods, churned: BoolArray, odds: FloatArray, outcome: int
) -> FloatArray:
    """Return the mean margin over the next periods of entities that stay, shape (Q + 2, Q + 1).

    By the periods since the last payment (0 for none, Q + 1 for more than Q) and for 0 to Q periods
    ahead. Entities that stay are weighted by their odds of churn, so that they represent those that
    churned (odds weighting, as for an effect on the treated): an entity that is likely to churn now
    is likely to churn soon.

    Parameters
    ----------
    periods : Periods
    churned : bool array (n, T)
    odds : array (n, T)
        Odds of churn in each period; 0 in cells that do not count.
    outcome : int
        Q, in periods.
    """
    margin = periods.gain - periods.loss
    n, n_periods = margin.shape
    since_payment = np.minimum(periods_since_payment(periods), outcome + 1)
    weight = np.where(churned, 0.0, odds)
    cumulative = np.concatenate([np.zeros((n, 1)), np.cumsum(margin, axis=1)], axis=1)
    expected = np.zeros((outcome + 2, outcome + 1))
    for ahead in range(1, min(outcome, n_periods) + 1):
        stop = n_periods - ahead + 1
        sums = cumulative[:, ahead:] - cumulative[:, :stop]
        cell_weight = weight[:, :stop].ravel()
        cell_class = since_payment[:, :stop].ravel()
        mass = np.bincount(cell_class, cell_weight, minlength=outcome + 2)
        weighted = np.bincount(cell_class, cell_weight * sums.ravel(), minlength=outcome + 2)
        # Smooth towards the overall mean.
        mean = weighted.sum() / max(float(mass.sum()), 1e-300)
        prior_mass = SMOOTHING_SHARE * mass.sum() + 1e-300
        expected[:, ahead] = (weighted + mean * prior_mass) / (mass + prior_mass)
    return expected


def churn_cost_weights(
    periods: Periods,
    churned: BoolArray,
    odds: FloatArray,
    spans: Spans,
    groups: LagGroups,
    outcomes: ChurnOutcomes,
) -> FloatArray:
    """Return the weight of each group of lags: margin lost per unit of relative hazard change.

    ``w_g = Σ_s q_s Σ_u E[cost of churn in outcome period u | s] n_g(s, u) / s``. q_s is the share
    of entities at the cutoffs with tenure s that churned. An event is in any of the s periods, and
    meets outcome period u at a lag of group g in n_g of the s cases.

    Parameters
    ----------
    periods : Periods
    churned : bool array (n, T)
    odds : array (n, T)
        As for `expected_future_margin`.
    spans : Spans
    groups : tuple of (first, last)
        Inclusive lags, from 1.
    outcomes : ChurnOutcomes
        At the cutoffs over which effects are averaged.

    Returns
    -------
    array (G,)
        In currency.
    """
    life_table = _life_table(periods, churned, odds, spans)
    max_tenure = spans.observation
    churned_by_tenure = np.bincount(outcomes.tenure, outcomes.churned, minlength=max_tenure + 1)
    share = churned_by_tenure / max(outcomes.tenure.size, 1)
    weights = np.zeros(len(groups))
    for s in range(1, max_tenure + 1):
        cost_per_churn = life_table.cost_per_churn(s)
        n_pairs = _lag_group_pairs(groups, s, spans.outcome, spans.gap)
        weights += share[s] * (n_pairs @ cost_per_churn) / s
    return weights


@dataclass(frozen=True)
class _LifeTable:
    """Entities present, entities churned and cost of churn, by tenure and outcome period.

    Attributes
    ----------
    present, churned, cost : arrays (P + 1, Q)
    """

    present: FloatArray
    churned: FloatArray
    cost: FloatArray

    def cost_per_churn(self, tenure: int) -> FloatArray:
        """Return the expected cost by period of churn, per churned entity, shape (Q,).

        Entities of all tenures are pooled if fewer than `MIN_CHURNED` of this one churned.
        """
        enough = self.churned[tenure].sum() >= MIN_CHURNED
        rows = slice(tenure, tenure + 1) if enough else slice(None)
        present = np.maximum(self.present[rows].sum(axis=0), 1)
        cost = self.cost[rows].sum(axis=0) / present
        probability = (self.churned[rows].sum(axis=0) / present).sum()
        return np.asarray(cost / max(float(probability), 1e-300))


def _life_table(periods: Periods, churned: BoolArray, odds: FloatArray, spans: Spans) -> _LifeTable:
    """Count entities and add up the cost of churn over all cutoffs of the record."""
    max_tenure, outcome = spans.observation, spans.outcome
    expected = expected_future_margin(periods, churned, odds, outcome)
    since_payment = np.minimum(periods_since_payment(periods), outcome + 1)
    margin = periods.gain - periods.loss
    margin_when_churning = float(margin[churned].mean()) if churned.any() else 0.0
    n_present, n_churned, cost = np.zeros((3, max_tenure + 1, outcome))
    n_periods = margin.shape[1]
    step = _cutoff_step(spans)
    for c in range(n_periods - step, max_tenure - 1, -step):
        present = (periods.entry < c) & (periods.exit > c)
        tenure = np.clip(c - periods.entry, 1, max_tenure)
        for u in range(min(outcome, n_periods - 1 - c - spans.gap)):
            t = c + spans.gap + u
            churns = present & churned[:, t]
            n_present[:, u] += np.bincount(tenure[present], minlength=max_tenure + 1)
            n_churned[:, u] += np.bincount(tenure[churns], minlength=max_tenure + 1)
            lost = expected[since_payment[churns, t], outcome - u] - margin_when_churning
            cost[:, u] += np.bincount(tenure[churns], lost, minlength=max_tenure + 1)
    return _LifeTable(n_present, n_churned, cost)


def _lag_group_pairs(groups: LagGroups, tenure: int, outcome: int, gap: int) -> FloatArray:
    """Count the last `tenure` periods at a lag of each group before each outcome period, (G, Q)."""
    u = np.arange(outcome)
    return np.array(
        [
            np.clip(np.minimum(b - gap - u, tenure) - np.maximum(a - gap - u, 1) + 1, 0, None)
            for a, b in groups
        ],
        dtype=np.float64,
    )


def _cutoff_step(spans: Spans) -> int:
    """Return the periods between cutoffs, as in `window_rows`."""
    return max(1, spans.observation // CUTOFFS_PER_WINDOW)
