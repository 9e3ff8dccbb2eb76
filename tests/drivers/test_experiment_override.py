"""Randomised tests outrank observation: verdict, effect, weights and everything told of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers import DriverEvidence, find_drivers
from engagement_ml.drivers.selection import shap_importance
from engagement_ml.engine import open_duckdb
from engagement_ml.experiments import read_experiments
from engagement_ml.features.period_panel import Periods
from engagement_ml.windows import History, plan_windows


@pytest.fixture(scope="module", autouse=True)
def small_samples():
    """SHAP from fewer rows: it only ranks here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shap_importance, "_MOST_ROWS", 3000)
        patch.setattr(shap_importance, "_MOST_EXPLAINED", 800)
        yield


@pytest.fixture(scope="module")
def shop(simulate_shop) -> Periods:
    """In which observation calls `driver` a driver and `vanity` vanity."""
    return simulate_shop(1, effect=0.1)


def trial(behaviour: str, lift: float, error: float, **more: Any) -> dict[str, Any]:
    arms = {"treated": 5000, "control": 5000}
    return {"behaviour": behaviour, "lift": lift, "standard_error": error, **arms, **more}


def search(periods: Periods, *tests: dict[str, Any], **settings: Any) -> DriverEvidence:
    config = parse_config({"name": "shop", "experiments": list(tests), **settings})
    with open_duckdb() as engine:
        results = read_experiments(config, engine)
    whole = (periods.until - periods.start).days > 168
    history = History(periods.start, periods.until)
    windows: Any = plan_windows(history, config.windows) if whole else None
    return find_drivers(periods, None, windows, config, experiments=results)


def row(evidence: DriverEvidence, behaviour: str) -> dict[str, Any]:
    return next(r for r in evidence.drivers if r.behaviour == behaviour)


@pytest.fixture(scope="module")
def observed(shop) -> DriverEvidence:
    return search(shop)


@pytest.fixture(scope="module")
def turned(shop) -> DriverEvidence:
    """Tests that say the opposite of both."""
    return search(
        shop,
        trial("driver", 0.0, 0.01),
        trial("vanity", 0.9, 0.2, events_per_entity=0.5, days=28),
    )


def test_without_tests_observation_speaks(observed) -> None:
    verdicts = {r.behaviour: r.verdict for r in observed.drivers}
    assert verdicts == {"driver": "driver", "vanity": "vanity"}
    assert {r.basis for r in observed.drivers} == {"observation"}
    assert observed.experiments.results == ()
    assert [p.behaviour for p in observed.experiments.plan] == ["driver"]


def test_verdicts_and_effects_follow_the_tests(observed, turned) -> None:
    vanity, driver = row(turned, "vanity"), row(turned, "driver")
    assert (vanity.verdict, driver.verdict) == ("driver", "inert")
    assert (vanity.selected, driver.selected) == (True, False)
    assert vanity.effect == 1.8
    assert vanity.effect_low == pytest.approx((0.9 - 1.959964 * 0.2) / 0.5)
    assert driver.effect == 0.0
    for r in (vanity, driver):
        before = row(observed, r.behaviour)
        assert r.observed_verdict == before.verdict
        assert r.observed_effect == pytest.approx(before.effect)
        assert r.observed_effect_low == pytest.approx(before.effect_low)
        assert (r.basis, r.robustness_value) == ("experiment", None)


def test_the_reason_names_the_test_and_what_observation_said(turned) -> None:
    said = row(turned, "vanity").reason
    assert said.startswith(
        "a randomised test of 10,000 customers: one more event adds €1.80 over 28 days "
        "(€1.02 to €2.58); observation said vanity, "
    )
    assert "below the smallest effect of interest; observation said driver, €0." in (
        row(turned, "driver").reason
    )


def test_the_metric_is_made_of_what_was_proved(turned) -> None:
    assert [c.behaviour for c in turned.choices] == ["vanity"]
    assert turned.choices[0].weight == pytest.approx(100)
    assert turned.reason is None
    assert row(turned, "vanity").selection_frequency == 1.0
    assert set(turned.responses) == {"vanity"}
    curve = turned.responses["vanity"]
    assert curve.effect[-1] == pytest.approx(1.8 * curve.x[-1], rel=0.2)


def test_what_was_tested_is_planned_no_more_and_told_with_its_result(turned) -> None:
    assert turned.experiments.plan == ()
    first, second = turned.experiments.results
    assert (first.behaviour, second.behaviour) == ("driver", "vanity")
    assert (second.lift, second.effect, second.events) == (0.9, 1.8, 0.5)
    assert (second.observed_verdict, second.verdict) == ("vanity", "driver")
    assert any("measured 28 days, and the outcome window has 84" in note for note in turned.notes)


def test_checks_of_observation_are_not_asked_of_what_was_tested(turned) -> None:
    assert [check.name for check in turned.checks] == ["placebo behaviours"]
    assert all(check.passed for check in turned.checks)


def test_a_tested_effect_weighs_what_the_test_says(shop, observed) -> None:
    """Weights are shares of effect times standard deviation, whatever an effect rests on."""
    found = search(shop, trial("vanity", 0.3, 0.05), trial("driver", 0.9, 0.1))
    spread = {r.behaviour: r.effect_per_sd / r.effect for r in found.drivers}
    worth = {"driver": 0.9 * spread["driver"], "vanity": 0.3 * spread["vanity"]}
    for choice in found.choices:
        share = 100 * worth[choice.behaviour] / sum(worth.values())
        assert choice.weight == pytest.approx(share)
        assert choice.weight_low < choice.weight < choice.weight_high
    surer = search(shop, trial("vanity", 0.3, 0.005), trial("driver", 0.9, 0.01))
    width = [e.choices[0].weight_high - e.choices[0].weight_low for e in (found, surer)]
    assert width[1] < 0.3 * width[0]
    mixed = search(shop, trial("vanity", 0.3, 0.05))
    assert {c.behaviour for c in mixed.choices} == {"driver", "vanity"}
    assert any(note.startswith("Weights compare two kinds") for note in mixed.notes)
    assert row(mixed, "driver").effect == pytest.approx(row(observed, "driver").effect)


@pytest.mark.parametrize(
    ("lift", "error", "cost", "verdict"),
    [
        (0.9, 0.1, 0.0, "driver"),
        (0.9, 0.1, 0.5, "driver"),
        (0.9, 0.1, 2.0, "harmful"),
        (-0.9, 0.1, 0.0, "harmful"),
        (0.5, 0.5, 0.0, "unverifiable"),
        (0.001, 0.0001, 0.0, "inert"),
        (0.9, 0.3, 0.9, "unverifiable"),
    ],
)
def test_the_verdict_is_that_of_the_interval_net_of_cost(shop, lift, error, cost, verdict) -> None:
    found = search(
        shop,
        trial("driver", lift, error),
        behaviours={"driver": {"cost_per_event": cost}},
    )
    told = row(found, "driver")
    assert told.verdict == verdict
    assert told.effect == pytest.approx(lift - cost)
    assert told.effect_gross == lift
    assert ("net of the" in told.reason) == (cost > 0)
    assert told.selected == (verdict == "driver")


def test_several_tests_are_combined_by_inverse_variance(shop) -> None:
    found = row(search(shop, trial("driver", 0.9, 0.1), trial("driver", 0.7, 0.2)), "driver")
    assert found.effect == pytest.approx((0.9 * 100 + 0.7 * 25) / 125)
    assert found.effect_high - found.effect == pytest.approx(1.959964 / math.sqrt(125))
    assert found.reason.startswith("2 randomised tests of 20,000 customers: one more event adds")
    apart = row(search(shop, trial("driver", 0.1, 0.05), trial("driver", 1.9, 0.05)), "driver")
    assert apart.verdict == "unverifiable"
    assert "the interval widened because they disagree" in apart.reason


def test_a_test_speaks_where_the_history_is_too_short(simulate_shop) -> None:
    short = simulate_shop(3, effect=0.25, n=300, n_periods=8)
    silent = search(short)
    assert {r.verdict for r in silent.drivers} == {"unverifiable"}
    assert silent.choices == ()
    windows = {"observation_days": 28, "outcome_days": 28}
    found = search(short, trial("driver", 0.9, 0.1), windows=windows)
    assert row(found, "driver").verdict == "driver"
    assert [c.behaviour for c in found.choices] == ["driver"]
    assert found.choices[0].kind == "linear"


def test_a_role_says_what_may_be_chosen_also_of_what_was_tested(shop) -> None:
    found = search(shop, trial("vanity", 0.9, 0.1), behaviours={"vanity": {"role": "confounder"}})
    assert row(found, "vanity").verdict == "driver"
    assert [c.behaviour for c in found.choices] == ["driver"]


def test_draws_follow_a_lopsided_interval(shop) -> None:
    """Fieller's interval reaches further to one side, and so do the draws."""
    from engagement_ml.drivers.experiment_override import override_by_experiments
    from engagement_ml.drivers.finding import Verdict

    config = parse_config(
        {"name": "s", "experiments": [{**trial("driver", 1.0, 1.0), "standard_error": None,
                                       "low": 0.9, "high": 3.0}]}
    )  # fmt: skip
    with open_duckdb() as engine:
        results = read_experiments(config, engine)
    observed = {"driver": Verdict("vanity", "correlated only")}
    found = override_by_experiments(
        results,
        {"driver": blank_finding()},
        observed,
        config,
    )
    draws = found.draws(["driver"])["driver"]
    low, high = np.quantile(draws, [0.025, 0.975])
    assert low == pytest.approx(0.9, abs=0.05)
    assert high == pytest.approx(3.0, abs=0.5)


def blank_finding() -> Any:
    from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
    from engagement_ml.drivers.selection.cross_section import Association
    from engagement_ml.drivers.verdicts import Finding

    return Finding(
        behaviour="driver",
        role="behaviour",
        within=None,
        half_z=(0.0, 0.0),
        association=Association(0.0, 0.0, 0.0, 1.0),
        purchase_response=PurchaseResponse("driver", 0.0, 0.0, (1, 1), 0.0),
        lead_z=None,
        frequency=0.0,
        cost=0.0,
        min_effect=0.1,
    )
