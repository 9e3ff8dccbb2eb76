"""Verdicts on first purchases where the truth is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.first_purchase.__main__ import prospects_of
from benchmarks.first_purchase.worlds import OUTCOME, WORLDS, simulate
from engagement_ml.config import parse_config
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.outcomes.chance import chance_weights, chance_within
from engagement_ml.outcomes.first_purchase import find_first_purchase
from engagement_ml.outcomes.first_purchase.finding import Finding, Naive
from engagement_ml.outcomes.first_purchase.judging import judge
from engagement_ml.outcomes.first_purchase.limits import LIMITS, lag_groups
from engagement_ml.outcomes.first_purchase.sentences import Words, explain, prospects_per_arm
from engagement_ml.outcomes.first_purchase.timing import Rise

CONFIG = parse_config(
    {
        "name": "x",
        "sources": {"events": "e", "transactions": "t"},
        "windows": {"observation_days": OUTCOME, "outcome_days": OUTCOME},
    }
)
CLEAR = Finding(
    behaviour="call",
    role="behaviour",
    size=WindowEffect(5.0, 4.0, 6.0, 9.0, np.ones(1), np.zeros(1)),
    z=9.0,
    uncorrected_z=9.5,
    half_z=(6.0, 6.5),
    close=(0.6, 0.05),
    largest=0.5,
    ratio=(1.4, 1.3, 1.5),
    rises=(Rise(0.02, 0.03), Rise(0.03, 0.03)),
    loading=0.05,
    frequency=1.0,
    naive=Naive(0.3, 8.0),
    std=0.5,
    n_others=6,
    min_effect=0.1,
)


def rule_of(**changes: object) -> tuple[str, str]:
    verdict = judge(replace(CLEAR, **changes), THRESHOLDS, LIMITS)  # type: ignore[arg-type]
    return verdict.verdict, verdict.rule


def test_clear_evidence_is_a_driver_and_its_opposite_is_harmful() -> None:
    assert rule_of() == ("driver", "passed")
    lower = WindowEffect(-5.0, -6.0, -4.0, -9.0, np.ones(1), np.zeros(1))
    turned = {"size": lower, "z": -9.0, "half_z": (-6.0, -6.0), "close": (-0.6, 0.05)}
    assert rule_of(**turned, largest=-0.5, ratio=(0.7, 0.6, 0.8)) == ("harmful", "passed")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"rises": (Rise(0.3, 0.05), Rise(0.0, 0.01))}, "prepared"),
        ({"rises": (Rise(0.0, 0.01), Rise(0.3, 0.05))}, "prepared"),  # it comes in bursts
        # a rise that may be large is no clean timing
        ({"rises": (Rise(0.0, 0.2), Rise(0.0, 0.01))}, "prepared"),
        ({"z": 1.0}, "hidden cause"),
        ({"z": 1.0, "uncorrected_z": 2.0}, "preparation only"),
        ({"close": (3.0, 0.1)}, "close"),
        ({"largest": 2.5}, "step of buying"),
        ({"n_others": 2}, "too few others"),
        ({"failed": ("persistence",)}, "checks"),
        ({"half_z": (7.0, 0.5)}, "unstable"),
        ({"frequency": 0.5}, "unstable"),
        ({"converged": False}, "not converged"),
    ],
)
def test_any_objection_makes_it_unverifiable(changes: dict[str, object], rule: str) -> None:
    assert rule_of(**changes) == ("unverifiable", rule)


def test_what_precedes_says_what_a_test_would_need() -> None:
    finding = replace(CLEAR, rises=(Rise(0.3, 0.05), Rise(0.3, 0.05)))
    words = Words(outcome_days=56, preparation=7, chance=10.0)
    text = explain(judge(finding, THRESHOLDS, LIMITS), finding, words)
    assert f"{prospects_per_arm(0.10, 0.05):,} prospects per arm" in text
    assert "10.0% who buy within 56 days" in text


def test_lags_begin_after_the_days_of_preparation() -> None:
    for preparation in LIMITS.preparation_days:
        groups, n_close = lag_groups(preparation)
        assert groups[n_close - 1][1] == preparation
        assert [b[0] - a[1] for a, b in pairwise(groups)] == [1] * (len(groups) - 1)


def test_power_holds_in_simulated_tests() -> None:
    n = prospects_per_arm(0.10, 0.03)
    assert n is not None
    rng = np.random.default_rng(0)
    shares = rng.binomial(n, [0.10, 0.13], size=(4000, 2)) / n
    error = np.sqrt((shares * (1 - shares)).sum(axis=1) / n)
    assert abs(float((np.diff(shares)[:, 0] / error > 1.96).mean()) - 0.8) < 0.03


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=30))
def test_the_chance_within_is_the_product_limit_of_a_loop(rows: list[tuple[int, bool]]) -> None:
    rows = [(max(ahead, 1), True) if occurs else (ahead, False) for ahead, occurs in rows]
    ahead, occurs = np.array([a for a, _ in rows]), np.array([o for _, o in rows])
    found = chance_within(ahead, occurs, np.ones(len(rows)), 6)
    stays = 1.0
    for u in range(1, 7):
        at_risk = sum(a >= u for a, _ in rows)
        events = sum(a == u and o for a, o in rows)
        stays *= 1.0 - (events / at_risk if at_risk else 0.0)
        assert found[u] == pytest.approx(1.0 - stays)


def test_weights_turn_a_small_change_of_the_hazard_into_the_chance() -> None:
    """With one hazard for all, the chance is known in closed form."""
    rng = np.random.default_rng(3)
    hazard, horizon = 0.02, 20
    ahead = rng.geometric(hazard, 400_000)
    weights, chance = chance_weights(
        ahead, np.ones(ahead.size, bool), np.ones(ahead.size), ((1, 5), (6, 20)), horizon
    )
    change = 0.01
    exact = (1 - hazard) ** 15 * ((1 - hazard) ** 5 - (1 - hazard * (1 + change)) ** 5)
    assert chance == pytest.approx(100 * (1 - (1 - hazard) ** horizon), rel=0.01)
    assert change * weights[0] == pytest.approx(100 * exact, rel=0.02)


def test_too_few_buyers_are_a_reason_and_no_rows() -> None:
    data = simulate(WORLDS["nothing acts"], 0, 60)
    found = find_first_purchase(prospects_of(data), CONFIG)
    assert found.drivers == ()
    assert found.reason is not None
    assert "100 who buy" in found.reason
    assert found.facts["prospects"] == 60


def test_without_behaviours_there_is_a_reason_and_no_rows() -> None:
    prospects = prospects_of(simulate(WORLDS["nothing acts"], 0, 400))
    none = replace(
        prospects,
        n=prospects.n[:0],
        entity=prospects.entity[:0],
        day=prospects.day[:0],
        behaviour=prospects.behaviour[:0],
    )
    found = find_first_purchase(none, CONFIG)
    assert found.drivers == ()
    assert "no behaviour is done" in str(found.reason)


@pytest.fixture(scope="module")
def calls() -> tuple[object, object]:
    data = simulate(WORLDS["preparation"], 3, 900)
    return data, find_first_purchase(prospects_of(data), CONFIG)


def test_preparation_is_not_taken_for_a_driver(calls: tuple) -> None:
    data, found = calls
    verdicts = {row.behaviour: row for row in found.drivers}
    assert {b for b, row in verdicts.items() if row.verdict in ("driver", "harmful")} <= {
        "advisor_call"
    }
    for b in ("pricing_page", "checkout_open", "search"):
        assert verdicts[b].verdict == "unverifiable"
    call = verdicts["advisor_call"]
    assert call.effect_low <= data.truth["advisor_call"] <= call.effect_high
    assert call.hazard_ratio > 1.1
    assert call.unit == "percentage points"


@pytest.mark.seldom
def test_calls_by_chance_are_found_among_waves() -> None:
    data = simulate(WORLDS["calls and extensions"], 1)
    rows = {r.behaviour: r for r in find_first_purchase(prospects_of(data), CONFIG).drivers}
    acting = {b for b, r in rows.items() if r.verdict in ("driver", "harmful")}
    assert acting == {"advisor_call", "trial_extension"}
    for b in acting:
        assert rows[b].effect_low <= data.truth[b] <= rows[b].effect_high


@pytest.mark.seldom
def test_demos_of_those_who_have_decided_are_no_driver() -> None:
    data = simulate(WORLDS["vanity demos"], 1)
    rows = find_first_purchase(prospects_of(data), CONFIG).drivers
    assert not [r.behaviour for r in rows if r.verdict in ("driver", "harmful")]
    demo = next(r for r in rows if r.behaviour == "demo_attended")
    assert demo.verdict == "unverifiable"
    assert "prospects per arm" in demo.reason
