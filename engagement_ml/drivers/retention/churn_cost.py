"""What is lost when an entity leaves: the margin of the periods it would still have stayed.

One event in the observation window changes the chance to leave in each outcome period. What that is
worth depends on when entities leave, how long they had been there, how the payments lie, and what
those who leave would have paid had they stayed; all of it is taken from the data, not from a mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods

_LEAST_GAPS = 100
_REGULAR_SHARE = 0.9
_LEAST_LEFT = 20  # of one length of stay, to tell when they leave


@dataclass(frozen=True)
class ChurnOutcomes:
    """Who left of those there at cutoffs: what the effects are averaged over.

    Attributes
    ----------
    tenure : int array (R,)
        Periods of the observation window that the entity was there, 1 to P.
    churned : array (R,)
        1 where it left in the outcome window.
    """

    tenure: Int64Array
    churned: FloatArray


def periods_since_payment(periods: Periods) -> Int64Array:
    """Return the periods since the last one with a gain, before each; 0 where there was none."""
    t = np.arange(periods.gain.shape[1])[None, :]
    last = np.maximum.accumulate(np.where(periods.gain > 0, t, -1), axis=1)
    last = np.concatenate([np.full((last.shape[0], 1), -1), last[:, :-1]], axis=1)
    return np.asarray(np.where(last >= 0, t - last, 0), dtype=np.int64)


def payment_cycle_phase(periods: Periods) -> Int64Array | None:
    """Return each cell's place in the rhythm of payments, shape (n, T), or None without one.

    Payments have a rhythm if nine in ten gaps between an entity's payments are as long as the most
    frequent gap, give or take a period; whoever pays every four weeks decides every four weeks.
    Places are the periods since the last payment, those beyond the rhythm as one, 0 without any.
    """
    since = periods_since_payment(periods)
    gaps = since[(periods.gain > 0) & (since > 0)]
    if gaps.size < _LEAST_GAPS:
        return None
    times = np.bincount(gaps)
    usual = int(times.argmax())
    alike = times[max(usual - 1, 1) : usual + 2].sum() / gaps.size
    if usual < 2 or alike < _REGULAR_SHARE:
        return None
    return np.minimum(since, usual + 2)


def churn_outcomes_at_cutoffs(periods: Periods, churned: BoolArray, spans: Spans) -> ChurnOutcomes:
    """Return who was there at cutoffs of the periods with a whole outcome window, and left."""
    n_periods = periods.gain.shape[1]
    span: list[Int64Array] = [np.zeros(0, dtype=np.int64)]
    left: list[FloatArray] = [np.zeros(0)]
    for c in range(n_periods - spans.gap - spans.outcome, spans.observation - 1, -_step(spans)):
        there = (periods.entry < c) & (periods.exit > c)
        outcome = churned[there, c + spans.gap : c + spans.gap + spans.outcome]
        span.append(np.clip(c - periods.entry[there], 1, spans.observation).astype(np.int64))
        left.append(np.asarray(outcome.any(axis=1), dtype=np.float64))
    return ChurnOutcomes(np.concatenate(span), np.concatenate(left))


def expected_future_margin(
    periods: Periods, churned: BoolArray, odds: FloatArray, outcome: int
) -> FloatArray:
    """Mean margin over the next periods of those who stay, shape (Q + 2, Q + 1).

    By the periods since the last payment (0 none, Q + 1 the most), and for 0 to Q periods ahead.
    Those who stay are weighed by the odds that they would have left, so that they stand for those
    who did: who is likely to leave now is likely to leave soon.

    Parameters
    ----------
    periods : Periods
    churned : bool array (n, T)
    odds : array (n, T)
        Of leaving in each period; 0 in cells that are not to count.
    outcome : int
    """
    margin = periods.gain - periods.loss
    n, n_periods = margin.shape
    place = np.minimum(periods_since_payment(periods), outcome + 1)
    weight = np.where(churned, 0.0, odds)
    total = np.concatenate([np.zeros((n, 1)), np.cumsum(margin, axis=1)], axis=1)
    found = np.zeros((outcome + 2, outcome + 1))
    for ahead in range(1, min(outcome, n_periods) + 1):
        stop = n_periods - ahead + 1
        sums = total[:, ahead:] - total[:, :stop]
        mine, at = weight[:, :stop].ravel(), place[:, :stop].ravel()
        mass = np.bincount(at, mine, minlength=outcome + 2)
        worth = np.bincount(at, mine * sums.ravel(), minlength=outcome + 2)
        mean = worth.sum() / max(float(mass.sum()), 1e-300)
        faint = 1e-3 * mass.sum() + 1e-300
        found[:, ahead] = (worth + mean * faint) / (mass + faint)
    return found


def churn_cost_weights(
    periods: Periods,
    churned: BoolArray,
    odds: FloatArray,
    spans: Spans,
    groups: LagGroups,
    leaving: ChurnOutcomes,
) -> FloatArray:
    """Weigh each group of lags: margin lost per unit of relative change of the chance to leave.

    ``w_g = Σ_s q_s Σ_u E[stake of leaving in outcome period u | s] n_g(s, u) / s``: an entity that
    was there for s periods of the observation window (the share q_s of those at the cutoffs was,
    and left), whose event can have been in any of them, meets outcome period u at a lag in the
    group in n_g of s cases.

    Parameters
    ----------
    periods : Periods
    churned : bool array (n, T)
    odds : array (n, T)
        As for `expected_future_margin`.
    spans : Spans
    groups : tuple of (first, last)
        Of lags, from 1.
    leaving : ChurnOutcomes
        At the cutoffs that effects are to be averaged over.

    Returns
    -------
    array (G,)
        In currency.
    """
    longest, outcome = spans.observation, spans.outcome
    ahead = expected_future_margin(periods, churned, odds, outcome)
    place = np.minimum(periods_since_payment(periods), outcome + 1)
    margin = periods.gain - periods.loss
    kept = float(margin[churned].mean()) if churned.any() else 0.0
    left = np.zeros((longest + 1, outcome))
    stake = np.zeros((longest + 1, outcome))
    there = np.zeros((longest + 1, outcome))
    n_periods = margin.shape[1]
    for c in range(n_periods - _step(spans), longest - 1, -_step(spans)):
        present = (periods.entry < c) & (periods.exit > c)
        span = np.clip(c - periods.entry, 1, longest)
        for u in range(min(outcome, n_periods - 1 - c - spans.gap)):
            t = c + spans.gap + u
            gone = present & churned[:, t]
            there[:, u] += np.bincount(span[present], minlength=longest + 1)
            left[:, u] += np.bincount(span[gone], minlength=longest + 1)
            lost = ahead[place[gone, t], outcome - u] - kept
            stake[:, u] += np.bincount(span[gone], lost, minlength=longest + 1)
    gone_by_span = np.bincount(leaving.tenure, leaving.churned, minlength=longest + 1)
    share = gone_by_span / max(leaving.tenure.size, 1)
    weights = np.zeros(len(groups))
    for s in range(1, longest + 1):
        mine = slice(s, s + 1) if left[s].sum() >= _LEAST_LEFT else slice(None)
        per_one = stake[mine].sum(axis=0) / np.maximum(there[mine].sum(axis=0), 1)
        chance = (left[mine].sum(axis=0) / np.maximum(there[mine].sum(axis=0), 1)).sum()
        per_leaving = per_one / max(float(chance), 1e-300)
        weights += share[s] * (_meetings(groups, s, outcome, spans.gap) @ per_leaving) / s
    return weights


def _meetings(groups: LagGroups, span: int, outcome: int, gap: int) -> FloatArray:
    """How many of the last `span` periods meet each outcome period at a lag in each group."""
    u = np.arange(outcome)
    return np.array(
        [
            np.clip(np.minimum(b - gap - u, span) - np.maximum(a - gap - u, 1) + 1, 0, None)
            for a, b in groups
        ],
        dtype=np.float64,
    )


def _step(spans: Spans) -> int:
    """Periods from cutoff to cutoff, as in `window_rows`."""
    return max(1, spans.observation // 3)
