"""Panel, periods and counts against a slow oracle in plain Python, on generated tables."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features import build_panel, build_periods, count_frame
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.windows import History, Windows, plan_windows

# Histories reach past the leap day, so that windows cross 29 February.
BASE = dt.datetime(2024, 1, 20)
DAY = dt.timedelta(days=1)
TIMES = (
    dt.timedelta(0),
    dt.timedelta(hours=12, minutes=34, seconds=56, microseconds=789),
    DAY - dt.timedelta(microseconds=1),
)
CHURN = "cancelled"


@dataclass
class World:
    events: list[dict[str, Any]]
    transactions: list[dict[str, Any]]
    signups: dict[int, dt.datetime | None]
    config: PipelineConfig
    as_of: int
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)


@st.composite
def moments(draw: st.DrawFn, days: int) -> dt.datetime:
    return BASE + draw(st.integers(0, days - 1)) * DAY + draw(st.sampled_from(TIMES))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    observation = draw(st.sampled_from([3, 7, 10, 14, 60]))
    outcome = draw(st.sampled_from([1, 7, 10]))
    gap = draw(st.sampled_from([0, 0, 2]))
    days = draw(st.integers(observation + outcome + gap, 2 * observation + outcome + gap + 40))
    customers = st.one_of(st.integers(1, 4), st.integers(1, 4), st.none())
    cents = st.integers(-5000, 5000).map(lambda x: x / 100)
    event = st.fixed_dictionaries(
        {
            "customer_id": customers,
            "timestamp": st.one_of(moments(days), moments(days), st.none()),
            "event_type": st.sampled_from(["visit", "visit", "a b", CHURN, "ignored", None]),
            "event_id": st.one_of(st.none(), st.integers(1, 30).map(str)),
            "value": st.one_of(st.none(), cents),
        }
    )
    transaction = st.fixed_dictionaries(
        {
            "customer_id": st.integers(1, 4),
            "timestamp": moments(days),
            "margin": st.one_of(cents, cents, st.none()),
        }
    )
    events = draw(st.lists(event, min_size=4, max_size=60))
    transactions = draw(st.lists(transaction, min_size=2, max_size=25))
    # The history must span the windows and contain the configured event types.
    for kind in ("visit", "a b"):
        events.append(_event(1, BASE, kind))
    transactions.append({"customer_id": 2, "timestamp": BASE, "margin": 1.0})
    last = BASE + (days - 1) * DAY
    transactions.append({"customer_id": 1, "timestamp": last, "margin": 2.0})
    churn: dict[str, Any] = {"kind": "no_transaction"}
    if draw(st.booleans()):
        churn = {"kind": "event", "event_type": CHURN}
        events.append(_event(3, last, CHURN))
    events.append(_event(4, BASE, "ignored"))
    config = parse_config(
        {
            "name": "oracle",
            "windows": {
                "observation_days": observation,
                "outcome_days": outcome,
                "gap_days": gap,
                "every_days": draw(st.sampled_from([3, 7, 9])),
            },
            "behaviours": {"ignored": {"role": "ignore"}},
            "churn": churn,
        }
    )
    signups = {i: draw(st.one_of(st.none(), moments(days))) for i in range(1, 6)}
    return World(events, transactions, signups, config, draw(st.integers(1, days)))


def _event(customer: int, moment: dt.datetime, kind: str) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "timestamp": moment,
        "event_type": kind,
        "event_id": None,
        "value": 0.25,
    }


def read(world: World, engine: Engine) -> Tables:
    customers = pd.DataFrame(
        {"customer_id": list(world.signups), "signup": list(world.signups.values())}
    )
    customers["signup"] = pd.to_datetime(customers["signup"])
    frames = {
        "events": pd.DataFrame(world.events).assign(
            timestamp=lambda f: pd.to_datetime(f["timestamp"]),
            value=lambda f: f["value"].astype("float64"),
        ),
        "transactions": pd.DataFrame(world.transactions).assign(
            margin=lambda f: f["margin"].astype("float64")
        ),
        "customers": customers,
    }
    return read_tables(world.config, engine, frames)


class Oracle:
    """The same definitions, computed row by row."""

    def __init__(self, world: World) -> None:
        self.config = world.config
        self.transactions = [t for t in world.transactions if t["margin"] is not None]
        self.end = max(t["timestamp"] for t in self.transactions).date() + DAY
        usable = [
            e
            for e in world.events
            if None not in (e["customer_id"], e["timestamp"], e["event_type"])
        ]
        usable.sort(
            key=lambda e: (
                e["timestamp"],
                e["customer_id"],
                e["event_type"],
                math.inf if e["value"] is None else e["value"],
            )
        )
        seen: set[str] = set()
        once = []
        for event in usable:
            if event["event_id"] is None or event["event_id"] not in seen:
                once.append(event)
            if event["event_id"] is not None:
                seen.add(event["event_id"])
        self.events = [e for e in once if e["timestamp"].date() < self.end]
        first_paid = min(t["timestamp"] for t in self.transactions).date()
        back = world.config.windows.observation_days + world.config.windows.gap_days
        first_event = min(e["timestamp"] for e in self.events).date()
        self.start = max(first_event, first_paid - back * DAY)
        last_event = max(e["timestamp"] for e in self.events).date()
        after = world.config.windows.gap_days + world.config.windows.outcome_days
        self.end = min(self.end, last_event + (1 + after) * DAY)
        self.paid_from = first_paid if first_paid > self.start else None
        churn = self.config.churn.event_type
        kinds = {e["event_type"] for e in self.events}
        self.behaviours = sorted(kinds - {churn, "ignored"})
        self.entry: dict[int, dt.datetime] = {}
        self.exit: dict[int, dt.datetime] = {}
        for row in (*self.events, *self.transactions):
            who = row["customer_id"]
            self.entry[who] = min(self.entry.get(who, row["timestamp"]), row["timestamp"])
            if churn is not None and row.get("event_type") == churn:
                self.exit[who] = min(self.exit.get(who, row["timestamp"]), row["timestamp"])
        for who, signup in world.signups.items():
            if signup is not None:
                self.entry[who] = signup

    def present(self, moment: dt.datetime) -> list[int]:
        return [
            who
            for who in sorted(self.entry)
            if self.entry[who] < moment and self.exit.get(who, moment) >= moment
        ]

    def happened(
        self, who: int, kind: str, start: dt.datetime, end: dt.datetime
    ) -> list[dict[str, Any]]:
        return [
            e
            for e in self.events
            if e["customer_id"] == who and e["event_type"] == kind and start <= e["timestamp"] < end
        ]

    def paid(self, who: int, start: dt.datetime, end: dt.datetime) -> list[dict[str, Any]]:
        return [
            t
            for t in self.transactions
            if t["customer_id"] == who and start <= t["timestamp"] < end
        ]

    def row(self, who: int, cutoff: dt.date) -> dict[str, Any]:
        length = self.config.windows.observation_days
        now = dt.datetime.combine(cutoff, dt.time())
        start, back = now - length * DAY, now - 2 * length * DAY
        row: dict[str, Any] = {"customer_id": who, "cutoff": now}
        for kind in self.behaviours:
            events = self.happened(who, kind, start, now)
            before = self.happened(who, kind, back, start)
            row[f"{kind}__frequency"] = len(events)
            row[f"{kind}__active_days"] = len({e["timestamp"].date() for e in events})
            row[f"{kind}__recency_days"] = self._since(now, events)
            together = len(events) + len(before)
            trend = (len(events) - len(before)) / together if together else 0.0
            covered = back.date() >= self.start and self.entry[who] <= back
            row[f"{kind}__trend"] = trend if covered else math.nan
            weeks = length // 7
            active = [
                bool(self.happened(who, kind, now - (k + 1) * 7 * DAY, now - k * 7 * DAY))
                for k in range(weeks)
            ]
            row[f"{kind}__regularity"] = sum(active) / weeks if weeks else math.nan
            if any(e["value"] is not None for e in self.events if e["event_type"] == kind):
                row[f"{kind}__value"] = sum(e["value"] or 0.0 for e in events)
        bought = self.paid(who, start, now)
        past = sum(t["margin"] for t in bought)
        row["history__recency_days"] = self._since(now, self.paid(who, dt.datetime.min, now))
        row["history__frequency"] = len(bought)
        row["history__monetary_value"] = past / len(bought) if bought else math.nan
        row["history__past_margin"] = past
        row["history__tenure_days"] = (now - self.entry[who]) / DAY
        return row | self._outcomes(who, now, bool(bought))

    def _outcomes(self, who: int, now: dt.datetime, at_risk: bool) -> dict[str, Any]:
        windows = self.config.windows
        start = now + windows.gap_days * DAY
        end = start + windows.outcome_days * DAY
        later = self.paid(who, start, end)
        gain = sum(max(t["margin"], 0.0) for t in later)
        loss = sum(max(-t["margin"], 0.0) for t in later)
        if self.config.churn.kind == "no_transaction":
            churned = float(not later) if at_risk else math.nan
        else:
            left = self.exit.get(who, dt.datetime.max)
            churned = math.nan if left < start else float(left < end)
        return {
            "margin": gain - loss,
            "gain": gain,
            "loss": loss,
            "transactions": len(later),
            "churned": churned,
        }

    @staticmethod
    def _since(now: dt.datetime, rows: list[dict[str, Any]]) -> float:
        return (now - max(r["timestamp"] for r in rows)) / DAY if rows else math.nan


@pytest.fixture(scope="module")
def engine() -> Any:
    with open_duckdb(threads=2) as opened:
        yield opened


RELAXED = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RELAXED
@given(world=worlds())
def test_panel_equals_the_oracle(engine: Engine, world: World) -> None:
    tables = read(world, engine)
    oracle = Oracle(world)
    assert tables.history == History(oracle.start, oracle.end, oracle.paid_from)
    assert list(tables.behaviours) == oracle.behaviours
    windows = _plan(tables, world)
    expected = [
        oracle.row(who, cutoff)
        for cutoff in windows.cutoffs
        for who in oracle.present(dt.datetime.combine(cutoff, dt.time()))
    ]
    try:
        panel = build_panel(tables, world.config, windows)
    except NotEnoughDataError:
        assert not any(row[f"{b}__frequency"] for row in expected for b in oracle.behaviours)
        return
    wanted = pd.DataFrame(expected)
    assert set(panel.frame.columns) == {*wanted.columns, "part"}
    assert list(panel.frame["customer_id"]) == list(wanted["customer_id"])
    assert list(panel.frame["cutoff"]) == list(wanted["cutoff"])
    for column in wanted.columns[2:]:
        np.testing.assert_allclose(
            panel.frame[column], wanted[column].astype(float), rtol=1e-9, atol=1e-9, err_msg=column
        )


@RELAXED
@given(world=worlds(), length=st.sampled_from([1, 7, 9]))
def test_periods_equal_the_oracle(engine: Engine, world: World, length: int) -> None:
    tables = read(world, engine)
    oracle = Oracle(world)
    until = min(oracle.start + world.as_of * DAY, oracle.end)
    try:
        periods = build_periods(tables, world.config, until=until, period_days=length)
    except NotEnoughDataError:
        return
    n_periods = (until - oracle.start).days // length
    assert periods.start == until - n_periods * length * DAY
    bounds = [
        dt.datetime.combine(periods.start, dt.time()) + t * length * DAY
        for t in range(n_periods + 1)
    ]

    def first_from(moment: dt.datetime) -> int:
        return next((t for t in range(n_periods) if bounds[t] >= moment), n_periods)

    entry = {who: first_from(oracle.entry[who]) for who in sorted(oracle.entry)}
    left = {who: first_from(oracle.exit.get(who, dt.datetime.max)) for who in entry}
    known = [who for who in entry if entry[who] < left[who]]
    assert list(periods.entities) == known
    assert list(periods.entry) == [entry[who] for who in known]
    assert list(periods.exit) == [left[who] for who in known]
    paid = dt.datetime.combine(oracle.paid_from or oracle.start, dt.time())
    assert periods.paid_from == next(
        (t for t in range(n_periods) if bounds[t + 1] > paid), n_periods
    )
    for i, who in enumerate(known):
        for t in range(n_periods):
            span = (bounds[t], bounds[t + 1])
            for b, kind in enumerate(oracle.behaviours):
                assert periods.counts[i, t, b] == len(oracle.happened(who, kind, *span))
            margins = [row["margin"] for row in oracle.paid(who, *span)]
            assert periods.gain[i, t] == pytest.approx(sum(m for m in margins if m > 0), abs=1e-9)
            assert periods.loss[i, t] == pytest.approx(-sum(m for m in margins if m < 0), abs=1e-9)
            assert periods.orders[i, t] == sum(m > 0 for m in margins)


@RELAXED
@given(world=worlds())
def test_counts_for_scoring_equal_the_oracle(engine: Engine, world: World) -> None:
    tables = read(world, engine)
    oracle = Oracle(world)
    as_of = (BASE + world.as_of * DAY).date()
    now = dt.datetime.combine(as_of, dt.time())
    start = now - world.config.windows.observation_days * DAY
    counts = count_frame(tables, world.config, as_of).collect("pyarrow").to_native().to_pandas()
    by_id = counts.set_index("customer_id").sort_index()
    assert list(by_id.index) == oracle.present(now)
    assert list(by_id.columns) == oracle.behaviours
    for who in by_id.index:
        for kind in oracle.behaviours:
            assert by_id.loc[who, kind] == len(oracle.happened(who, kind, start, now))


def _plan(tables: Tables, world: World) -> Windows:
    try:
        return plan_windows(tables.history, world.config.windows)
    except NotEnoughDataError:
        assume(False)
        raise
