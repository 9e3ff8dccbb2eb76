"""Sessions on DuckDB and Polars, and in the panel, against a slow oracle in plain Python."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.features import build_panel
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.ledger.sessions import SUMS, SessionRule, session_events, sessions_by_day
from engagement_ml.windows import plan_windows

# The third day is 29 February.
START = dt.datetime(2024, 2, 27)
DAY, GAP, TICK = dt.timedelta(days=1), dt.timedelta(minutes=30), dt.timedelta(microseconds=1)
DAYS = 12
CUTOFFS = [dt.date(2024, 3, 1), dt.date(2024, 3, 4), dt.date(2024, 3, 5)]
Event = dict[str, Any]

RELAXED = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def moments(draw: st.DrawFn) -> dt.datetime:
    """Timestamps close together: ties, pauses around the gap to the microsecond, midnights."""
    pauses = [dt.timedelta(0), TICK, GAP - TICK, GAP, GAP + TICK, 2 * GAP]
    around = draw(st.sampled_from([dt.timedelta(hours=9), DAY - GAP, DAY - TICK, dt.timedelta(0)]))
    steps = draw(st.lists(st.sampled_from(pauses), max_size=3))
    return START + draw(st.integers(0, DAYS - 2)) * DAY + around + sum(steps, dt.timedelta(0))


EVENT = st.fixed_dictionaries(
    {
        "customer_id": st.one_of(st.integers(1, 3), st.integers(1, 3), st.none()),
        "timestamp": st.one_of(moments(), moments(), moments(), st.none()),
        "event_type": st.sampled_from(["visit", "visit", "like", "left", "beat", "", None]),
        "event_id": st.one_of(st.none(), st.none(), st.integers(1, 15).map(str)),
    }
)
ASIDE = st.fixed_dictionaries(
    {
        "session_id": st.sampled_from(["a", "b", None]),
        "direction": st.sampled_from(["inbound", None, "outbound", "Outbound"]),
    }
)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Events with or without the optional columns that sessions use."""
    events = draw(st.lists(EVENT, min_size=1, max_size=40))
    for column in ("session_id", "direction"):
        if draw(st.booleans()):
            for event in events:
                event[column] = draw(ASIDE)[column]
    return events


def used(events: list[Event], only: set[str] | None, never: set[str]) -> list[Event]:
    """Return the events that make sessions; of repeats the first in order."""
    usable = [
        e for e in events
        if e["customer_id"] is not None and e["timestamp"] is not None and e["event_type"]
    ]  # fmt: skip
    usable.sort(key=lambda e: (e["timestamp"], e["customer_id"], e["event_type"]))
    seen, once = set(), []
    for event in usable:
        if event["event_id"] is None or event["event_id"] not in seen:
            once.append(event)
        seen.add(event["event_id"])
    return [
        e for e in once
        if (only is None or e["event_type"] in only)
        and e["event_type"] not in never
        and (e.get("direction") or "").lower() != "outbound"
    ]  # fmt: skip


def sessions_of(events: list[Event], gap: dt.timedelta) -> dict[int, list[list[dt.datetime]]]:
    """Return the sessions of each customer, each the moments of its events."""
    sessions: dict[int, list[list[dt.datetime]]] = {}
    for customer in {e["customer_id"] for e in events}:
        sessions[customer] = []
        of_customer = [e for e in events if e["customer_id"] == customer]
        for name in {e.get("session_id") for e in of_customer}:
            running: list[dt.datetime] = []
            for moment in sorted(
                e["timestamp"] for e in of_customer if e.get("session_id") == name
            ):
                same_day = running and running[-1].date() == moment.date()
                if not same_day or moment - running[-1] > gap:
                    running = []
                    sessions[customer].append(running)
                running.append(moment)
    return sessions


def by_day(sessions: dict[int, list[list[dt.datetime]]]) -> dict[Any, dict[str, Any]]:
    """Return the expected daily totals of sessions, by customer and day."""
    days: dict[Any, dict[str, Any]] = {}
    for customer, of_customer in sessions.items():
        for session in of_customer:
            empty = {**dict.fromkeys(SUMS, 0), "last": session[-1]}
            day = days.setdefault((customer, session[0].date()), empty)
            day["sessions"] += 1
            day["events"] += len(session)
            day["duration"] += (session[-1] - session[0]) // TICK
            day["bounces"] += len(session) == 1
            day["last"] = max(day["last"], session[-1])
    return days


def tables_of(engine: Engine, config: PipelineConfig, events: list[Event]) -> Tables:
    frame = pd.DataFrame(events)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"])
    frame["customer_id"] = frame["customer_id"].astype("Int64")
    last = START + (DAYS - 1) * DAY
    paid = pd.DataFrame({"customer_id": [1, 2, 9], "timestamp": [START, last, last], "margin": 1.0})
    return read_tables(config, engine, {"events": frame, "transactions": paid})


def with_all_types(events: list[Event]) -> list[Event]:
    """Add the event types that the configuration names, and a customer who does not churn."""
    more = [
        {"customer_id": customer, "timestamp": START, "event_type": kind, "event_id": None}
        for customer, kind in ((9, "visit"), (9, "like"), (8, "left"), (9, "beat"))
    ]
    # The events last as long as the transactions, so that every cutoff can be used.
    end = START + (DAYS - 1) * DAY
    more.append({"customer_id": 9, "timestamp": end, "event_type": "beat", "event_id": None})
    return [*events, *(dict.fromkeys(events[0]) | event for event in more)]


SESSION_SETTINGS = [
    ({}, None),
    ({"gap_minutes": 10}, None),
    ({"event_types": ["like", "visit"]}, {"like", "visit"}),
    ({"event_types": ["like"], "gap_minutes": 60}, {"like"}),
]


def config_of(sessions: dict[str, Any]) -> PipelineConfig:
    return parse_config(
        {
            "name": "sessions",
            "windows": {"observation_days": 3, "outcome_days": 2, "cutoffs": CUTOFFS},
            "behaviours": {"beat": {"role": "ignore"}},
            "churn": {"kind": "event", "event_type": "left"},
            "features": {"sessions": sessions},
        }
    )


@pytest.fixture(scope="module")
def engine() -> Any:
    with open_duckdb(threads=2) as opened:
        yield opened


@RELAXED
@given(events=logs(), settings_and_types=st.sampled_from(SESSION_SETTINGS))
def test_daily_sessions_equal_the_oracle(
    engine: Engine,
    events: list[Event],
    settings_and_types: tuple[dict[str, Any], set[str] | None],
) -> None:
    session_settings, only = settings_and_types
    events = with_all_types(events)
    tables = tables_of(engine, config_of(session_settings), events)
    gap = dt.timedelta(minutes=session_settings.get("gap_minutes", 30))
    expected = by_day(sessions_of(used(events, only, {"left", "beat"}), gap))
    assert tables.sessions is not None
    rows = tables.sessions.collect("polars").to_native().to_dicts()
    assert {(row.pop("customer_id"), row.pop("day")): row for row in rows} == expected


@RELAXED
@given(events=logs())
def test_daily_sessions_on_polars_equal_the_oracle(events: list[Event]) -> None:
    schema = {"customer_id": pl.Int64, "timestamp": pl.Datetime("us")}
    types = {name: schema.get(name, pl.String) for name in events[0]}
    rule = SessionRule(GAP // TICK, None, ("left", "beat"))
    for event in events:
        event["event_id"] = None
    frame = nw.from_native(pl.LazyFrame(events, schema=types))
    daily = sessions_by_day(session_events(frame, rule), rule.gap)
    rows = daily.collect().to_native().to_dicts()
    expected = by_day(sessions_of(used(events, None, {"left", "beat"}), GAP))
    assert {(row.pop("customer_id"), row.pop("day")): row for row in rows} == expected


@RELAXED
@given(events=logs())
def test_the_panel_equals_the_oracle(engine: Engine, events: list[Event]) -> None:
    events = with_all_types(events)
    config = config_of({})
    tables = tables_of(engine, config, events)
    panel = build_panel(tables, config, plan_windows(tables.history, config.windows))
    sessions = sessions_of(used(events, None, {"left", "beat"}), GAP)
    names = ["frequency", "events_per_session", "mean_duration_seconds", "bounce_rate",
             "recency_days"]  # fmt: skip
    assert panel.joint_features == tuple(f"session__{name}" for name in names)
    assert len(panel.frame)
    for _, row in panel.frame.iterrows():
        now = row["cutoff"].to_pydatetime()
        of_customer = sessions.get(row["customer_id"], [])
        inside = [s for s in of_customer if now - 3 * DAY <= s[0] < now]
        n = len(inside)
        seconds = sum((s[-1] - s[0]).total_seconds() for s in inside)
        expected = [
            n,
            sum(map(len, inside)) / n if n else math.nan,
            seconds / n if n else math.nan,
            sum(len(s) == 1 for s in inside) / n if n else math.nan,
            (now - max(s[-1] for s in inside)) / DAY if n else math.nan,
        ]
        np.testing.assert_allclose(
            row[list(panel.joint_features)].to_numpy(dtype=float), expected, rtol=1e-9, atol=1e-12
        )


def ledger(moments: list[Any], **columns: Any) -> list[tuple[Any, ...]]:
    """Return day, sessions, events, seconds and bounces of each day of one customer."""
    frame = pd.DataFrame({"customer_id": 1, "timestamp": moments, "event_type": "visit", **columns})
    other = pd.DataFrame({"customer_id": [2], "timestamp": [START], "event_type": ["visit"]})
    zone = getattr(moments[0], "tzinfo", None)
    if zone is not None:
        other["timestamp"] = other["timestamp"].dt.tz_localize(zone)
    paid = pd.DataFrame(
        {"customer_id": [1, 2], "timestamp": [START, START + 60 * DAY], "margin": [1.0, 2.0]}
    )
    config = parse_config({"name": "x", "features": {"sessions": True}})
    with open_duckdb(threads=1) as engine:
        events = pd.concat([frame, other], ignore_index=True)
        tables = read_tables(config, engine, {"events": events, "transactions": paid})
        assert tables.sessions is not None
        rows = tables.sessions.collect("polars").to_native().sort("day").to_dicts()
    return [
        (r["day"].day, r["sessions"], r["events"], r["duration"] / 1e6, r["bounces"])
        for r in rows
        if r["customer_id"] == 1
    ]


def test_a_session_ends_after_a_pause_longer_than_the_gap_only() -> None:
    nine = dt.datetime(2024, 2, 29, 9)
    assert ledger([nine, nine + GAP]) == [(29, 1, 2, 1800.0, 0)]
    assert ledger([nine, nine + GAP + TICK]) == [(29, 2, 2, 0.0, 2)]


def test_midnight_utc_ends_a_session_on_a_leap_day_too() -> None:
    late = dt.datetime(2024, 2, 29, 23, 59, 59, 999999)
    assert ledger([late - TICK, late, late + TICK]) == [(29, 1, 2, 1e-6, 0), (1, 1, 1, 0.0, 1)]
    # Midnight in Paris is 23:00 UTC, and no bound.
    paris = [
        m.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Europe/Paris"))
        for m in (late - 61 * dt.timedelta(minutes=1), late - 59 * dt.timedelta(minutes=1))
    ]
    assert ledger(paris) == [(29, 1, 2, 120.0, 0)]


def test_alternating_events_of_two_devices_are_two_sessions() -> None:
    minutes = [dt.datetime(2024, 3, 1, 9, minute) for minute in range(6)]
    assert ledger(minutes, session_id=["a", "b"] * 3) == [(1, 2, 6, 480.0, 0)]
    assert ledger(minutes) == [(1, 1, 6, 300.0, 0)]
    # The same id after a pause longer than the gap makes two sessions.
    apart = [minutes[0], minutes[0] + 2 * GAP]
    assert ledger(apart, session_id="a") == [(1, 2, 2, 0.0, 2)]


def test_outbound_events_make_no_session() -> None:
    minutes = [dt.datetime(2024, 3, 1, 9, minute) for minute in (0, 20, 40)]
    # Nor does an outbound event bridge a pause.
    directions = ["inbound", "outbound", None]
    assert ledger(minutes, direction=directions) == [(1, 2, 2, 0.0, 2)]


def test_sessions_change_no_other_column_of_the_panel() -> None:
    rng = np.random.default_rng(1)
    events = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 20, 500),
            "timestamp": START + pd.to_timedelta(rng.integers(0, DAYS * 86_000, 500), unit="s"),
            "event_type": rng.choice(
                ["visit", "like", "left", "beat"], 500, p=[0.5, 0.3, 0.1, 0.1]
            ),
        }
    )
    paid = events.sample(60, random_state=1)[["customer_id", "timestamp"]].assign(margin=2.0)
    frames = []
    for sessions in (True, False):
        config = parse_config({**config_of({}).to_dict(), "features": {"sessions": sessions}})
        with open_duckdb(threads=1) as engine:
            tables = read_tables(config, engine, {"events": events, "transactions": paid})
            panel = build_panel(tables, config, plan_windows(tables.history, config.windows))
        assert bool(panel.joint_features) == sessions
        frames.append(panel.frame.drop(columns=list(panel.joint_features)))
    pd.testing.assert_frame_equal(*frames, check_exact=True)
