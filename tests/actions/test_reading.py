"""What a list says: lift, adjustment and verdicts on simulated customers with known truth."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.actions.reading import Followed, adjusted, read
from engagement_ml.actions.track_record import Moved, VerdictTest, relation, summarise
from engagement_ml.experiments.lifts import Estimate, difference
from engagement_ml.experiments.measuring import Arms
from engagement_ml.experiments.randomisation import measure_randomised


def followed(effect: float, more: float, n: int = 3000, seed: int = 0) -> Followed:
    """Two behaviours of the same effect; margin before explains most of margin."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.7
    before = rng.gamma(2.0, 20.0, n)
    events = rng.poisson(1.0, n) + rng.poisson(more, n) * treated
    margin = before + rng.normal(0, 5.0, n) + effect * events
    place = rng.integers(2, size=n)
    return Followed(
        ("a", "b"), treated, place, margin, events * 1.0, before, rng.poisson(1.0, n) * 1.0
    )


def verdicts(one: Followed, predicted=(4.0, 3.0, 5.0), cost: float = 0.0) -> list[str]:
    return [each.verdict for each in read(one, [predicted] * 2, [cost] * 2).behaviours]


def test_a_lift_is_found_and_a_false_driver_is_contradicted():
    found = read(followed(4.0, 1.0), [(4.0, 3.0, 5.0)] * 2, [0.0, 0.0])
    assert found.whole.lift.low < 4.0 < found.whole.lift.high
    assert found.whole.events.low < 1.0 < found.whole.events.high
    for each in found.behaviours:
        assert each.verdict == "confirmed"
        assert abs(each.effect.value - 4.0) < 3 * each.effect.standard_error
    assert verdicts(followed(0.0, 1.0)) == ["contradicted"] * 2
    assert verdicts(followed(-4.0, 1.0)) == ["contradicted"] * 2
    # The cost of serving is part of the gain that was expected.
    assert verdicts(followed(4.0, 1.0), cost=4.0) == ["contradicted"] * 2


def test_a_behaviour_that_did_not_rise_is_not_judged():
    one = read(followed(4.0, 0.0), [(4.0, 3.0, 5.0)] * 2, [0.0, 0.0])
    for each in one.behaviours:
        assert (each.verdict, each.effect) == ("undecided", None)
        assert "did not demonstrably do more" in each.reason


def test_the_adjustment_narrows_the_interval_and_keeps_the_mean():
    one = followed(4.0, 1.0)
    raw = difference(one.margin[one.treated], one.margin[~one.treated])
    found = read(one, [(4.0, 3.0, 5.0)] * 2, [0.0, 0.0])
    assert found.whole.lift.standard_error < raw.standard_error / 3
    assert found.margin.mean() == pytest.approx(one.margin.mean())
    # Too few customers for the covariates, and covariates that do not vary: unchanged.
    few = adjusted(one.margin[:30], one.treated[:30], one.margin_before[:30, None])
    np.testing.assert_array_equal(few, one.margin[:30])
    same = adjusted(one.margin, one.treated, np.ones((3000, 1)))
    np.testing.assert_array_equal(same, one.margin)


def test_an_arm_of_one_gives_no_number():
    one = followed(4.0, 1.0, n=40)
    place = np.where(np.arange(40) == 0, 1, 0)
    lonely = Followed(
        one.names, one.treated, place, one.margin, one.events, one.margin_before, one.events_before
    )
    last = read(lonely, [(4.0, 3.0, 5.0)] * 2, [0.0, 0.0]).behaviours[1]
    assert (last.found, last.verdict) == (None, "undecided")


def test_intervals_hold_on_skewed_margins_with_a_small_control_group():
    """Welch's interval calls 5% or more of such null lifts positive."""
    rng = np.random.default_rng(3)
    treated = np.arange(300) >= 40
    above = welch = 0
    for seed in range(40):
        outcome = rng.lognormal(0.0, 1.5, 300)
        above += measure_randomised(Arms(treated, outcome), seed).lift.low > 0
        welch += difference(outcome[treated], outcome[~treated]).low > 0
    assert above <= 4
    assert welch > above


def one_test(verdict: str, predicted: float, found: Estimate | None) -> VerdictTest:
    return VerdictTest(
        "a", "2024-07-01", "wish", "Wish", verdict, "", predicted, 1.0, 9.0, 90, 30, found
    )


def test_the_record_counts_calibrates_and_relates():
    tests = [
        one_test("confirmed", 4.0, Estimate(2.0, 1.0, 3.0, None)),
        one_test("contradicted", 8.0, Estimate(4.0, 3.0, 5.0, None)),
        one_test("undecided", 4.0, None),
    ]
    moved = [
        Moved("a", Estimate(x, x - 1, x + 1, None), Estimate(2 * x, 2 * x - 1, 2 * x + 1, None))
        for x in (1.0, 2.0, 4.0)
    ]
    record = summarise("shop", "customer", "EUR", 4, 3, tests, moved)
    assert (record.confirmed, record.contradicted, record.undecided) == (1, 1, 1)
    assert record.calibration.value == pytest.approx(0.5)
    assert record.slope.value == pytest.approx(2.0)
    assert record.correlation == pytest.approx(1.0)
    assert "1 of 4 actions has not been read back" in record.notes[0]
    assert relation(moved[:2]) == (None, None)
    none = summarise("shop", "customer", "EUR", 2, 2, tests[2:], moved[:2])
    assert none.calibration is none.slope is None
    assert any("fewer than 3 actions" in note for note in none.notes)
