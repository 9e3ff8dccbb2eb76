"""Subscription rows become one transaction per period that has begun."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import ConfigError, EngagementError
from engagement_ml.inputs import Tables, read_tables
from tests.doors import DOORS, Door
from tests.tables.test_shape import Make, rows_of

SUBSCRIPTIONS = pd.DataFrame(
    {
        "sub": ["a", "b", "c", "d", "b"],
        "customer_id": ["1", "2", "3", "3", "2"],
        "started": ["31.01.2024", "15.02.2024", "01.03.2024", "10.01.2024", "15.02.2024"],
        "ended": ["30.04.2024", None, "01.03.2024", "31.12.9999", None],
        "fee": ["10,5", "20", "5", "1.000,00", "20"],
        "setup": ["1", "2", "3", "4", "2"],
    }
)
EVENTS = pd.DataFrame(
    {
        "customer_id": ["1", "2", "3"],
        "timestamp": ["2024-01-10", "2024-03-01", "2024-04-01"],
        "event_type": "visit",
    }
)
RAW: dict[str, Any] = {
    "name": "shop",
    "history": {"drop_distant": False},
    "columns": {"transactions": {"revenue": "fee", "cost": "setup", "transaction_id": "sub"}},
    "shape": {
        "transactions": {
            "format": "%d.%m.%Y",
            "decimal": ",",
            "unroll": {"start": "started", "end": "ended", "amount": ["revenue"]},
        }
    },
}
EXPECTED = [
    ("1", dt.datetime(2024, 1, 31), "a/0", 9.5),
    ("1", dt.datetime(2024, 2, 29), "a/1", 10.5),
    ("1", dt.datetime(2024, 3, 31), "a/2", 10.5),
    ("2", dt.datetime(2024, 2, 15), "b/0", 18.0),
    ("2", dt.datetime(2024, 3, 15), "b/1", 20.0),
    ("2", dt.datetime(2024, 4, 15), "b/2", 20.0),
    ("3", dt.datetime(2024, 1, 10), "d/0", 996.0),
    ("3", dt.datetime(2024, 2, 10), "d/1", 1000.0),
    ("3", dt.datetime(2024, 3, 10), "d/2", 1000.0),
    ("3", dt.datetime(2024, 4, 10), "d/3", 1000.0),
]
"""By hand: the fee per month begun, the set-up cost once; up to 30 April, the last end."""


def read(engine: Engine, make: Make, raw: dict[str, Any] = RAW) -> Tables:
    frames = {"events": make(EVENTS, "events"), "transactions": make(SUBSCRIPTIONS, "subs")}
    return read_tables(parse_config(raw), engine, frames)


def check_unrolled(engine: Engine, make: Make) -> None:
    tables = read(engine, make)
    columns = ("customer_id", "timestamp", "transaction_id", "margin")
    assert rows_of(tables.transactions, *columns) == EXPECTED
    (note,) = (note for note in tables.notes if "unrolled" in note)
    assert "5 rows unrolled to one transaction per month" in note
    assert "3 still run and are counted up to 2024-04-30 00:00:00" in note
    assert "1 row ended when" in note


@pytest.mark.parametrize("door", DOORS)
def test_each_month_begun_is_a_transaction(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_unrolled(engine, lambda frame, name: door(frame, tmp_path, name))


def test_a_refund_counts_once_and_the_order_stays_one() -> None:
    raw = {**RAW, "columns": {"transactions": {**RAW["columns"]["transactions"], "order_id": "no"}}}
    subscriptions = SUBSCRIPTIONS.assign(refund="0,5", no=["x", "y", "z", "w", "y"])
    with open_duckdb(threads=1) as engine:
        frames = {"events": EVENTS, "transactions": subscriptions}
        tables = read_tables(parse_config(raw), engine, frames, extra=True)
        rows = rows_of(tables.transactions, "transaction_id", "order_id", "refund")
    assert rows[:3] == [("a/0", "x", 0.5), ("a/1", "x", 0.0), ("a/2", "x", 0.0)]


PERIODS = {"day": 87, "week": 13, "month": 3, "quarter": 1, "year": 1}


def check_periods(engine: Engine, make: Make, every: str) -> None:
    unroll = {**RAW["shape"]["transactions"]["unroll"], "every": every}
    shape = {**RAW["shape"]["transactions"], "unroll": unroll, "where": "sub IN ('a', 'd')"}
    tables = read(engine, make, {**RAW, "shape": {"transactions": shape}})
    rows = rows_of(tables.transactions, "customer_id", "transaction_id")
    assert sum(customer == "1" for customer, _ in rows) == {**PERIODS, "day": 90}[every]


@pytest.mark.parametrize("every", PERIODS)
def test_periods_of_every_length(every: str) -> None:
    with open_duckdb(threads=1) as engine:
        check_periods(engine, lambda frame, name: frame, every)


def test_a_stray_start_stays_one_row_that_is_dropped_and_counted() -> None:
    stray = SUBSCRIPTIONS.assign(started=["01.01.0001", *SUBSCRIPTIONS["started"][1:]])
    unroll = {**RAW["shape"]["transactions"]["unroll"], "every": "day"}
    raw = {**RAW, "shape": {"transactions": {**RAW["shape"]["transactions"], "unroll": unroll}}}
    with open_duckdb(threads=1) as engine:
        tables = read_tables(parse_config(raw), engine, {"events": EVENTS, "transactions": stray})
    dropped = {d.reason: d.rows for d in tables.quality[1].dropped}
    assert [n for reason, n in dropped.items() if "1990" in reason] == [1]


@pytest.mark.parametrize(
    ("unroll", "error", "message"),
    [
        ({"start": "begun"}, EngagementError, "column 'begun', which 'shape.transactions.unroll'"),
        ({"start": "sub"}, EngagementError, "column 'sub', row 1: expected a time such as"),
        ({"start": "started", "amount": ["margin"]}, ConfigError, "has no column 'margin'"),
        (
            {"start": "started", "end": "started", "amount": ["revenue"]},
            EngagementError,
            "is never after 'started'",
        ),
        ({"start": "started", "amount": ["fee"]}, ConfigError, "margin, revenue or cost"),
        ({"start": "started", "every": "fortnight"}, ConfigError, "every"),
        ({}, ConfigError, "'shape.transactions.unroll.start' is missing"),
    ],
)
def test_what_cannot_be_unrolled_is_refused(
    unroll: dict[str, Any], error: type[Exception], message: str
) -> None:
    raw = {**RAW, "shape": {"transactions": {**RAW["shape"]["transactions"], "unroll": unroll}}}
    with open_duckdb(threads=1) as engine, pytest.raises(error, match=message):
        read(engine, lambda frame, name: frame, raw)
