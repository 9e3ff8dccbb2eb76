"""All faults of all tables are found at once, through every door and on every engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import engagement_ml as em
from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.inputs import read_tables
from engagement_ml.readiness import CheckResult, check_tables
from tests.doors import DOORS, Door

Make = Callable[[pd.DataFrame, str], Any]
EVENTS = pd.DataFrame(
    {
        "customer_id": ["1", "2", "3", "4", "null"],
        "timestamp": ["2024-01-01", "24-01-02", "yesterday", "2024-01-09", "2024-01-05"],
        "event_type": ["visit", "Visit", "cutoff", "visit", "visit"],
        "value": ["1", "x", "y", "2", "3"],
    }
)
TRANSACTIONS = pd.DataFrame(
    {
        "customer_id": ["7", "8", "9", "9"],
        "timestamp": ["2024-01-01", "2999-01-02", "2024-01-09", "2024-01-10"],
        "revenue": ["1", "2", "1e15", "4"],
        "cost": ["0", "0", "0", None],
        "currency": ["EUR", "USD", "EUR", "EUR"],
    }
)
CUSTOMERS = pd.DataFrame({"customer_id": ["1", "1", "3"], "plan": ["a", "b", "b"]})
SETTINGS: dict[str, Any] = {
    "name": "shop",
    "behaviours": {"call": {}},
    "segments": ["city"],
    "columns": {"customers": {"signup": "joined"}},
    "churn": {"kind": "event", "event_type": "cancelled"},
    "engine": {"keep": None},
}
FAULTS = {
    "column 'joined', which 'columns: {customers: {signup: joined}}' names, is missing",
    "key 'segments': ", "has no column 'city'",
    "expected a year of four digits first, as in 2024-05-31 14:30:00, found '24-01-02'",
    "expected a timestamp such as 2024-05-31 14:30:00, found 'yesterday'",
    "column 'value'", "expected a number, found 'x' (2 such rows)",
    "expected no timestamp in the future, found '2999-01-02'",
    "column 'revenue'", "expected at most 1e12 in size; give it in a larger unit, found '1e15'",
    "column 'customer_id': ", "occurs 2 times; give one row per customer",
    "key 'behaviours.call': ", "has no event of type 'call'",
    "key 'churn.event_type': ", "has no event of type 'cancelled'",
    "event type 'cutoff' is a reserved name of results; rename it",
    "event types 'Visit' and 'visit' differ only in case",
    "have no customer in common",
    "column 'currency' holds EUR (2 rows) and USD (1 row)",
}  # fmt: skip
N_FAULTS = 14


def check_all(make: Make) -> CheckResult:
    frames = {"events": EVENTS, "transactions": TRANSACTIONS, "customers": CUSTOMERS}
    sources = {name: make(frame, name) for name, frame in frames.items()}
    result = em.check(parse_config(SETTINGS), frames=sources, progress=False)
    compare(result)
    return result


def check_faults(engine: Engine, make: Make) -> None:
    """Check the same tables on another engine."""
    frames = {"events": EVENTS, "transactions": TRANSACTIONS, "customers": CUSTOMERS}
    sources = {name: make(frame, name) for name, frame in frames.items()}
    compare(check_tables(parse_config(SETTINGS), engine, sources))


def compare(result: CheckResult) -> None:
    messages = "\n".join(fault.message for fault in result.faults)
    assert [text for text in FAULTS if text not in messages] == []
    assert len(result.faults) == N_FAULTS
    assert all("\n" not in fault.message for fault in result.faults)
    assert not result.usable


@pytest.mark.parametrize("door", DOORS)
def test_every_fault_of_every_table_is_reported(door: Door, tmp_path: Path):
    result = check_all(lambda frame, name: door(frame, tmp_path, name))
    by_table = [fault.table for fault in result.faults]
    assert {name: by_table.count(name) for name in ("events", "transactions", "customers")} == {
        "events": 5, "transactions": 3, "customers": 2,
    }  # fmt: skip


def tables(days: int = 40, customers: int = 30, **changes: Any) -> dict[str, pd.DataFrame]:
    """Sound tables: a visit and a purchase of everybody every day."""
    grid = [(c, day) for day in pd.date_range("2024-01-01", periods=days) for c in range(customers)]
    frame = pd.DataFrame(grid, columns=["customer_id", "timestamp"])
    events = frame.assign(event_type="visit", **changes.get("events", {}))
    return {"events": events, "transactions": frame.assign(**{"margin": 2.0})}


def faults(frames: dict[str, Any], **keys: Any) -> list[str]:
    config = {"name": "shop", "engine": {"keep": None}, **keys}
    return [fault.message for fault in em.check(config, frames=frames, progress=False).faults]


def test_every_missing_column_is_named():
    frames = tables()
    frames["events"] = frames["events"].rename(columns={"event_type": "kind", "timestamp": "at"})
    frames["transactions"] = frames["transactions"].drop(columns=["margin", "timestamp"])
    found = faults(frames)
    for column in ("'timestamp' is missing from table 'events'",
                   "'event_type' is missing from table 'events'",
                   "'timestamp' is missing from table 'transactions'",
                   "'margin' (or 'revenue' with 'cost') is missing"):  # fmt: skip
        assert sum(column in message for message in found) == 1, column
    assert len(found) == 4


def test_missing_files_and_tables_are_named_together(tmp_path):
    config = {"name": "shop", "sources": {"events": str(tmp_path / "events.parquet")}}
    found = [fault.message for fault in em.check(config, progress=False).faults]
    assert ["no such file for table 'events'" in found[1], "sources.transactions" in found[0]] == [
        True, True,
    ]  # fmt: skip
    assert len(found) == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "the data covers 40 days"),
        ({"windows": {"observation_days": 7, "outcome_days": 7, "cutoffs": ["2030-01-01"]}},
         "key 'windows.cutoffs': 2030-01-01 is not usable"),
    ],
)  # fmt: skip
def test_too_little_history_is_a_fault(keys, message):
    assert [message in fault for fault in faults(tables(), **keys)] == [True]


def test_each_experiment_is_checked():
    tests = [{"behaviour": "visit", "table": f"{name}.csv", "arm_column": "arm",
              "treated_arm": 1, "control_arm": 0, "outcome_column": "margin"}
             for name in ("first", "second")]  # fmt: skip
    windows = {"observation_days": 7, "outcome_days": 7}
    found = faults(tables(), experiments=tests, windows=windows)
    assert ["first.csv" in found[0], "second.csv" in found[1], len(found)] == [True, True, 2]


def test_what_is_dropped_or_unusual_is_noted():
    frames = tables()
    paid = frames["transactions"]
    paid.loc[0, "timestamp"] = pd.Timestamp("1970-01-01")
    paid.loc[1, "margin"] = None
    frames["customers"] = pd.DataFrame({"customer_id": range(30), "plan": "a", "total_spent": 1.5})
    config = {"name": "shop", "windows": {"observation_days": 7, "outcome_days": 7}}
    result = em.check(config, frames=frames, progress=False)
    assert result.usable
    dropped = {each.table: {d.reason: d.rows for d in each.dropped} for each in result.tables}
    assert dropped["transactions"] == {
        "null margin": 1, "before 1990-01-01 (history.earliest)": 1,
    }  # fmt: skip
    notes = "\n".join(result.notes)
    assert "30 have events, 30 have transactions and 30 have both" in notes
    assert "1 row of transactions was dropped: before 1990-01-01" in notes
    assert "1 row dropped (1 null margin)" in notes
    assert "plan and total_spent of customers are as of the day of the export" in notes


@pytest.mark.parametrize("door", DOORS)
def test_sound_tables_have_no_fault(door: Door, tmp_path: Path):
    """A run of the same tables raises nothing either."""
    frames = {n: door(frame, tmp_path, n) for n, frame in tables().items()}
    config = {"name": "shop", "windows": {"observation_days": 7, "outcome_days": 7}}
    result = em.check(config, frames=frames, progress=False)
    assert result.faults == ()
    assert [(each.rows_read, each.rows_kept) for each in result.tables] == [(1200, 1200)] * 2
    with open_duckdb() as engine:
        assert read_tables(parse_config(config), engine, frames).history.days == 40
