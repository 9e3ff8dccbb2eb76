"""Unprofitable engaged customers of a run: who counts, net of which costs, and the file."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.features import Panel
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow.further.unprofitable import find_unprofitable
from engagement_ml.workflow.metric_builder import with_score_quantiles

CUTOFFS = pd.to_datetime(["2024-05-06", "2024-06-03"])


def make_panel(n: int = 2000) -> Panel:
    """At the last cutoff, customers of the north with many calls cost more than they bring."""
    rng = np.random.default_rng(1)
    frames = []
    for place, cutoff in enumerate(CUTOFFS):
        region = rng.choice(["north", "south", "east"], n)
        frame = pd.DataFrame(
            {
                "customer_id": np.arange(n),
                "cutoff": cutoff,
                "part": ["train", "test"][place],
                "visit__frequency": rng.poisson(4, n).astype(float),
                "call__frequency": rng.poisson(3, n).astype(float),
                "covariate__region": pd.Categorical(region),
                "segment__region": region,
                "covariate__age": rng.normal(40, 10, n),
            }
        )
        frame["margin"] = rng.normal(40, 10, n) if place else -99.0
        north = (frame["segment__region"] == "north") & (frame["call__frequency"] >= 4)
        frame.loc[north, "margin"] -= 30 if place else 0
        frames.append(frame)
    return Panel(
        pd.concat(frames, ignore_index=True),
        ("call", "visit"),
        {b: (f"{b}__frequency",) for b in ("call", "visit")},
        (),
        ("covariate__region", "covariate__age"),
        ("segment__region",),
    )


def metric_of(panel: Panel, *, abstains: bool = False) -> EngagementMetric:
    linear = Transform("linear", scale=None, shape=None, cap=12.0)
    visits = WeightedBehaviour("visit", 100.0, None, None, "frequency", "events", linear)
    made = EngagementMetric(
        name="shop",
        evidence="driver",
        observation_days=28,
        outcome_days=28,
        behaviours=() if abstains else (visits,),
        reason="nothing passed" if abstains else None,
    )
    windows: Any = type("Windows", (), {"train": [CUTOFFS[0].date()]})
    return with_score_quantiles(made, panel, windows)


def fitted(panel: Panel, metric: EngagementMetric, **config: Any) -> Any:
    config = {"name": "shop", "segments": ["region"], **config}
    return type("Fitted", (), {"panel": panel, "metric": metric, "config": parse_config(config)})()


@pytest.fixture(scope="module")
def panel() -> Panel:
    return make_panel()


def test_costs_of_serving_make_a_group_unprofitable(panel: Panel) -> None:
    run = fitted(panel, metric_of(panel), behaviours={"call": {"cost_per_event": 5.0}})
    found = find_unprofitable(None, run)
    profile = found.fields["profile"]
    last = panel.frame[panel.frame["cutoff"] == CUTOFFS[1]]
    # The median of the scores at the training cutoff is 4 of 12 visits.
    engaged = last[last["visit__frequency"] >= 4]
    net = engaged["margin"] - 5.0 * engaged["call__frequency"]
    assert profile.n_engaged == len(engaged)
    assert profile.engaged_from == pytest.approx(100 * 4 / 12)
    assert profile.n_unprofitable == (net < 0).sum()
    assert profile.net_margin == pytest.approx(net.mean())
    assert profile.margin_lost == pytest.approx(-net[net < 0].sum())
    assert profile.cutoff == "2024-06-03"
    losing = [group for group in profile.groups if group.loses]
    assert losing
    assert all("region is north" in group.rule for group in losing)
    assert profile.behaviours[0].behaviour == "call"
    assert profile.notes == ()


def test_the_file_lists_customers_of_groups_that_lose(panel: Panel) -> None:
    run = fitted(panel, metric_of(panel), behaviours={"call": {"cost_per_event": 5.0}})
    found = find_unprofitable(None, run)
    profile, files = found.fields["profile"], found.files
    rows = list(csv.DictReader(io.StringIO(files["unprofitable.csv"])))
    losing = {group.rule: group for group in profile.groups if group.loses}
    assert len(rows) == sum(group.n_entities for group in losing.values())
    last = panel.frame[panel.frame["cutoff"] == CUTOFFS[1]].set_index("customer_id")
    for row in rows[:20]:
        customer = last.loc[int(row["customer_id"])]
        assert customer["segment__region"] == "north"
        net = customer["margin"] - 5.0 * customer["call__frequency"]
        assert float(row["net_margin"]) == pytest.approx(net, abs=0.006)
        assert float(row["score"]) == pytest.approx(
            100 * min(customer["visit__frequency"], 12) / 12, abs=0.006
        )
        assert row["rule"] in losing


def test_without_costs_a_note_says_so_and_the_file_is_empty(panel: Panel) -> None:
    run = fitted(panel, metric_of(panel))
    found = find_unprofitable(None, run)
    profile, files = found.fields["profile"], found.files
    assert not any(group.loses for group in profile.groups)
    assert "cost_per_event" in profile.notes[0]
    assert files == {"unprofitable.csv": "customer_id,rule,net_margin,score\n"}


def test_a_configured_limit_says_who_is_engaged(panel: Panel) -> None:
    run = fitted(panel, metric_of(panel), scorecard={"engaged_from": 90.0})
    profile = find_unprofitable(None, run).fields["profile"]
    last = panel.frame[panel.frame["cutoff"] == CUTOFFS[1]]
    assert profile.n_engaged == (last["visit__frequency"] >= 11).sum()
    assert "groups need 200" in str(profile.reason)


def test_a_metric_that_abstains_has_no_engaged_customers(panel: Panel) -> None:
    run = fitted(panel, metric_of(panel, abstains=True))
    found = find_unprofitable(None, run)
    profile = found.fields["profile"]
    assert (profile.n_engaged, profile.groups, profile.net_margin) == (0, (), None)
    assert "the metric abstains" in str(profile.reason)
    assert found.files == {}
