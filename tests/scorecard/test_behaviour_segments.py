"""Segments by behaviour on tables: members, names, profile, and the same on every engine."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engagement_ml.engine import Engine
from engagement_ml.measures.context import MeasureContext
from engagement_ml.scorecard.segments import (
    BehaviourSegments,
    find_behaviour_segments,
    groups_of,
    segment_card,
)
from engagement_ml.scorecard.segments.naming import segment_names
from engagement_ml.windows import Window
from tests.engines.conftest import PolarsEngine
from tests.measures.tables import make_context, moment
from tests.scorecard import populations

HISTORY = Window(dt.date(2024, 1, 1), dt.date(2024, 4, 1))
BEHAVIOURS = ("video.play", "visit", "like", "share", "call", "chat")


def rows(seed: int = 1, n: int = 240) -> tuple[list[Any], list[Any], dict[str, int]]:
    """Events and transactions of three groups, and the group of each customer."""
    counts, group = populations.three_groups(seed, n)
    when = moment("2024-03-20")
    events = [
        {"customer_id": f"c{i}", "timestamp": when, "event_type": behaviour}
        for i, row in enumerate(counts)
        for behaviour, count in zip(BEHAVIOURS, row, strict=True)
        for _ in range(int(count))
    ]
    transactions = [
        {"customer_id": f"c{i}", "timestamp": when, "margin": float(g * 10 + i % 3)}
        for i, g in enumerate(group)
    ]
    # Customers who did nothing in the window of 30 days.
    quiet = [f"q{i}" for i in range(15)]
    transactions += [
        {"customer_id": c, "timestamp": moment("2024-01-05"), "margin": 1.0} for c in quiet
    ]
    return events, transactions, {f"c{i}": int(g) for i, g in enumerate(group)}


def context_of(engine: Engine, events: list[Any], transactions: list[Any]) -> MeasureContext:
    return make_context(
        engine,
        settings={"windows": {"observation_days": 30}},
        events=events,
        transactions=transactions,
        history=HISTORY,
    )


def members_of(engine: Engine, found: BehaviourSegments) -> dict[str, str]:
    assert found.members is not None, found.reason
    rows_ = engine.rows(found.members, source="segments")
    return {row["customer_id"]: row["segment"] for row in rows_}


@pytest.fixture(scope="module")
def shop(duckdb_engine: Engine) -> Any:
    events, transactions, group = rows()
    context = context_of(duckdb_engine, events, transactions)
    return context, find_behaviour_segments(context.tables, context.config, HISTORY.end), group


def test_customers_are_in_the_segment_of_their_group(shop: Any) -> None:
    context, found, group = shop

    members = members_of(context.engine, found)

    assert len(found.names) == 3
    for name in found.names:
        own = [group[c] for c, segment in members.items() if segment == name]
        assert max(own.count(g) for g in range(3)) >= 0.95 * len(own)
    assert {members[f"q{i}"] for i in range(15)} == {"no activity"}
    assert found.stability > 0.9
    for name, apart in zip(found.names, found.apart, strict=True):
        for behaviour in name.split(", few")[0].removeprefix("many ").split(" and "):
            assert apart[behaviour] > 1.5


def test_neither_rows_nor_names_nor_engine_matter(shop: Any) -> None:
    context, found, _ = shop
    events, transactions, _ = rows()
    random.Random(1).shuffle(events)
    renamed = [
        {
            **row,
            "customer_id": "x" + row["customer_id"][::-1],
            "event_type": row["event_type"][::-1],
        }
        for row in events
    ]
    with PolarsEngine() as polars:
        other = context_of(
            polars,
            renamed,
            [{**row, "customer_id": "x" + row["customer_id"][::-1]} for row in transactions],
        )
        again = find_behaviour_segments(other.tables, other.config, HISTORY.end)
        first, second = members_of(context.engine, found), members_of(polars, again)

    assert again.stability == found.stability
    pairs = {(segment, second["x" + c[::-1]]) for c, segment in first.items()}
    assert len(pairs) == 4


def test_all_customers_are_assigned_if_a_sample_is_clustered(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, found, _ = shop
    monkeypatch.setattr("engagement_ml.scorecard.segments.behaviour.SAMPLE", 150)

    sampled = find_behaviour_segments(context.tables, context.config, HISTORY.end)

    first, second = (members_of(context.engine, each) for each in (found, sampled))
    assert first.keys() == second.keys()
    assert sum(first[c] == second[c] for c in first) >= 0.95 * len(first)


def test_the_profile_is_that_of_the_members(shop: Any) -> None:
    context, found, _ = shop
    _, transactions, _ = rows()
    members = members_of(context.engine, found)
    scores = {c: float(i % 50) for i, c in enumerate(members)}
    days = [HISTORY.end - dt.timedelta(days=1)] * len(scores)
    frame = context.engine.small(
        {"customer_id": list(scores), "day": days, "score": list(scores.values())}
    )

    card = segment_card(replace(context, scores=frame), found)

    assert [segment["name"] for segment in card.segments] == [*found.names, "no activity"]
    assert sum(segment["customers"] for segment in card.segments) == len(members)
    assert sum(segment["share"].value for segment in card.segments) == pytest.approx(100)
    margin = {row["customer_id"]: row["margin"] for row in transactions}
    for segment in card.segments:
        own = [c for c in members if members[c] == segment["name"]]
        in_window = [0.0 if c.startswith("q") else margin[c] for c in own]
        assert segment["customers"] == len(own)
        for key, values in (("margin", in_window), ("score", [scores[c] for c in own])):
            half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(own))
            assert segment[key].value == pytest.approx(np.mean(values))
            if len(own) >= 30:
                assert segment[key].high - segment[key].value == pytest.approx(half, rel=0.1)
        assert segment["new"].value == (0 if segment["kind"] == "no activity" else 100)


def test_measures_may_be_split_by_behaviour(shop: Any) -> None:
    context, found, _ = shop

    groups = groups_of(context.tables, context.config, found)

    assert groups is not None
    assert groups.names == {"group_0": "behaviour segment"}
    found_groups = context.engine.rows(groups.frame, source="groups")
    members = members_of(context.engine, found)
    assert {row["customer_id"]: row["group_0"] for row in found_groups} == members


def test_no_segments_have_a_reason(engine: Engine) -> None:
    events = [
        {"customer_id": c, "timestamp": moment("2024-03-20"), "event_type": "visit"} for c in "ab"
    ]
    context = context_of(engine, events, [{**events[0], "margin": 1.0}])

    found = find_behaviour_segments(context.tables, context.config, HISTORY.end)

    assert found.members is None
    assert found.reason is not None
    assert found.reason.startswith("only 2 customers have an event")
    assert segment_card(context, found).reason == found.reason
    assert groups_of(context.tables, context.config, found) is None


def test_names_differ_and_do_not_depend_on_the_order_of_behaviours() -> None:
    labels = ["videos", "visits", "likes"]
    apart = np.array([[1.2, -0.8, 0.6], [1.2, -0.8, -0.6], [0.1, 0.1, 0.0], [0.1, 0.1, 0.0]])

    names = segment_names(apart, labels)

    assert names[0] == "many videos and likes, few visits"
    assert names[1] == "many videos, few visits and likes"
    assert len(set(names)) == 4
    turned = segment_names(apart[:2, ::-1], labels[::-1])
    assert [set(name.replace(", few", "").split()) for name in turned] == [
        set(name.replace(", few", "").split()) for name in names[:2]
    ]
