"""Gains of one more event: steps on the curve, their interval, and where nothing is claimed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from engagement_ml.actions.gains import best_of, driver_gains
from engagement_ml.actions.opportunity import Counted, find_opportunity
from engagement_ml.drivers.evidence import Choice, DriverEvidence, DriverRow
from engagement_ml.drivers.response_evidence import OptimumRow, ResponseCurve
from engagement_ml.formatting import Money


def row(name: str, effect=4.0, low=2.0, high=6.0, **keys) -> DriverRow:
    values = {"verdict": "driver", "selected": True, "reason": "", **keys}
    return DriverRow(
        name, values.pop("verdict"), values.pop("selected"), 1, 1.0, effect, low, high, 1.0, None,
        **values,
    )  # fmt: skip


def curve(x, effect, kind="linear", saturation=None, **keys) -> ResponseCurve:
    x, effect = tuple(map(float, x)), tuple(map(float, effect))
    return ResponseCurve(x, effect, effect, effect, saturation, 1.0, 2.0, kind, **keys)


def evidence(rows, curves, choices=()) -> DriverEvidence:
    return DriverEvidence("driver", tuple(choices), None, tuple(rows), responses=curves)


def test_the_interval_is_that_of_the_effect_net_of_cost():
    rows = [row("wish", effect=3.0, low=1.0, high=5.0, cost_per_event=1.0)]
    gains = driver_gains(evidence(rows, {"wish": curve(range(4), [0, 4, 8, 12])}))["wish"]
    # The effect is net: 4 before cost, 2 to 6; each step is worth 4 before cost.
    np.testing.assert_allclose(gains.gain, [3, 3, 3])
    np.testing.assert_allclose(gains.low, [1, 1, 1])
    np.testing.assert_allclose(gains.high, [5, 5, 5])
    assert gains.at(np.array([0.0, 2.0, 3.0, 99.0]))[0][:2].tolist() == [3.0, 3.0]
    assert np.isnan(gains.at(np.array([3.0, 99.0]))).all()


def test_nothing_is_claimed_from_saturation_or_an_optimum_on():
    saturating = curve(range(5), [0, 4, 6, 7, 7.5], saturation=2.0)
    turning = curve(range(5), [0, 4, 6, 7, 6], kind="turning", optimum=3.0, step_std=(1.0,) * 4)
    split = curve(
        range(5), [0, 4, 6, 7, 6], kind="turning", optimum=3.0,
        optima=(OptimumRow("plan", "plus", 1.5, 1.0, 2.0, None, 9),),
    )  # fmt: skip
    found = driver_gains(
        evidence([row("a"), row("b"), row("c")], {"a": saturating, "b": turning, "c": split})
    )
    assert found["a"].claimed.tolist() == [True, True, False, False]
    # One more event after two leads to the optimum, and not beyond it.
    assert found["b"].claimed.tolist() == [True, True, True, False]
    assert found["c"].claimed.tolist() == [True, False, False, False]
    np.testing.assert_allclose(found["b"].high - found["b"].gain, 1.96, atol=0.01)


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": "vanity"}, {"converged": False}, {"outcome": "churn"}, {"role": "confounder"},
    ],
)  # fmt: skip
def test_only_drivers_of_margin_count(changed):
    assert not driver_gains(evidence([row("wish", **changed)], {"wish": curve([0, 1], [0, 4])}))


def test_the_best_behaviour_is_that_with_the_largest_gain_at_the_own_count():
    flat, steep = curve(range(4), [0, 3, 6, 9]), curve(range(4), [0, 5, 6, 6.5])
    gains = driver_gains(evidence([row("a"), row("b")], {"a": flat, "b": steep}))
    counts = {"a": np.array([0.0, 0, 9, 9]), "b": np.array([0.0, 1, 0, 9])}
    place, gain, *_ = best_of(gains, counts)
    assert place[:3].tolist() == [1, 0, 1]
    assert gain[:3].tolist() == [5.0, 3.0, 5.0]
    assert np.isnan(place[3])
    assert np.isnan(gain[3])


def test_totals_are_sums_and_their_interval_does_not_shrink_with_customers():
    gains = driver_gains(evidence([row("wish")], {"wish": curve(range(3), [0, 4, 8])}))
    few, many = (
        find_opportunity(
            gains,
            Counted(dt.date(2024, 7, 1), {"wish": np.zeros(n)}, 3 * n),
            Money("EUR"),
            "customer",
            84,
        )
        for n in (10, 1000)
    )
    assert (few.gain, few.low, few.high) == pytest.approx((120.0, 60.0, 180.0))
    assert many.low / many.gain == pytest.approx(few.low / few.gain)
    assert few.rows[0].n_entities == few.n_acted == 30
    assert few.counted == 10
    assert any("training sample" in note for note in few.notes)
    assert few.rows[0].sentence == (
        "Raising 'wish' by one event among 30 customers below saturation: €120 (€60 to €180) in "
        "84 days, if the effect is causal."
    )
    assert find_opportunity({}, Counted(dt.date(2024, 7, 1), {}, 0), Money("EUR"), "c", 84) is None


def test_the_formula_of_the_curve_gives_the_first_steps():
    x = np.linspace(0, 30, 4)
    wide = curve(x, 10 * np.log1p(x / 2), kind="log1p")
    choice = Choice("wish", 100.0, None, None, "log1p", 2.0, None, 9.0)
    gains = driver_gains(evidence([row("wish")], {"wish": wide}, [choice]))["wish"]
    assert gains.gain[0] == pytest.approx(10 * np.log1p(0.5))
