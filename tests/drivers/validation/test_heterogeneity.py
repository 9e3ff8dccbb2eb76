"""Effects by segment: known truth, agreement with the whole, and invariance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.window_effect import estimate_window_effect
from engagement_ml.drivers.estimators.base import Estimates, with_model_error
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.drivers.validation.acting import behaviours_to_test
from engagement_ml.drivers.validation.heterogeneity import compare_segments
from engagement_ml.drivers.validation.random_effects import heterogeneity
from engagement_ml.drivers.validation.segment_effects import effects_by_segment, pool_small
from engagement_ml.drivers.validation.segment_model import SegmentModel

CONFIG = parse_config({"name": "shop", "segments": ["region"]}, origin="test")
FOLLOWS_NOTHING = PurchaseResponse("any", 0.0, 0.0, (1, 1), 0.0)


def labels(n: int) -> np.ndarray:
    return np.array(["north", "south"], dtype=object)[np.arange(n) % 2]


def mixed(first, second, **more):
    """Customers at even places come from the first data set, at odd places from the second."""
    n = len(first.entities)
    half = np.arange(n) % 2 == 0
    parts = {}
    for name in ("counts", "gain", "loss", "orders"):
        a, b = getattr(first, name), getattr(second, name)
        parts[name] = np.where(half.reshape(-1, *[1] * (a.ndim - 1)), a, b)
    return replace(first, **parts, segments={"region": labels(n)}, **more)


def estimated(periods) -> tuple[Study, Estimates]:
    study = Study(periods, None, None, CONFIG)
    main = estimate_lag_effects(
        periods, periods.behaviours, study.lags, burn_in=study.spans.burn_in, nonlinear=True
    )
    within = {b: estimate_window_effect(main, i) for i, b in enumerate(main.behaviours)}
    return study, with_model_error(Estimates(within=within, main=main), study)


def finding(study: Study, estimates: Estimates, behaviour: str, **more) -> Finding:
    values = {
        "behaviour": behaviour, "role": "behaviour", "within": estimates.within[behaviour],
        "half_z": (9.0, 9.0), "association": study.associations[behaviour],
        "purchase_response": FOLLOWS_NOTHING, "leads": None, "frequency": 1.0, "cost": 0.0,
        "min_effect": 0.0,
    }  # fmt: skip
    return Finding(**(values | more))


def compare(study: Study, estimates: Estimates, **more):
    findings = {b: finding(study, estimates, b, **more) for b in study.behaviours}
    verdicts = {
        "driver": Verdict("driver", "passed"),
        "vanity": Verdict("vanity", "correlated only"),
    }
    return compare_segments(study, estimates, findings, verdicts)


@pytest.fixture(scope="module")
def equal(simulate_shop) -> tuple[Study, Estimates]:
    return estimated(replace(simulate_shop(1, effect=0.15), segments={"region": labels(1500)}))


@pytest.fixture(scope="module")
def different(simulate_shop) -> tuple[Study, Estimates]:
    shops = (simulate_shop(2, effect=e, n=1500) for e in (0.3, 0.1))
    return estimated(mixed(*shops))


def test_equal_effects_do_not_differ(equal) -> None:
    study, estimates = equal
    compared = compare(study, estimates)
    (test,) = (t for t in compared.tests if t.behaviour == "driver")
    whole = estimates.within["driver"]
    assert not test.differs
    assert test.opposite == ()
    rows = [r for r in compared.rows if r.behaviour == "driver"]
    assert [r.value for r in rows] == ["north", "south"]
    for row in rows:
        assert row.agrees
        assert row.n == 750
        assert row.low <= whole.effect <= row.high
        assert min(row.effect, whole.effect) <= row.pooled_effect <= max(row.effect, whole.effect)
        # half of the customers cannot be more certain than all of them
        assert row.high - row.low > 0.95 * (whole.high - whole.low)


def test_the_segments_average_to_the_whole(different) -> None:
    study, estimates = different
    rows = [r for r in compare(study, estimates).rows if r.behaviour == "driver"]
    weights = [study.cells[labels(1500) == r.value].sum() for r in rows]
    mean = np.average([r.effect for r in rows], weights=weights)
    assert mean == pytest.approx(estimates.within["driver"].effect, rel=1e-6)


def test_different_effects_are_found_with_their_ratio(different) -> None:
    compared = compare(*different)
    (test,) = (t for t in compared.tests if t.behaviour == "driver")
    rows = {r.value: r for r in compared.rows if r.behaviour == "driver"}
    assert test.differs
    assert test.p_value < 1e-4
    assert test.tau > 0
    assert not test.informative_only
    assert not rows["north"].agrees
    assert rows["north"].effect / rows["south"].effect == pytest.approx(3.0, rel=0.35)


def test_losses_count_in_the_segment_where_they_arise(simulate_shop) -> None:
    """Gains respond alike; in the south returns respond as well."""
    shops = (simulate_shop(3, effect=0.2, loss_effect=e, n=1500) for e in (0.0, 0.7))
    study, estimates = estimated(mixed(*shops))
    compared = compare(study, estimates)
    rows = {r.value: r for r in compared.rows if r.behaviour == "driver"}
    (test,) = (t for t in compared.tests if t.behaviour == "driver")
    assert test.differs
    # An event earns 0.2 of the level of orders; in the south it costs 0.7 × 0.25 of it as well.
    assert abs(rows["south"].effect) < 0.35 * rows["north"].effect


def test_the_cost_of_an_event_is_the_same_in_every_segment(different) -> None:
    study, estimates = different
    before = {r.value: r for r in compare(study, estimates).rows if r.behaviour == "driver"}
    after = {
        r.value: r for r in compare(study, estimates, cost=0.1).rows if r.behaviour == "driver"
    }
    for value, row in after.items():
        assert row.effect == pytest.approx(before[value].effect - 0.1)
        assert row.high - row.low == pytest.approx(before[value].high - before[value].low)


def test_names_and_order_of_segments_change_nothing(different) -> None:
    study, estimates = different
    renamed = np.where(labels(1500) == "north", "zulu", "alpha").astype(object)
    again = replace(study, periods=replace(study.periods, segments={"r": renamed}))
    key = {"zulu": "north", "alpha": "south"}
    before = {(r.value, r.behaviour): r for r in compare(study, estimates).rows}
    for row in compare(again, estimates).rows:
        same = before[key[row.value], row.behaviour]
        for name in ("effect", "low", "high", "pooled_effect", "p_value"):
            assert getattr(row, name) == pytest.approx(getattr(same, name), rel=1e-6)


def test_a_random_split_differs_in_no_more_than_one_in_twenty(equal) -> None:
    study, estimates = equal
    main, whole = estimates.main, {"driver": estimates.within["driver"]}
    model = SegmentModel(study.periods, main, ["driver"], burn_in=study.spans.burn_in)
    rng = np.random.default_rng(0)
    names = np.array(["a", "b", "c"], dtype=object)
    p_values = []
    for _ in range(30):
        periods = replace(study.periods, segments={"random": names[rng.permutation(1500) % 3]})
        again = replace(study, periods=periods)
        (column,), _ = effects_by_segment(again, model, main, whole, {"driver": 0.0})
        p_values.append(heterogeneity(column.effects, column.own_variances).p_value)
    # Of 30 tests at 5%, more than 4 are rejected by chance in 2% of cases.
    assert (np.array(p_values) < 0.05).sum() <= 4
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.2)


def test_intervals_include_the_error_of_the_whole(equal) -> None:
    """A whole effect that is less certain makes every segment less certain."""
    study, estimates = equal
    whole = estimates.within["driver"]
    wide = replace(whole, low=whole.effect - 2.0, high=whole.effect + 2.0)
    wider = replace(estimates, within={**estimates.within, "driver": wide})
    for row in compare(study, wider).rows:
        if row.behaviour == "driver":
            assert row.high - row.low > 3.5


def test_a_segment_without_margin_is_left_out_and_named(equal) -> None:
    study, estimates = equal
    values = np.array(["north", "south", "west"], dtype=object)[np.arange(1500) % 3]
    gain = np.where((values == "west")[:, None], 0.0, study.periods.gain)
    loss = np.where((values == "west")[:, None], 0.0, study.periods.loss)
    periods = replace(study.periods, gain=gain, loss=loss, segments={"region": values})
    compared = compare(replace(study, periods=periods), estimates)
    assert {r.value for r in compared.rows} == {"north", "south"}
    assert compared.notes == ("The effects of segment region west are not identified.",)


def test_all_values_are_estimated_and_small_ones_pooled(equal) -> None:
    study, estimates = equal
    values = np.array([f"v{i:02d}" for i in range(13)], dtype=object)[np.arange(1500) % 13]
    values[values == "v12"] = np.array(["x", "y"], dtype=object)[np.arange(115) % 2]
    compared = compare(
        replace(study, periods=replace(study.periods, segments={"region": values})), estimates
    )
    found = [r.value for r in compared.rows if r.behaviour == "driver"]
    assert found == [*(f"v{i:02d}" for i in range(12)), "other"]
    assert compared.notes == (
        "Segment region: 2 values have fewer than 100 customers each; these 115 customers are "
        "pooled as 'other'.",
    )


def test_customers_without_a_value_are_unknown() -> None:
    values = np.array(["a"] * 5 + [""] * 4 + ["b"], dtype=object)
    pooled, names, notes = pool_small("plan", values, 3)
    assert names == ["a", "unknown"]
    assert pooled.tolist() == ["a"] * 5 + ["unknown"] * 4 + ["other"]
    assert notes == [
        "Segment plan: 1 value has fewer than 3 customers each; these 1 customers are left out of "
        "the comparison of effects."
    ]


def test_without_segments_nothing_is_compared(equal) -> None:
    study, estimates = equal
    compared = compare(replace(study, periods=replace(study.periods, segments={})), estimates)
    assert (compared.rows, compared.tests, compared.notes) == ((), (), ())


def test_what_is_tested(equal) -> None:
    study, estimates = equal
    weak = replace(estimates.within["vanity"], z=1.9)
    hint = replace(estimates.within["vanity"], z=-2.1)
    names = ("driver", "vanity")
    verdicts = {"driver": Verdict("driver", "passed"), "vanity": Verdict("inert", "inconclusive")}
    responds = replace(FOLLOWS_NOTHING, strength=0.5, z=9.0)

    def tested(verdicts=verdicts, **of_vanity) -> tuple[str, ...]:
        findings = {
            "driver": finding(study, estimates, "driver"),
            "vanity": finding(study, estimates, "vanity", **of_vanity),
        }
        return behaviours_to_test(names, findings, verdicts, THRESHOLDS)

    assert tested(within=weak) == ("driver",)
    assert tested(within=hint) == names
    assert tested(within=hint, purchase_response=responds) == ("driver",)
    assert tested(within=None) == ("driver",)
    # A randomised test settles the driver: it has no verdict here.
    assert tested({"vanity": verdicts["vanity"]}, within=hint) == ("vanity",)
