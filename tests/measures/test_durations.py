"""Durations: Kaplan-Meier as by hand, on every engine, with open requests and several a person."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.engine import Engine
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.durations import (
    HOUR,
    MINUTE,
    Durations,
    DurationTotals,
    kaplan_meier,
    share_within,
)
from tests.measures import oracle_durations as oracle
from tests.measures.tables import make_context, measured, moment

REQUESTS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=25)


def counted(requests: list[oracle.Request], limit: float | None = None) -> DurationTotals:
    """Requests of as many customers."""
    times = sorted({t for t, _ in requests})
    answered, unanswered = (
        np.array([sum(1 for r in requests if r == (t, flag)) for t in times])
        for flag in (True, False)
    )
    return DurationTotals(len(requests), np.array(times), answered, unanswered, limit)


@given(REQUESTS)
def test_the_median_is_that_of_the_curve_by_hand(requests: list[oracle.Request]) -> None:
    steps = Durations("median", 1, 1)

    estimate = steps.estimate(counted(requests))

    assert estimate.value == oracle.median(requests)
    if estimate.value is not None:
        assert estimate.low is not None
        assert estimate.low <= estimate.value
        assert estimate.high is None or estimate.high >= estimate.value
    else:
        assert "too few for a median" in estimate.note


@given(REQUESTS, st.integers(0, 13))
def test_the_share_within_a_limit_is_that_by_hand(
    requests: list[oracle.Request], limit: int
) -> None:
    estimate = Durations("share", 1, 1).estimate(counted(requests, limit))

    expected = oracle.within(requests, limit)
    if expected is None:
        assert estimate.value is None
        return
    assert estimate.value == pytest.approx(100 * float(expected))
    assert 0 <= estimate.low <= estimate.value + 1e-9
    assert estimate.value - 1e-9 <= estimate.high <= 100


@given(REQUESTS)
def test_the_variance_is_greenwoods(requests: list[oracle.Request]) -> None:
    totals = counted(requests)
    curve = kaplan_meier(totals)
    for time, share, n in zip(totals.times, curve.open, curve.requests, strict=True):
        if 0 < share < 1 - 1e-12:
            expected = float(oracle.greenwood(requests, float(time)))
            assert share * (1 - share) / n == pytest.approx(expected)


def test_without_open_requests_the_interval_is_wilsons() -> None:
    requests = [(1, True)] * 25 + [(5, True)] * 15

    estimate = Durations("share", 1, 1).estimate(counted(requests, 2))

    assert (estimate.value, estimate.n) == (62.5, 40)
    assert estimate.low == pytest.approx(47.03, abs=0.01)
    assert estimate.high == pytest.approx(75.78, abs=0.01)


def test_open_requests_are_not_dropped() -> None:
    answered, still_open = [(1, True)] * 4, [(50, False)] * 6

    assert Durations("median", 1, 1).estimate(counted(answered)).value == 1
    with_open = Durations("median", 1, 1).estimate(counted(answered + still_open))
    assert with_open.value is None
    assert with_open.note == "4 of 10 requests were answered: too few for a median"


def test_no_share_is_told_if_the_tables_end_before_the_limit() -> None:
    totals = counted([(1, True), (3, False)], 5)

    assert share_within(totals) == (None, 0.0)
    assert Durations("share", 1, 1).estimate(totals).value is None


START = moment("2024-01-01")
QUESTIONS = [
    # customer, day, minutes, answered, channel
    ("a", 0, 61, 1, "mail"),
    ("a", 3, 61, 1, "mail"),
    ("a", 9, 5, 1, "phone"),
    ("b", 2, 240, 1, "phone"),
    ("c", 30, 9000, 0, None),
    ("c", 40, 30, 1, "mail"),
    ("d", 45, 10, 1, "mail"),
    ("d", 46, 20, 0, "mail"),
    ("e", 59, 7, 1, "phone"),
]


def _definition(engine: Engine, shows: Any) -> MeasureDefinition:
    def rows(context: Any, settings: Any) -> Rows:
        names = ("customer_id", "day", "micros", "answered", "touchpoint")
        each = [
            (c, (START + dt.timedelta(days=d)).date(), m * MINUTE - 1, a, t)
            for c, d, m, a, t in QUESTIONS
        ]
        # A negative duration and one that is not known are not requests.
        each += [("a", START.date(), -5, 1, "mail"), ("a", START.date(), None, 1, "mail")]
        columns = {name: [row[i] for row in each] for i, name in enumerate(names)}
        return Rows("questions", lambda: engine.small(columns), {}, limit=HOUR)

    return MeasureDefinition("answers", "Answers", Durations(shows), "hours", "less", "", "", rows)


@pytest.mark.parametrize("shows", ["median", "share"])
def test_durations_are_counted_by_period_touchpoint_and_segment(engine: Engine, shows: str) -> None:
    regions = {"a": "north", "b": "north", "c": "south", "d": "south"}
    context = make_context(
        engine,
        events=[{"customer_id": "a", "timestamp": START, "event_type": "x"}],
        transactions=[{"customer_id": "a", "timestamp": moment("2024-02-29"), "margin": 1.0}],
        groups=[{"customer_id": c, "region": r} for c, r in regions.items()],
    )

    result = measured(context, "answers", catalogue=(_definition(engine, shows),))["answers"]

    groups: dict[tuple[str, str, int], list[oracle.Request]] = defaultdict(list)
    people: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for customer, day, minutes, answered, channel in QUESTIONS:
        period = (START + dt.timedelta(days=day)).month - 1
        cells = [("all", "")]
        cells += [("touchpoint", channel)] if channel else []
        cells += [("region", regions[customer])] if customer in regions else []
        for dimension, group in cells:
            groups[dimension, group, period].append((minutes, bool(answered)))
            people[dimension, group, period].add(customer)
    seen = 0
    for dimension, by_group in result.estimates.items():
        for group, series in by_group.items():
            for period, estimate in enumerate(series):
                requests = groups[dimension, group, period]
                assert estimate.n == len(people[dimension, group, period])
                if not requests:
                    assert estimate.value is None
                    continue
                seen += 1
                hours = oracle.median(requests)
                share = oracle.within(requests, 60)
                expected = (
                    (None if hours is None else hours / 60)
                    if shows == "median"
                    else (None if share is None else 100 * float(share))
                )
                assert estimate.value == pytest.approx(expected)
    assert seen == sum(map(bool, groups.values()))


def test_several_requests_of_one_person_widen_the_interval(engine: Engine) -> None:
    """20 people with 5 equal waits each tell no more than 20 people with one."""

    def rows_of(per_person: int) -> Any:
        def rows(context: Any, settings: Any) -> Rows:
            people = [p for p in range(20) for _ in range(per_person)]
            columns = {
                "customer_id": [f"p{p}" for p in people],
                "day": [dt.date(2024, 1, 2)] * len(people),
                "micros": [(p + 1) * 10 * MINUTE for p in people],
                "answered": [1] * len(people),
            }
            return Rows(f"{per_person}", lambda: engine.small(columns), {}, limit=HOUR)

        return rows

    catalogue = tuple(
        MeasureDefinition(
            f"each_{k}", "", Durations("share"), "percent", "more", "", "", rows_of(k)
        )
        for k in (1, 5)
    )
    context = make_context(
        engine,
        events=[{"customer_id": "a", "timestamp": START, "event_type": "x"}],
        transactions=[{"customer_id": "a", "timestamp": moment("2024-01-31"), "margin": 1.0}],
    )
    one, five = (
        result.estimates["all"][""][0] for result in measured(context, catalogue=catalogue).values()
    )

    assert one.value == five.value == 30.0
    assert five.low == pytest.approx(one.low, abs=1.0)
    assert five.high == pytest.approx(one.high, abs=1.0)
    assert five.low <= one.low
