"""The search on small worlds whose truth is known, and on data that cannot tell."""

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
NAMED = ("driver", "harmful")


@pytest.fixture(scope="module", autouse=True)
def small_samples():
    """SHAP from fewer rows: it only ranks here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shap_importance, "_MOST_ROWS", 5000)
        patch.setattr(shap_importance, "_MOST_EXPLAINED", 1500)
        yield


def search(periods: Periods, **settings) -> DriverEvidence:
    config = parse_config({"name": "world", **settings})
    return find_drivers(periods, None, windows_of(periods, config), config)


def windows_of(periods: Periods, config: PipelineConfig):
    """The search takes the periods as they are; too short ones have no windows of their own."""
    days = (periods.until - periods.start).days
    needed = config.windows.observation_days + config.windows.outcome_days
    history = History(periods.start, max(periods.until, periods.start)) if days >= needed else None
    return plan_windows(history, config.windows) if history is not None else None


@pytest.fixture(scope="module")
def found(periods_of):
    """A world, its periods and what was found in it, each asked for once."""

    @cache
    def ask(kind: str, n: int, n_weeks: int, seed: int):
        world = make_world(kind, n, n_weeks, seed)
        periods = periods_of(world)
        return world, periods, search(periods, **{**world.config, "name": "world"})

    return ask


def verdicts(evidence: DriverEvidence) -> dict[str, str]:
    return {row.behaviour: row.verdict for row in evidence.drivers}


def test_true_drivers_are_named_where_liking_confounds(found) -> None:
    world, _, evidence = found("confounded", 1500, 44, 5)
    chosen = {c.behaviour for c in evidence.choices}
    assert chosen == world.truth.drivers
    assert evidence.reason is None
    said = verdicts(evidence)
    assert {b for b, v in said.items() if v in NAMED} == chosen
    follows = [b for b, v in world.truth.verdicts.items() if v == "consequence"]
    assert all(said[b] == "consequence" for b in follows)
    for choice in evidence.choices:
        assert choice.weight_low <= choice.weight <= choice.weight_high
        assert choice.weight == pytest.approx(100 * world.truth.shares[choice.behaviour], abs=20)


def test_the_usual_ranking_is_wrong_there(found) -> None:
    """Mean absolute SHAP names what only goes with liking, ahead of what acts."""
    world, _, evidence = found("confounded", 1500, 44, 5)
    top = [row.behaviour for row in evidence.naive[:3]]
    assert not set(top) & world.truth.drivers
    assert {world.truth.verdicts[b] for b in top} & {"vanity", "consequence"}


def test_effects_are_of_the_right_size(found) -> None:
    world, _, evidence = found("confounded", 1500, 44, 5)
    rows = {row.behaviour: row for row in evidence.drivers}
    for b in world.truth.drivers:
        assert rows[b].effect == pytest.approx(world.truth.effect[b], rel=0.6)
        assert rows[b].effect_low < rows[b].effect < rows[b].effect_high


def test_nothing_is_named_where_nothing_acts(found) -> None:
    world, _, evidence = found("nothing_confounded", 1200, 40, 1)
    assert not world.truth.drivers
    assert evidence.choices == ()
    assert not {"driver", "harmful"} & set(verdicts(evidence).values())
    assert evidence.reason is not None
    assert "require: indicator" in evidence.reason
    likes = [b for b, v in world.truth.verdicts.items() if v == "vanity"]
    assert sum(verdicts(evidence)[b] == "vanity" for b in likes) >= len(likes) / 2


def test_what_harms_margin_is_said_to(found) -> None:
    world, _, evidence = found("harmful", 1500, 44, 6)
    harmful = [b for b, v in world.truth.verdicts.items() if v == "harmful"]
    rows = {row.behaviour: row for row in evidence.drivers}
    assert harmful
    for b in harmful:
        assert rows[b].verdict == "harmful"
        assert rows[b].effect_high < 0
        assert not rows[b].selected
    assert {c.behaviour for c in evidence.choices} == world.truth.drivers


def test_one_cross_section_cannot_tell(found) -> None:
    _, _, evidence = found("shap_subscriber_cross_section", 1200, 40, 1)
    assert evidence.choices == ()
    assert set(verdicts(evidence).values()) <= {"unverifiable", "vanity"}
    assert evidence.reason is not None
    for row in evidence.drivers:
        assert row.effect is None
        assert "randomised test" in row.reason
        assert "per arm" in row.reason


def test_too_short_a_history_says_how_much_would_do(found) -> None:
    _, periods, _ = found("confounded", 1500, 44, 5)
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


def test_same_data_and_seed_give_the_same_bytes(found) -> None:
    _, periods, first = found("nothing_confounded", 1200, 40, 1)
    texts = [
        json.dumps(asdict(each), sort_keys=True, allow_nan=False)
        for each in (first, search(periods))
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "world",
    [
        ("confounded", 1500, 44, 5),
        ("nothing_confounded", 1200, 40, 1),
        ("shap_subscriber_cross_section", 1200, 40, 1),
    ],
)
def test_evidence_is_plain_and_whole(found, world) -> None:
    _, periods, evidence = found(*world)
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


def test_placebos_are_run_and_pass(found) -> None:
    _, _, evidence = found("confounded", 1500, 44, 5)
    checks = {check.name: check for check in evidence.checks}
    assert checks["placebo behaviours"].passed
    assert checks["stability"].passed


@pytest.fixture(scope="module")
def shop(simulate_shop) -> Periods:
    return simulate_shop(11, effect=0.2, n=900, n_periods=40)


def added(periods: Periods, **counts) -> Periods:
    more = np.stack([np.asarray(c, dtype=np.float32) for c in counts.values()], axis=2)
    return replace(
        periods,
        behaviours=(*periods.behaviours, *counts),
        counts=np.concatenate([periods.counts, more], axis=2),
    )


def test_the_shop_by_itself(shop) -> None:
    evidence = search(shop)
    assert [c.behaviour for c in evidence.choices] == ["driver"]
    assert verdicts(evidence)["vanity"] in ("vanity", "inert", "unverifiable")


def test_what_everybody_gets_at_once_is_never_credited(shop) -> None:
    """A letter to all can be told from the season by no data."""
    t = np.arange(shop.gain.shape[1])
    letter = np.repeat((t % 4 == 0)[None], shop.gain.shape[0], axis=0)
    evidence = search(added(shop, letter=letter, never=np.zeros_like(shop.gain)))
    said = verdicts(evidence)
    assert said["letter"] == "unverifiable"
    assert said["never"] in ("unverifiable", "inert")
    assert [c.behaviour for c in evidence.choices] == ["driver"]


def test_two_names_for_the_same_events_are_told_apart_by_nobody(shop) -> None:
    evidence = search(added(shop, same_again=shop.counts[..., 0]))
    assert verdicts(evidence)["driver"] == verdicts(evidence)["same_again"] == "unverifiable"


@pytest.mark.parametrize("role", ["consequence", "confounder"])
def test_declared_roles_are_respected(shop, role: str) -> None:
    evidence = search(shop, behaviours={"driver": {"role": role}})
    assert evidence.choices == ()
    if role == "consequence":
        assert verdicts(evidence)["driver"] == "consequence"


def test_what_costs_more_than_it_earns_is_harmful(shop) -> None:
    free = search(shop)
    gross = next(r.effect_gross for r in free.drivers if r.behaviour == "driver")
    dear = search(shop, behaviours={"driver": {"cost_per_event": 3 * gross}})
    row = next(r for r in dear.drivers if r.behaviour == "driver")
    assert row.verdict == "harmful"
    assert row.effect == pytest.approx(row.effect_gross - 3 * gross)
    assert dear.choices == ()


def test_at_most_as_many_as_asked_for(found) -> None:
    world, periods, _ = found("confounded", 1500, 44, 5)
    arrays = ("entities", "counts", "gain", "loss", "orders", "entry", "exit")
    some = {name: getattr(periods, name)[:700] for name in arrays}
    labels = {column: values[:700] for column, values in periods.segments.items()}
    evidence = search(replace(periods, **some, segments=labels), select={"at_most": 1})
    (only,) = evidence.choices
    assert only.behaviour in world.truth.drivers
    assert only.weight == pytest.approx(100)


def test_an_indicator_is_chosen_where_asked_for_and_said_to_be_one(simulate_shop) -> None:
    periods = simulate_shop(12, effect=0.0, n=900, n_periods=40)
    evidence = search(periods, select={"require": "indicator"})
    assert evidence.evidence == "indicator"
    assert "vanity" in {c.behaviour for c in evidence.choices}
    assert evidence.reason is None
    assert "driver" not in verdicts(evidence).values()


def test_one_behaviour_that_only_follows_orders(make_periods) -> None:
    rng = np.random.default_rng(0)
    orders = rng.poisson(0.5, (400, 36))
    follows = rng.poisson(0.9 * np.pad(orders, ((0, 0), (1, 0)))[:, :-1])
    evidence = search(make_periods({"receipt": follows}, 10.0 * orders, orders=orders))
    assert verdicts(evidence) == {"receipt": "consequence"}
    assert evidence.choices == ()
