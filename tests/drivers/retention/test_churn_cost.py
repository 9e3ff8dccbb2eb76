"""Cost of churn: payment cycle, expected future margin, lag weights."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.churn_cost import (
    ChurnOutcomes,
    churn_cost_weights,
    churn_outcomes_at_cutoffs,
    expected_future_margin,
    payment_cycle_phase,
    periods_since_payment,
)
from engagement_ml.drivers.retention.risk_set import churn_indicator

SPANS = Spans(7, 6, 6, 1)


def payers(make_periods, every: int, *, seed: int = 0, n: int = 400, n_periods: int = 30):
    """Simulate payments of 10 every few periods since entry, with churn when a payment is due."""
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 12, n)
    since = np.arange(n_periods) - entry[:, None]
    due = (since >= 0) & (since % every == 0)
    churns = due & (since > 0) & (rng.random((n, n_periods)) < 0.15)
    leave = np.where(churns.any(axis=1), churns.argmax(axis=1) + 1, n_periods)
    present = np.arange(n_periods) < leave[:, None]
    pays = due & present & ~churns
    counts = {"x": np.zeros((n, n_periods))}
    return make_periods(counts, 10.0 * pays, entry=entry, leave=leave)


def test_periods_since_the_last_payment(make_periods) -> None:
    gain = np.array([[0.0, 3, 0, 0, 2, 0]])
    periods = make_periods({"x": np.zeros((1, 6))}, gain)
    assert periods_since_payment(periods).tolist() == [[0, 0, 1, 2, 3, 1]]


def test_payment_cycle_is_detected_if_there_is_one(make_periods) -> None:
    periods = payers(make_periods, 4)
    place = payment_cycle_phase(periods)
    assert place is not None
    assert place.max() == 6
    np.testing.assert_array_equal(np.unique(place[churn_indicator(periods)]), [4])
    rng = np.random.default_rng(3)
    irregular = make_periods(
        {"x": np.zeros((400, 30))}, (rng.random((400, 30)) < 0.3).astype(float)
    )
    assert payment_cycle_phase(irregular) is None


def test_expected_future_margin_is_that_of_entities_that_stay(make_periods) -> None:
    periods = payers(make_periods, 4)
    churned = churn_indicator(periods)
    present = (np.arange(30) >= periods.entry[:, None]) & (np.arange(30) < periods.exit[:, None])
    ahead = expected_future_margin(periods, churned, present.astype(float), 6)
    stays = present & ~churned & (periods_since_payment(periods) == 4)
    stays[:, 26:] = False
    i, t = np.nonzero(stays)
    assert ahead[4, 1] == pytest.approx(10.0, rel=0.01)
    total = [periods.gain[a, b : b + 5].sum() for a, b in zip(i, t, strict=True)]
    assert ahead[4, 5] == pytest.approx(np.mean(total), rel=0.01)
    assert ahead[1, 3] == pytest.approx(0.0, abs=0.05)


def test_entities_are_weighted_by_their_odds_of_churn(make_periods) -> None:
    gain = np.array([[1.0, 1, 1, 1], [5, 5, 5, 5]])
    periods = make_periods({"x": np.zeros((2, 4))}, gain)
    odds = np.array([[0.3] * 4, [0.1] * 4])
    ahead = expected_future_margin(periods, np.zeros((2, 4), bool), odds, 2)
    assert ahead[1, 2] == pytest.approx((0.3 * 2 + 0.1 * 10) / 0.4, rel=0.01)


def slow_weights(periods, churned, ahead, groups, outcomes) -> np.ndarray:
    """Loop over entities, cutoffs, events and outcome periods."""
    n_periods = periods.gain.shape[1]
    since = np.minimum(periods_since_payment(periods), SPANS.outcome + 1)
    kept = periods.gain[churned].mean()
    weights = {g: np.zeros(SPANS.observation + 1) for g in groups}
    risk = np.zeros((SPANS.observation + 1, SPANS.outcome))
    rows = []
    for c in range(n_periods - 2, SPANS.observation - 1, -2):
        for i in range(len(periods.entry)):
            if not periods.entry[i] < c < periods.exit[i]:
                continue
            span = min(c - periods.entry[i], SPANS.observation)
            for u in range(SPANS.outcome):
                t = c + SPANS.gap + u
                if t >= n_periods - 1:
                    break
                risk[span, u] += 1
                if churned[i, t]:
                    rows.append((span, u, ahead[since[i, t], SPANS.outcome - u] - kept))
    chance = np.zeros(SPANS.observation + 1)
    for span, u, lost in rows:
        chance[span] += 1 / risk[span, u]
        for s in range(1, span + 1):
            for a, b in groups:
                if a <= s + SPANS.gap + u <= b:
                    weights[a, b][span] += lost / span / risk[span, u]
    share = np.array(
        [outcomes.churned[outcomes.tenure == s].sum() for s in range(SPANS.observation + 1)]
    ) / len(outcomes.tenure)
    return np.array(
        [sum(share[s] * weights[g][s] / chance[s] for s in range(1, 7)) for g in groups]
    )


def test_lag_weights_agree_with_a_loop(make_periods) -> None:
    periods = payers(make_periods, 2, n=3000, seed=4)
    churned = churn_indicator(periods)
    odds = np.where(np.arange(30) < periods.exit[:, None], 0.1, 0.0)
    groups = ((1, 1), (2, 3), (4, 7))
    outcomes = churn_outcomes_at_cutoffs(periods, churned, SPANS)
    assert outcomes.churned.mean() == pytest.approx(0.38, abs=0.1)
    ahead = expected_future_margin(periods, churned, odds, SPANS.outcome)
    expected = slow_weights(periods, churned, ahead, groups, outcomes)
    weights = churn_cost_weights(periods, churned, odds, SPANS, groups, outcomes)
    np.testing.assert_allclose(weights, expected, rtol=1e-9)


def test_without_churn_there_is_no_cost(make_periods) -> None:
    periods = make_periods({"x": np.zeros((5, 20))}, np.ones((5, 20)))
    outcomes = ChurnOutcomes(np.full(5, 6), np.zeros(5))
    weights = churn_cost_weights(
        periods, churn_indicator(periods), np.full((5, 20), 0.1), SPANS, ((1, 7),), outcomes
    )
    assert weights.tolist() == [0.0]
