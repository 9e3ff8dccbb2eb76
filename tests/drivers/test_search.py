"""The driver search on simulated data with known effects, and on uninformative data."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest

from benchmarks.recovery.worlds import make_world
from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.drivers import DriverEvidence, find_drivers
from engagement_ml.drivers.selection import shap_importance
from engagement_ml.features.period_panel import Periods
from engagement_ml.windows import History, plan_windows

VERDICTS = {"driver", "harmful", "vanity", "consequence", "inert", "unverifiable"}


@pytest.fixture(scope="module", autouse=True)
def small_samples():
    """Compute SHAP values of fewer rows; they only rank behaviours here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shap_importance, "_MOST_ROWS", 5000)
        patch.setattr(shap_importance, "_MOST_EXPLAINED", 1500)
        yield


def search(periods: Periods, **settings) -> DriverEvidence:
    config = parse_config({"name": "simulated", **settings})
    return find_drivers(periods, None, windows_of(periods, config), config)


def windows_of(periods: Periods, config: PipelineConfig):
    """Plan the windows, or return None if the history is too short for them."""
    days = (periods.until - periods.start).days
    needed = config.windows.observation_days + config.windows.outcome_days
    history = History(periods.start, max(periods.until, periods.start)) if days >= needed else None
    return plan_windows(history, config.windows) if history is not None else None


@pytest.fixture(scope="module")
def searched(periods_of):
    """Return a simulated data set, its periods and the evidence; each is computed once."""

    @cache
    def run(kind: str, n: int, n_weeks: int, seed: int):
        world = make_world(kind, n, n_weeks, seed)
        periods = periods_of(world)
        return world, periods, search(periods, **{**world.config, "name": "simulated"})

    return run


def verdicts(evidence: DriverEvidence) -> dict[str, str]:
    return {row.behaviour: row.verdict for row in evidence.drivers}


def test_true_drivers_are_selected_despite_confounding_by_affinity(searched) -> None:
    world, _, evidence = searched("confounded", 1500, 44, 5)
    selected = {c.behaviour for c in evidence.choices}
    assert selected == world.truth.drivers
    assert evidence.reason is None
    given = verdicts(evidence)
    assert {b for b, v in given.items() if v in ("driver", "harmful")} == selected
    consequences = [b for b, v in world.truth.verdicts.items() if v == "consequence"]
    assert all(given[b] == "consequence" for b in consequences)
    for choice in evidence.choices:
        assert choice.weight_low <= choice.weight <= choice.weight_high
        assert choice.weight == pytest.approx(100 * world.truth.shares[choice.behaviour], abs=20)


def test_the_naive_ranking_is_confounded(searched) -> None:
    """Mean |SHAP| ranks behaviours that only correlate with affinity above the drivers."""
    world, _, evidence = searched("confounded", 1500, 44, 5)
    top = [row.behaviour for row in evidence.naive[:3]]
    assert not set(top) & world.truth.drivers
    assert {world.truth.verdicts[b] for b in top} & {"vanity", "consequence"}


def test_effects_are_close_to_the_truth(searched) -> None:
    world, _, evidence = searched("confounded", 1500, 44, 5)
    rows = {row.behaviour: row for row in evidence.drivers}
    for b in world.truth.drivers:
        assert rows[b].effect == pytest.approx(world.truth.effect[b], rel=0.6)
        assert rows[b].effect_low < rows[b].effect < rows[b].effect_high


@pytest.mark.seldom
def test_nothing_is_selected_without_true_effects(searched) -> None:
    world, _, evidence = searched("nothing_confounded", 1200, 40, 1)
    assert not world.truth.drivers
    assert evidence.choices == ()
    assert not {"driver", "harmful"} & set(verdicts(evidence).values())
    assert evidence.reason is not None
    assert "require: indicator" in evidence.reason
    vanity = [b for b, v in world.truth.verdicts.items() if v == "vanity"]
    assert sum(verdicts(evidence)[b] == "vanity" for b in vanity) >= len(vanity) / 2


@pytest.mark.seldom
def test_harmful_behaviours_are_named_and_not_selected(searched) -> None:
    world, _, evidence = searched("harmful", 1500, 44, 6)
    harmful = [b for b, v in world.truth.verdicts.items() if v == "harmful"]
    rows = {row.behaviour: row for row in evidence.drivers}
    assert harmful
    for b in harmful:
        assert rows[b].verdict == "harmful"
        assert rows[b].effect_high < 0
        assert not rows[b].selected
    assert {c.behaviour for c in evidence.choices} == world.truth.drivers


def test_a_single_cross_section_identifies_no_effect(searched) -> None:
    _, _, evidence = searched("shap_subscriber_cross_section", 1200, 40, 1)
    assert evidence.choices == ()
    assert set(verdicts(evidence).values()) <= {"unverifiable", "vanity"}
    assert evidence.reason is not None
    for row in evidence.drivers:
        assert row.effect is None
        assert "randomised test" in row.reason
        assert "per arm" in row.reason


def test_a_short_history_abstains_and_states_the_history_needed(searched) -> None:
    _, periods, _ = searched("confounded", 1500, 44, 5)
    weeks = 11
    short = replace(
        periods,
        until=periods.start + (periods.until - periods.start) * weeks / 44,
        counts=periods.counts[:, :weeks],
        gain=periods.gain[:, :weeks],
        loss=periods.loss[:, :weeks],
        orders=periods.orders[:, :weeks],
        exit=np.minimum(periods.exit, weeks).astype(np.int32),
    )
    evidence = search(short)
    assert evidence.choices == ()
    assert set(verdicts(evidence).values()) == {"unverifiable"}
    assert evidence.reason is not None
    assert "only 7 periods of 7 days" in evidence.reason
    assert "at least 8 are needed" in evidence.reason


@pytest.mark.seldom
def test_same_data_and_seed_give_identical_evidence(searched) -> None:
    _, periods, first = searched("nothing_confounded", 1200, 40, 1)
    texts = [
        json.dumps(asdict(evidence), sort_keys=True, allow_nan=False)
        for evidence in (first, search(periods))
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "data",
    [
        ("confounded", 1500, 44, 5),
        ("nothing_confounded", 1200, 40, 1),
        ("shap_subscriber_cross_section", 1200, 40, 1),
    ],
)
def test_evidence_is_serialisable_and_complete(searched, data) -> None:
    _, periods, evidence = searched(*data)
    json.dumps(asdict(evidence), allow_nan=False)
    assert {row.behaviour for row in evidence.drivers} == set(periods.behaviours)
    assert sorted(row.shap_rank for row in evidence.drivers) == list(
        range(1, len(evidence.drivers) + 1)
    )
    assert [row.selected for row in evidence.drivers] == sorted(
        (row.selected for row in evidence.drivers), reverse=True
    )
    for row in evidence.drivers:
        assert row.verdict in VERDICTS
        assert row.reason
        assert 0 <= row.selection_frequency <= 1
        assert row.selected == (row.behaviour in {c.behaviour for c in evidence.choices})
    if evidence.choices:
        assert sum(c.weight for c in evidence.choices) == pytest.approx(100)


def test_placebo_and_stability_checks_pass(searched) -> None:
    _, _, evidence = searched("confounded", 1500, 44, 5)
    checks = {check.name: check for check in evidence.checks}
    assert checks["placebo behaviours"].passed
    assert checks["stability"].passed


@pytest.fixture(scope="module")
def shop(simulate_shop) -> Periods:
    return simulate_shop(11, effect=0.2, n=900, n_periods=40)


def with_behaviours(periods: Periods, **counts) -> Periods:
    added = np.stack([np.asarray(c, dtype=np.float32) for c in counts.values()], axis=2)
    return replace(
        periods,
        behaviours=(*periods.behaviours, *counts),
        counts=np.concatenate([periods.counts, added], axis=2),
    )


def test_the_shop_has_one_driver(shop) -> None:
    evidence = search(shop)
    assert [c.behaviour for c in evidence.choices] == ["driver"]
    assert verdicts(evidence)["vanity"] in ("vanity", "inert", "unverifiable")


def test_an_event_of_all_customers_at_once_is_not_a_driver(shop) -> None:
    """A letter to all customers is collinear with the season."""
    t = np.arange(shop.gain.shape[1])
    letter = np.repeat((t % 4 == 0)[None], shop.gain.shape[0], axis=0)
    evidence = search(with_behaviours(shop, letter=letter, never=np.zeros_like(shop.gain)))
    given = verdicts(evidence)
    assert given["letter"] == "unverifiable"
    assert given["never"] in ("unverifiable", "inert")
    assert [c.behaviour for c in evidence.choices] == ["driver"]


def test_linear_algebra_runs_on_one_thread(shop) -> None:
    """Sums in another order would give other digits, and so other bytes."""
    from threadpoolctl import threadpool_info, threadpool_limits

    seen: set[int] = set()

    def look(_: str) -> None:
        seen.update(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")

    config = parse_config({"name": "simulated"})
    with threadpool_limits(limits=2, user_api="blas"):
        find_drivers(shop, None, windows_of(shop, config), config, on_step=look)
    assert seen == {1}


def test_duplicated_behaviours_are_unverifiable(shop) -> None:
    evidence = search(with_behaviours(shop, duplicate=shop.counts[..., 0]))
    assert verdicts(evidence)["driver"] == verdicts(evidence)["duplicate"] == "unverifiable"


@pytest.mark.parametrize("role", ["consequence", "confounder"])
def test_declared_roles_are_respected(shop, role: str) -> None:
    evidence = search(shop, behaviours={"driver": {"role": role}})
    assert evidence.choices == ()
    if role == "consequence":
        assert verdicts(evidence)["driver"] == "consequence"


@pytest.mark.seldom
def test_a_cost_above_the_gross_effect_is_harmful(shop) -> None:
    free = search(shop)
    gross = next(r.effect_gross for r in free.drivers if r.behaviour == "driver")
    costly = search(shop, behaviours={"driver": {"cost_per_event": 3 * gross}})
    row = next(r for r in costly.drivers if r.behaviour == "driver")
    assert row.verdict == "harmful"
    assert row.effect == pytest.approx(row.effect_gross - 3 * gross)
    assert costly.choices == ()


@pytest.mark.seldom
def test_selection_has_at_most_the_configured_size(searched) -> None:
    world, periods, _ = searched("confounded", 1500, 44, 5)
    arrays = ("entities", "counts", "gain", "loss", "orders", "entry", "exit")
    subset = {name: getattr(periods, name)[:700] for name in arrays}
    segments = {column: values[:700] for column, values in periods.segments.items()}
    evidence = search(replace(periods, **subset, segments=segments), select={"at_most": 1})
    (only,) = evidence.choices
    assert only.behaviour in world.truth.drivers
    assert only.weight == pytest.approx(100)


@pytest.mark.seldom
def test_an_indicator_is_selected_if_required_and_labelled_as_one(simulate_shop) -> None:
    periods = simulate_shop(12, effect=0.0, n=900, n_periods=40)
    evidence = search(periods, select={"require": "indicator"})
    assert evidence.evidence == "indicator"
    assert "vanity" in {c.behaviour for c in evidence.choices}
    assert evidence.reason is None
    assert "driver" not in verdicts(evidence).values()


def test_a_behaviour_that_only_follows_orders_is_a_consequence(make_periods) -> None:
    rng = np.random.default_rng(0)
    orders = rng.poisson(0.5, (400, 36))
    receipts = rng.poisson(0.9 * np.pad(orders, ((0, 0), (1, 0)))[:, :-1])
    evidence = search(make_periods({"receipt": receipts}, 10.0 * orders, orders=orders))
    assert verdicts(evidence) == {"receipt": "consequence"}
    assert evidence.choices == ()
