"""Intervals of kinds: edges, order of rows, and the cases in which a formula would mislead."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.measures.kinds.arithmetic import divide, gradient
from engagement_ml.measures.kinds.functions import difference, rate, ratio, share
from engagement_ml.measures.kinds.kind import Estimate, Totals
from engagement_ml.measures.kinds.lifetime import (
    LifetimeValue,
    change_by_factor,
    factor_sentence,
)
from engagement_ml.measures.kinds.net_promoter import NetPromoter
from engagement_ml.measures.kinds.trend import theil_sen


def totals(rows: Any, *, with_rows: bool | None = None, days: int = 30) -> Totals:
    rows = np.asarray(rows, dtype=float)
    few = len(rows) < 30 if with_rows is None else with_rows
    cubes = np.einsum("ni,nj,nk->ijk", rows, rows, rows)
    ordered = rows[np.lexsort(rows.T[::-1])]
    return Totals(len(rows), rows.sum(0), rows.T @ rows, ordered if few else None, cubes, days)


def test_the_share_of_the_table_of_measures() -> None:
    """25 of 40 is 62.5%."""
    estimate = share("again", "ended").estimate(totals([[1, 1]] * 25 + [[0, 1]] * 15))

    assert (estimate.value, estimate.numerator, estimate.denominator) == (62.5, 25, 40)
    assert (estimate.low, estimate.high) == (
        pytest.approx(47.03, abs=0.01),
        pytest.approx(75.78, abs=0.01),
    )


def test_a_share_of_none_or_all_is_not_certain() -> None:
    once = [share("a", "b").estimate(totals([[hit, 1]] * 40)) for hit in (0, 1)]
    several = [share("a", "b").estimate(totals([[hit * 5, 5]] * 40)) for hit in (0, 1)]

    for none, every in (once, several):
        assert (none.value, none.low, every.value, every.high) == (0, 0, 100, 100)
        assert 5 < none.high < 15
        assert 85 < every.low < 95


def test_several_trials_a_person_are_no_independent_ones() -> None:
    """Ten people with ten equal trials tell what ten people tell, not a hundred."""
    ten = share("a", "b").estimate(totals([[1, 1]] * 5 + [[0, 1]] * 5))
    hundred = share("a", "b").estimate(totals([[10, 10]] * 5 + [[0, 10]] * 5))

    assert hundred.low <= ten.low
    assert hundred.high >= ten.high


def test_no_events_still_have_an_upper_limit() -> None:
    """The exact Poisson limit for 0 of 100: 3.69 events."""
    estimate = rate("events", "people", scale=1000).estimate(totals([[0, 1]] * 100))

    assert (estimate.value, estimate.low) == (0, 0)
    assert estimate.high == pytest.approx(36.9, abs=0.05)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[5, 1]] * 50, "do not differ"),
        ([[5, 1]] * 20, "do not differ"),
        ([[5, 1], [7, 1]], "fewer than 8 customers"),
    ],
)
def test_no_interval_is_printed_that_the_data_do_not_give(rows: Any, reason: str) -> None:
    estimate = ratio("amount", "people").estimate(totals(rows))

    assert estimate.value == pytest.approx(np.sum(rows, 0)[0] / len(rows))
    assert (estimate.low, estimate.high) == (None, None)
    assert reason in estimate.note


def test_without_a_denominator_there_is_no_data() -> None:
    kinds = (share("a", "b"), ratio("a", "b"), rate("a", "b"))
    for kind in kinds:
        assert kind.estimate(totals([[0, 0]] * 9)).value is None
    assert difference("a", "b", "c", "d").estimate(totals([[1, 1, 0, 0]] * 9)).value is None
    assert NetPromoter().estimate(totals([[0, 0, 0]])).value is None
    assert ratio("a", "b").estimate(totals([[3, -1]] * 9)).value is None


def test_large_groups_of_skewed_amounts_reach_further_up_than_down() -> None:
    amounts = np.exp(np.random.default_rng(0).normal(0, 1.5, 200))

    estimate = ratio("a", "b").estimate(totals(np.column_stack([amounts, np.ones(200)])))

    assert estimate.high - estimate.value > 1.2 * (estimate.value - estimate.low)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 4)), min_size=8, max_size=29))
def test_the_order_of_customers_does_not_matter(rows: list[tuple[int, int]]) -> None:
    for kind in (ratio("a", "b"), rate("a", "b")):
        estimate = kind.estimate(totals(rows))
        assert estimate == kind.estimate(totals(rows[::-1]))
        if estimate.low is not None:
            assert estimate.low <= estimate.value <= estimate.high


def test_the_gradient_at_the_border_is_one_sided() -> None:
    """A ratio is not defined below 0."""
    slopes = gradient(divide, np.array([2.0, 1e-9]))

    assert np.isfinite(slopes).all()
    assert slopes[0] == pytest.approx(1e9)
    assert np.isnan(gradient(divide, np.array([2.0, -5.0]))).all()


def test_the_variance_is_that_of_the_jackknife() -> None:
    """Close to the jackknife by customer, which takes no derivative."""
    rng = np.random.default_rng(3)
    days, others = 1 + rng.poisson(4, 300), 5 + rng.poisson(15, 300)
    rows = np.column_stack([rng.binomial(days, 0.2), days, rng.binomial(others, 0.1), others])
    kind = difference("a", "b", "c", "d")

    def value(sums: Any) -> float:
        return float(sums[0] / sums[1] - sums[2] / sums[3])

    left_out = np.array([value(rows.sum(0) - row) for row in rows])
    jackknife = 299 / 300 * np.sum((left_out - left_out.mean()) ** 2)
    assert kind.variance(totals(rows)) == pytest.approx(jackknife, rel=0.03)
    estimate = kind.estimate(totals(rows))
    assert estimate.value == pytest.approx(100 * value(rows.sum(0)))
    assert estimate.high - estimate.low == pytest.approx(392 * math.sqrt(jackknife), rel=0.06)


def test_promoters_as_published() -> None:
    """Rocks (2016): bounds are cut at 100."""
    all_up = NetPromoter().estimate(totals([[1, 0, 1]] * 6))

    assert (all_up.value, all_up.high, all_up.n) == (100, 100, 6)
    assert 0 < all_up.low < 100


@given(st.lists(st.integers(-5, 5), min_size=4, max_size=9))
def test_a_trend_is_the_median_slope(series: list[int]) -> None:
    found = theil_sen([float(value) for value in series])

    pairs = itertools.combinations(enumerate(series), 2)
    slopes = sorted((b - a) / (j - i) for (i, a), (j, b) in pairs)
    assert found.slope == pytest.approx(float(np.median(slopes)))
    assert found.low <= found.slope <= found.high


def test_a_trend_keeps_the_places_of_periods_without_data() -> None:
    assert theil_sen([0.0, None, 4.0, None, 8.0, 10.0]).slope == 2.0
    assert theil_sen([1.0, None, 2.0, 3.0]).slope is None


def test_the_interval_of_a_trend_is_kendalls() -> None:
    """As SciPy's, whose quantile is that of the normal distribution; alternating errors."""
    from scipy.stats import theilslopes

    errors = np.array([0.3, -0.4, 0.1, -0.2, 0.5, -0.6, 0.2, -0.1, 0.4, -0.5, 0.6, -0.3, 0.0])
    series = 0.5 * np.arange(13) + errors

    found, expected = theil_sen(series.tolist()), theilslopes(series, np.arange(13))

    assert (found.slope, found.low, found.high) == pytest.approx(
        (expected.slope, expected.low_slope, expected.high_slope)
    )


def test_deviations_that_last_widen_the_interval_of_a_trend() -> None:
    wave = np.sin(np.arange(24) / 4)
    mixed = np.random.default_rng(0).permutation(wave)
    wide, narrow = (theil_sen((0.1 * np.arange(24) + each).tolist()) for each in (wave, mixed))

    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def lifetime(orders: float, margin: float, lost: float, base: float = 100.0) -> Estimate:
    sums = np.array([orders, margin, 200.0, lost, base])
    return LifetimeValue(horizon_days=600).estimate(Totals(200, sums, np.eye(5), days=30))


def test_lifetime_value_is_its_three_factors() -> None:
    estimate = lifetime(50, 1000, 10)

    assert estimate.factors == {"frequency": 0.25, "lifetime": 10, "margin per order": 20}
    assert estimate.value == 50
    assert lifetime(50, 1000, 0).factors["lifetime"] == 20
    assert "no customer was lost" in lifetime(50, 1000, 0).note
    assert "cut at the horizon" in lifetime(50, 1000, 2).note
    assert lifetime(0, -5, 10).value is None


@given(*[st.floats(0.1, 100) for _ in range(2)], *[st.floats(-100, 100) for _ in range(2)])
def test_a_change_is_told_in_its_factors_exactly(
    frequency: float, lasting: float, margin: float, later: float
) -> None:
    before = Estimate(6.0 * margin, None, None, 9, factors={"a": 2.0, "b": 3.0, "c": margin})
    after_value = frequency * lasting * later
    factors = {"a": frequency, "b": lasting, "c": later}
    after = Estimate(after_value, None, None, 9, factors=factors)

    parts = change_by_factor(before, after)

    if abs(margin) < 1e-6:
        return
    change = (after_value - 6 * margin) / abs(6 * margin)
    assert sum(parts.values()) == pytest.approx(change, rel=1e-6, abs=1e-9)
    whole = [int(word.rstrip("%:,")) for word in factor_sentence(parts).split() if word[0] in "+-"]
    assert whole[0] == sum(whole[1:])
