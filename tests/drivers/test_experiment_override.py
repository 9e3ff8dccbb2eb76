"""Experiments override observational evidence: verdicts, effects, weights and explanations."""

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
    """Compute SHAP values of fewer rows; they only rank behaviours here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shap_importance, "_MOST_ROWS", 3000)
        patch.setattr(shap_importance, "_MOST_EXPLAINED", 800)
        yield


@pytest.fixture(scope="module")
def shop(simulate_shop) -> Periods:
    """A shop in which observation finds `driver` to be a driver and `vanity` to be vanity."""
    return simulate_shop(1, effect=0.1)


def experiment(behaviour: str, lift: float, error: float, **more: Any) -> dict[str, Any]:
    arms = {"treated": 5000, "control": 5000}
    return {"behaviour": behaviour, "lift": lift, "standard_error": error, **arms, **more}


def search(periods: Periods, *experiments: dict[str, Any], **settings: Any) -> DriverEvidence:
    config = parse_config({"name": "shop", "experiments": list(experiments), **settings})
    with open_duckdb() as engine:
        results = read_experiments(config, engine)
    has_windows = (periods.until - periods.start).days > 168
    history = History(periods.start, periods.until)
    windows: Any = plan_windows(history, config.windows) if has_windows else None
    return find_drivers(periods, None, windows, config, experiments=results)


def row(evidence: DriverEvidence, behaviour: str) -> dict[str, Any]:
    return next(r for r in evidence.drivers if r.behaviour == behaviour)


@pytest.fixture(scope="module")
def observed(shop) -> DriverEvidence:
    return search(shop)


@pytest.fixture(scope="module")
def overridden(shop) -> DriverEvidence:
    """Experiments that contradict both observational verdicts."""
    return search(
        shop,
        experiment("driver", 0.0, 0.01),
        experiment("vanity", 0.9, 0.2, events_per_entity=0.5, days=28),
    )


def test_without_experiments_verdicts_come_from_observation(observed) -> None:
    verdicts = {r.behaviour: r.verdict for r in observed.drivers}
    assert verdicts == {"driver": "driver", "vanity": "vanity"}
    assert {r.basis for r in observed.drivers} == {"observation"}
    assert observed.experiments.results == ()
    assert [p.behaviour for p in observed.experiments.plan] == ["driver"]


def test_verdicts_and_effects_follow_the_experiments(observed, overridden) -> None:
    vanity, driver = row(overridden, "vanity"), row(overridden, "driver")
    assert (vanity.verdict, driver.verdict) == ("driver", "inert")
    assert (vanity.selected, driver.selected) == (True, False)
    assert vanity.effect == 1.8
    assert vanity.effect_low == pytest.approx((0.9 - 1.959964 * 0.2) / 0.5)
    assert driver.effect == 0.0
    for r in (vanity, driver):
        observational = row(observed, r.behaviour)
        assert r.observed_verdict == observational.verdict
        assert r.observed_effect == pytest.approx(observational.effect)
        assert r.observed_effect_low == pytest.approx(observational.effect_low)
        assert (r.basis, r.robustness_value) == ("experiment", None)


def test_the_reason_names_the_experiment_and_the_observational_verdict(overridden) -> None:
    reason = row(overridden, "vanity").reason
    assert reason.startswith(
        "a randomised test of 10,000 customers: one more event adds €1.80 over 28 days "
        "(€1.02 to €2.58); observation said vanity, "
    )
    assert "below the smallest effect of interest; observation said driver, €0." in (
        row(overridden, "driver").reason
    )


def test_the_metric_consists_of_drivers_by_experiment(overridden) -> None:
    assert [c.behaviour for c in overridden.choices] == ["vanity"]
    assert overridden.choices[0].weight == pytest.approx(100)
    assert overridden.reason is None
    assert row(overridden, "vanity").selection_frequency == 1.0
    assert set(overridden.responses) == {"vanity"}
    curve = overridden.responses["vanity"]
    assert curve.effect[-1] == pytest.approx(1.8 * curve.x[-1], rel=0.2)


def test_tested_behaviours_leave_the_plan_and_are_listed_with_their_results(overridden) -> None:
    assert overridden.experiments.plan == ()
    first, second = overridden.experiments.results
    assert (first.behaviour, second.behaviour) == ("driver", "vanity")
    assert (second.lift, second.effect, second.events) == (0.9, 1.8, 0.5)
    assert (second.observed_verdict, second.verdict) == ("vanity", "driver")
    assert any(
        "measured 28 days, and the outcome window has 84" in note for note in overridden.notes
    )


def test_observational_checks_skip_tested_behaviours(overridden) -> None:
    *placebos, agreement = overridden.checks
    assert [check.name for check in placebos] == ["placebo behaviours", "shifted behaviours"]
    assert all(check.passed for check in placebos)
    assert agreement.name == "agreement with randomised tests"


def test_tests_that_contradict_observation_are_reported(overridden, observed) -> None:
    agreement = overridden.checks[-1]
    assert agreement.passed is False
    assert "contradicted: " in agreement.result
    assert any("deserve less trust" in note for note in overridden.notes)
    assert not any("deserve less trust" in note for note in observed.notes)


@pytest.mark.seldom
def test_weights_use_the_effects_of_experiments(shop, observed) -> None:
    """Weights are shares of effect times standard deviation, whatever the basis of an effect."""
    evidence = search(shop, experiment("vanity", 0.3, 0.05), experiment("driver", 0.9, 0.1))
    std = {r.behaviour: r.effect_per_sd / r.effect for r in evidence.drivers}
    margin = {"driver": 0.9 * std["driver"], "vanity": 0.3 * std["vanity"]}
    for choice in evidence.choices:
        share = 100 * margin[choice.behaviour] / sum(margin.values())
        assert choice.weight == pytest.approx(share)
        assert choice.weight_low < choice.weight < choice.weight_high
    precise = search(shop, experiment("vanity", 0.3, 0.005), experiment("driver", 0.9, 0.01))
    width = [e.choices[0].weight_high - e.choices[0].weight_low for e in (evidence, precise)]
    assert width[1] < 0.3 * width[0]
    mixed = search(shop, experiment("vanity", 0.3, 0.05))
    assert {c.behaviour for c in mixed.choices} == {"driver", "vanity"}
    assert any(note.startswith("Weights compare two kinds") for note in mixed.notes)
    assert row(mixed, "driver").effect == pytest.approx(row(observed, "driver").effect)


@pytest.mark.parametrize(
    ("lift", "error", "cost", "verdict"),
    [
        (0.9, 0.1, 2.0, "harmful"),
        (0.5, 0.5, 0.0, "unverifiable"),
        *(
            pytest.param(*case, marks=pytest.mark.seldom)
            for case in (
                (0.9, 0.1, 0.0, "driver"),
                (-0.9, 0.1, 0.0, "harmful"),
                (0.001, 0.0001, 0.0, "inert"),
                (0.9, 0.1, 0.5, "driver"),
                (0.9, 0.3, 0.9, "unverifiable"),
            )
        ),
    ],
)
def test_the_verdict_follows_from_the_interval_net_of_cost(
    shop, lift, error, cost, verdict
) -> None:
    evidence = search(
        shop,
        experiment("driver", lift, error),
        behaviours={"driver": {"cost_per_event": cost}},
    )
    driver = row(evidence, "driver")
    assert driver.verdict == verdict
    assert driver.effect == pytest.approx(lift - cost)
    assert driver.effect_gross == lift
    assert ("net of the" in driver.reason) == (cost > 0)
    assert driver.selected == (verdict == "driver")


@pytest.mark.seldom
def test_several_experiments_are_combined_by_inverse_variance(shop) -> None:
    combined = row(
        search(shop, experiment("driver", 0.9, 0.1), experiment("driver", 0.7, 0.2)), "driver"
    )
    assert combined.effect == pytest.approx((0.9 * 100 + 0.7 * 25) / 125)
    assert combined.effect_high - combined.effect == pytest.approx(1.959964 / math.sqrt(125))
    assert combined.reason.startswith("2 randomised tests of 20,000 customers: one more event adds")
    contradictory = row(
        search(shop, experiment("driver", 0.1, 0.05), experiment("driver", 1.9, 0.05)), "driver"
    )
    assert contradictory.verdict == "unverifiable"
    assert "the interval widened because they disagree" in contradictory.reason


def test_an_experiment_decides_if_the_history_is_too_short(simulate_shop) -> None:
    short = simulate_shop(3, effect=0.25, n=300, n_periods=8)
    without_experiment = search(short)
    assert {r.verdict for r in without_experiment.drivers} == {"unverifiable"}
    assert without_experiment.choices == ()
    windows = {"observation_days": 28, "outcome_days": 28}
    evidence = search(short, experiment("driver", 0.9, 0.1), windows=windows)
    assert row(evidence, "driver").verdict == "driver"
    assert [c.behaviour for c in evidence.choices] == ["driver"]
    assert evidence.choices[0].kind == "linear"


def test_a_role_also_limits_the_selection_of_tested_behaviours(shop) -> None:
    evidence = search(
        shop, experiment("vanity", 0.9, 0.1), behaviours={"vanity": {"role": "confounder"}}
    )
    assert row(evidence, "vanity").verdict == "driver"
    assert [c.behaviour for c in evidence.choices] == ["driver"]


def test_draws_follow_an_asymmetric_interval(shop) -> None:
    """The draws are as asymmetric as Fieller's interval."""
    from engagement_ml.drivers.experiment_override import override_by_experiments
    from engagement_ml.drivers.finding import Verdict

    config = parse_config(
        {"name": "s", "experiments": [{**experiment("driver", 1.0, 1.0), "standard_error": None,
                                       "low": 0.9, "high": 3.0}]}
    )  # fmt: skip
    with open_duckdb() as engine:
        results = read_experiments(config, engine)
    observed = {"driver": Verdict("vanity", "correlated only")}
    overridden = override_by_experiments(
        results,
        {"driver": blank_finding()},
        observed,
        config,
    )
    draws = overridden.draws(["driver"])["driver"]
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
        leads=None,
        frequency=0.0,
        cost=0.0,
        min_effect=0.1,
    )
