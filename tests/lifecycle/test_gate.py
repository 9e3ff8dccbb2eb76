"""The gate: what is missing never passes, and better numbers never fail more checks."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.config.gate import GateConfig
from engagement_ml.drivers.evidence import CheckRow, DriverRow
from engagement_ml.errors import ConfigError
from engagement_ml.lifecycle.estimates import Estimate
from engagement_ml.lifecycle.facts import (
    Champion,
    GateFacts,
    dropped_shares,
    measured_facts,
    stability_facts,
)
from engagement_ml.lifecycle.gate import decide
from engagement_ml.tables.quality import TableQuality

GOOD = Estimate(0.2, 0.15, 0.25)
CHECKS = {
    "stability": True,
    "selection and weights on separate halves": True,
    "placebo behaviours": True,
    "placebo outcome": True,
    "flexible controls": True,
}
DRIVERS = GateFacts(
    evidence="driver",
    champion=Champion(1, "driver", Estimate(0.0, -0.02, 0.02), Estimate(0.01, -0.01, 0.03)),
    unseen=True,
    customers=4000,
    dropped={"events": 0.01, "transactions": 0.0},
    between=GOOD,
    within=GOOD,
    gains_on_vanity={"total_events": GOOD, "page_view": GOOD},
    selection_frequency=1.0,
    checks=CHECKS,
    moved_share=0.1,
    tags={"approved_by": "ann"},
)
INDICATOR = dataclasses.replace(
    DRIVERS,
    evidence="indicator",
    champion=None,
    gain_on_purchases=GOOD,
    checks={"stability": True},
)


def failed(facts: GateFacts, **config: Any) -> list[str]:
    return [check.name for check in decide(facts, GateConfig(**config)).failed]


def changed(facts: GateFacts, **changes: Any) -> list[str]:
    return failed(dataclasses.replace(facts, **changes))


@pytest.mark.parametrize("facts", [DRIVERS, INDICATOR])
def test_a_version_that_shows_all_passes(facts):
    decision = decide(facts)
    assert decision.passed
    assert decision.reason is None
    assert all(check.wanted and check.found and check.sentence for check in decision.checks)


def test_each_shortcoming_fails_its_own_check():
    worse = Champion(1, "driver", Estimate(-0.02, -0.04, 0.0), Estimate(-0.1, -0.2, 0.0))
    assert changed(DRIVERS, unseen=False) == ["measured_out_of_time"]
    assert changed(DRIVERS, customers=499) == ["min_customers"]
    assert changed(DRIVERS, dropped={"events": 0.2, "orders": 0.0}) == ["max_dropped_share"]
    assert changed(DRIVERS, within=Estimate(0.1, 0.0, 0.2)) == ["min_correlation"]
    assert changed(DRIVERS, champion=worse) == ["max_loss_between", "max_loss_within"]
    assert changed(DRIVERS, selection_frequency=0.89) == ["min_selection_frequency"]
    assert changed(DRIVERS, checks={**CHECKS, "stability": False}) == ["min_selection_frequency"]
    assert changed(DRIVERS, checks={**CHECKS, "placebo outcome": False}) == ["placebos"]
    assert changed(DRIVERS, checks={**CHECKS, "flexible controls": False}) == ["robustness_checks"]
    one_behind = {**DRIVERS.gains_on_vanity, "email_open": Estimate(0.01, -0.01, 0.03)}
    assert changed(DRIVERS, gains_on_vanity=one_behind) == ["min_gain_on_vanity"]
    assert failed(DRIVERS, max_moved_share=0.05) == ["max_moved_share"]


def test_an_indicator_behind_its_baselines_that_is_unstable_stays_out():
    facts = dataclasses.replace(
        INDICATOR,
        gains_on_vanity={"total_events": Estimate(-0.05, -0.07, -0.03)},
        gain_on_purchases=Estimate(-0.1, -0.12, -0.08),
        selection_frequency=0.6,
        checks={"stability": False},
    )
    assert changed(facts) == [
        "min_gain_on_vanity", "min_gain_on_purchases", "min_selection_frequency",
    ]  # fmt: skip
    assert "recency-frequency-monetary is −0.100 (−0.120 to −0.080)" in str(decide(facts).reason)


def test_an_indicator_does_not_replace_drivers_unless_that_is_wanted():
    facts = dataclasses.replace(INDICATOR, champion=DRIVERS.champion)
    assert failed(facts) == ["keep_evidence"]
    assert failed(facts, keep_evidence=False) == []


def test_tags_are_asked_for_by_value_or_at_all():
    assert failed(DRIVERS, require_tag={"approved_by": "any"}) == []
    assert failed(DRIVERS, require_tag={"approved_by": "bob"}) == ["require_tag"]
    assert failed(DRIVERS, require_tag={"reviewed": "any"}) == ["require_tag"]
    blank = dataclasses.replace(DRIVERS, tags={"approved_by": " "})
    assert failed(blank, require_tag={"approved_by": "any"}) == ["require_tag"]
    with pytest.raises(ConfigError, match="must not be empty"):
        GateConfig(require_tag={"approved_by": " "})


def test_thresholds_are_data():
    off = dict.fromkeys(
        ("min_customers", "max_dropped_share", "min_correlation", "min_gain_on_vanity",
         "min_gain_on_purchases", "max_loss_between", "max_loss_within",
         "min_selection_frequency"),
    )  # fmt: skip
    nothing = GateFacts(evidence="driver", unseen=True)
    assert failed(nothing, placebos=False, **off) == []
    unstable = dataclasses.replace(DRIVERS, checks={**CHECKS, "stability": False})
    assert failed(unstable, allow_failed=("stability",)) == []


def test_what_randomised_tests_settle_needs_no_placebo():
    facts = dataclasses.replace(DRIVERS, tested=True, selection_frequency=None, checks={})
    assert failed(facts) == []


MEASURED = {
    "unseen": ("measured_out_of_time", None),
    "customers": ("min_customers", None),
    "dropped": ("max_dropped_share", {}),
    "gains_on_vanity": ("min_gain_on_vanity", {}),
    "selection_frequency": ("min_selection_frequency", None),
}


@pytest.mark.parametrize("facts", [DRIVERS, INDICATOR])
@given(missing=st.sets(st.sampled_from(sorted(MEASURED)), min_size=1))
def test_what_is_missing_never_passes(facts, missing):
    found = decide(dataclasses.replace(facts, **{name: MEASURED[name][1] for name in missing}))
    assert {check.name for check in found.failed} == {MEASURED[name][0] for name in missing}
    assert all(check.found == "not measured" for check in found.failed)
    assert len(found.checks) == len(decide(facts).checks)
    without_checks = dataclasses.replace(facts, checks={})
    assert "min_selection_frequency" in failed(without_checks)
    assert ("placebos" in failed(without_checks)) == (facts is DRIVERS)


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (DRIVERS, "within"),
        (INDICATOR, "between"),
        (INDICATOR, "gain_on_purchases"),
    ],
)
def test_a_missing_measure_fails(facts, name):
    assert len(changed(facts, **{name: None})) == 1
    unknown = dataclasses.replace(facts, champion=Champion(1, facts.evidence))
    assert failed(unknown) == ["max_loss_between", "max_loss_within"]


shares = st.floats(0, 1)
numbers = st.floats(-1, 1)
results = st.sampled_from([True, False])


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Estimate(value, low, high)


@st.composite
def facts_of(draw: st.DrawFn) -> GateFacts:
    champion = st.builds(
        Champion, st.just(1), st.sampled_from(["driver", "indicator"]), estimates(), estimates()
    )
    return GateFacts(
        evidence=draw(st.sampled_from(["driver", "indicator"])),
        champion=draw(st.none() | champion),
        unseen=draw(results),
        customers=draw(st.integers(0, 2000)),
        dropped={"events": draw(shares), "orders": draw(shares)},
        between=draw(estimates()),
        within=draw(estimates()),
        gains_on_vanity={name: draw(estimates()) for name in ("total_events", "visit")},
        gain_on_purchases=draw(estimates()),
        selection_frequency=draw(shares),
        checks={name: draw(results) for name in CHECKS},
        moved_share=draw(shares),
    )


def up(estimate: Estimate | None, by: float) -> Estimate | None:
    if estimate is None:
        return None
    return Estimate(estimate.value + by, estimate.low + by, estimate.high + by)


@given(facts=facts_of(), by=st.floats(0, 0.5), data=st.data())
def test_better_numbers_never_fail_more_checks(facts, by, data):
    champion = facts.champion
    if champion is not None:
        champion = dataclasses.replace(
            champion, between=up(champion.between, by), within=up(champion.within, by)
        )
    better = dataclasses.replace(
        facts,
        champion=champion,
        unseen=facts.unseen or data.draw(results),
        customers=facts.customers + data.draw(st.integers(0, 100)),
        dropped={name: share * (1 - by) for name, share in facts.dropped.items()},
        between=up(facts.between, by),
        within=up(facts.within, by),
        gains_on_vanity={name: up(gain, by) for name, gain in facts.gains_on_vanity.items()},
        gain_on_purchases=up(facts.gain_on_purchases, by),
        selection_frequency=min(1.0, facts.selection_frequency + by),
        checks={name: passed or data.draw(results) for name, passed in facts.checks.items()},
        moved_share=facts.moved_share * (1 - by),
    )
    config = {"max_moved_share": 0.3}
    assert set(failed(better, **config)) <= set(failed(facts, **config))


def test_facts_are_read_from_the_results_of_a_run():
    row = {"value": 0.3, "low": 0.2, "high": 0.4}
    gain = {"spearman": row, "difference": row}
    measured = {
        "across": {"metric": {"spearman": row}, "total_events": gain,
                   "recency_frequency_monetary": {"difference": None}},
        "within": {"metric": {"spearman": None}, "total_events": gain},
        "vanity": {"page_view": gain},
    }  # fmt: skip
    of_drivers = measured_facts(measured, "driver")
    assert of_drivers["between"] == Estimate(0.3, 0.2, 0.4)
    assert of_drivers["within"] is None
    assert of_drivers["gain_on_purchases"] is None
    assert set(of_drivers["gains_on_vanity"]) == {"total_events", "page_view"}
    assert set(measured_facts(measured, "indicator")["gains_on_vanity"]) == {"total_events"}
    assert measured_facts({}, "driver")["gains_on_vanity"] == {"total_events": None}

    quality = TableQuality("events", "e.csv", 200, 150, (), None, None, "0")
    empty = TableQuality("orders", "o.csv", 0, 0, (), None, None, "0")
    assert dropped_shares([quality, empty]) == {"events": 0.25, "orders": 0.0}


def test_the_weakest_of_the_chosen_counts_and_a_failed_row_of_a_check():
    def driver(name: str, selected: bool, share: float, basis: str = "observation") -> DriverRow:
        return DriverRow(
            name, "driver", selected, 1, 1.0, 1.0, 0.5, 1.5, share, None, "", basis=basis
        )

    def check(passed: bool | None) -> CheckRow:
        return CheckRow("stability", "?", "", passed)

    rows = [driver("a", True, 0.95), driver("b", True, 0.4, "experiment"), driver("c", False, 0.1)]
    facts = stability_facts(rows, [check(False), check(True)])
    assert facts == {"selection_frequency": 0.95, "tested": False, "checks": {"stability": False}}
    assert stability_facts(rows[1:], [])["tested"]
    assert not stability_facts([], [])["tested"]


@pytest.mark.parametrize("number", [math.nan, math.inf, None, "0.3"])
def test_an_estimate_has_finite_numbers(number):
    assert Estimate.of({"value": 0.1, "low": 0.0, "high": number}) is None
    if isinstance(number, float):
        with pytest.raises(ValueError, match="finite"):
            Estimate(0.1, 0.0, number)
