"""Lifts against slow oracles, and their intervals against the truth of many simulated tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from engagement_ml.experiments.lifts import (
    Estimate,
    combine,
    contrast,
    difference,
    homogeneity_p_value,
    per_event,
)
from engagement_ml.experiments.measuring import Arms, measure

# Amounts of money: 0, or at least a millionth.
VALUES = st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: round(x, 6))
SAMPLES = st.integers(2, 30).flatmap(lambda n: arrays(np.float64, n, elements=VALUES))


@given(treated=SAMPLES, control=SAMPLES)
@settings(max_examples=60)
def test_the_interval_is_that_of_welchs_test(treated, control) -> None:
    size = abs(treated).max() + abs(control).max()
    assume(min(np.ptp(treated), np.ptp(control)) > 1e-3 * size)
    found = difference(treated, control)
    oracle = stats.ttest_ind(treated, control, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert found.value == pytest.approx(treated.mean() - control.mean(), abs=1e-9 * size)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-9 * size)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-9)


@given(treated=SAMPLES, control=SAMPLES, factor=st.floats(0.1, 10))
@settings(max_examples=40)
def test_swapped_arms_change_the_sign_and_units_do_not_matter(treated, control, factor) -> None:
    found, turned = difference(treated, control), difference(control, treated)
    assert found.bounded == (np.ptp(treated) > 0 or np.ptp(control) > 0)
    assume(found.bounded)
    back = turned.times(-1.0)
    assert (back.value, back.low, back.high) == pytest.approx((found.value, found.low, found.high))
    scaled = difference(factor * treated, factor * control)
    width = found.high - found.low
    assert scaled.low == pytest.approx(factor * found.low, rel=1e-6, abs=1e-6 * factor * width)


def test_without_variation_the_interval_has_no_bounds() -> None:
    same = difference(np.ones(5), np.zeros(5))
    alone = difference(np.ones(1), np.arange(5.0))
    assert (same.value, same.low, same.high, same.p_value) == (1.0, -math.inf, math.inf, None)
    assert math.isnan(alone.value)
    assert not alone.bounded


def covered(estimates: list[Estimate], truth: float) -> float:
    return float(np.mean([e.low <= truth <= e.high for e in estimates]))


def test_the_interval_covers_the_truth_in_95_of_100_tests() -> None:
    """Skewed baskets, arms of different size and spread."""
    rng = np.random.default_rng(7)
    found = [
        difference(rng.gamma(2.0, 3.0, 300) + 1.5, rng.gamma(2.0, 1.0, 900)) for _ in range(2000)
    ]
    assert 0.935 <= covered(found, 6.0 + 1.5 - 2.0) <= 0.965


def encouraged(rng: np.random.Generator, n: int, moved: float) -> tuple:
    """An encouragement to do more; affinity for the brand raises both events and outcome."""
    affinity = rng.standard_normal(2 * n)
    treated = np.arange(2 * n) < n
    events = rng.poisson(np.exp(0.4 * affinity) * (1.0 + moved * treated)).astype(float)
    outcome = 2.0 * events + 5.0 * affinity + rng.gamma(1.0, 4.0, 2 * n)
    return (outcome[treated], outcome[~treated]), (events[treated], events[~treated])


@pytest.mark.parametrize("moved", [0.6, 0.15], ids=["clear", "hardly any"])
def test_the_effect_per_event_covers_the_truth_of_an_encouragement(moved) -> None:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(1500):
        outcome, events = encouraged(rng, 250, moved)
        found.append(per_event(outcome, events, difference(*outcome)))
    unbounded = np.mean([not e.bounded for e in found])
    if moved > 0.5:
        assert unbounded == 0
        assert 0.935 <= covered(found, 2.0) <= 0.965
    else:
        assert 0.2 < unbounded < 0.8
        assert covered(found, 2.0) >= 0.94


def test_the_regression_on_events_is_confounded() -> None:
    """The slope of outcome on events, confounded by affinity, lies outside the interval."""
    outcome, events = encouraged(np.random.default_rng(2), 20_000, 0.6)
    found = per_event(outcome, events, difference(*outcome))
    slope = np.polyfit(np.concatenate(events), np.concatenate(outcome), 1)[0]
    assert found.low < 2.0 < found.high < slope


def test_fiellers_bounds_are_where_the_difference_becomes_significant() -> None:
    """The oracle: a test of outcome − r · events, by Welch, at each bound r."""
    outcome, events = encouraged(np.random.default_rng(5), 3000, 0.5)
    found = per_event(outcome, events, difference(*outcome))
    for bound in (found.low, found.high):
        left = [y - bound * x for y, x in zip(outcome, events, strict=True)]
        assert stats.ttest_ind(*left, equal_var=False).pvalue == pytest.approx(0.05, abs=2e-4)


def test_without_a_change_of_events_the_effect_has_no_bounds() -> None:
    rng = np.random.default_rng(3)
    outcome = rng.normal(1.0, 1.0, 100), rng.normal(0.0, 1.0, 100)
    events = rng.permutation(np.arange(100.0)), np.arange(100.0)
    found = per_event(outcome, events, difference(*outcome))
    assert not found.bounded


def test_known_events_divide_the_lift() -> None:
    rng = np.random.default_rng(4)
    treated = np.arange(400) < 200
    arms = Arms(treated, rng.normal(3.0 * treated, 1.0))
    half, fewer = measure(arms, events_per_entity=0.5), measure(arms, events_per_entity=-0.5)
    assert half.effect.value == pytest.approx(2 * half.lift.value)
    assert half.effect.low == pytest.approx(2 * half.lift.low)
    assert (fewer.effect.low, fewer.effect.high) == (-half.effect.high, -half.effect.low)


def test_the_homogeneity_test_has_its_size_and_power() -> None:
    """p-values are uniform where lifts are the same, and tiny where one segment's is another."""
    rng = np.random.default_rng(9)
    treated = rng.random(3000) < 0.5
    plan = rng.choice(["a", "b", "c"], 3000)
    same, other = [], []
    for _ in range(400):
        noise = rng.gamma(1.0, 3.0, 3000)
        for kept, extra in ((same, 0.0), (other, 1.5)):
            outcome = noise + treated * (1.0 + extra * (plan == "c"))
            found = measure(Arms(treated, outcome, segments={"plan": plan}))
            kept.append(found.same_in_segments["plan"])
    assert stats.kstest(same, "uniform").pvalue > 0.01
    assert np.mean(np.array(other) < 0.05) > 0.95


def test_a_segment_is_compared_with_all_others() -> None:
    rng = np.random.default_rng(1)
    treated = rng.random(2000) < 0.5
    plan = rng.choice(["a", "b"], 2000).astype(object)
    outcome = rng.normal(size=2000) + treated * np.where(plan == "a", 3.0, 1.0)
    a, b = measure(Arms(treated, outcome, segments={"plan": plan})).by_segment
    assert (a.value, b.value) == ("a", "b")
    assert a.difference.low < 2.0 < a.difference.high
    assert a.difference.value == pytest.approx(-b.difference.value)
    assert a.n_treated + b.n_treated == treated.sum()
    oracle = contrast([outcome[(plan == "a") & treated]], [1.0]).value
    assert a.lift.value == pytest.approx(oracle - outcome[(plan == "a") & ~treated].mean())


def test_experiments_are_combined_by_inverse_variance() -> None:
    exact, rough = Estimate(1.0, 0.9, 1.1, 0.0), Estimate(1.6, 0.6, 2.6, 0.1)
    found = combine([exact, rough])
    weight = 0.1**-2 / (0.1**-2 + 1.0)
    assert found.value == pytest.approx(weight * 1.0 + (1 - weight) * 1.6)
    assert exact.high - exact.low > found.high - found.low
    assert combine([exact]) is exact
    assert combine([exact, Estimate(5.0, -math.inf, math.inf, None)]) is exact


def test_heterogeneous_experiments_widen_the_interval() -> None:
    low, high = Estimate(1.0, 0.9, 1.1, 0.0), Estimate(3.0, 2.9, 3.1, 0.0)
    found = combine([low, high])
    assert found.low < 1.0
    assert found.high > 3.0
    assert homogeneity_p_value([low, high]) < 1e-6


def test_combined_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(8)
    found = []
    for _ in range(1500):
        sizes = (100, 400, 200)
        own = [difference(rng.normal(1.0, 2.0, n), rng.normal(0.0, 1.0, n)) for n in sizes]
        found.append(combine(own))
    assert 0.935 <= covered(found, 1.0) <= 0.98
