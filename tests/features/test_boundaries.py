"""Timestamps exactly on a bound belong to the window that begins there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.features import Periods, build_panel, build_periods, count_frame
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

# History 1 February to 10 March 2024; cutoff 1 March, with 7 + 7 days before and 2 + 7 after.
CUTOFF = pd.Timestamp("2024-03-01")
SETTINGS = {
    "name": "bounds",
    "windows": {
        "observation_days": 7,
        "gap_days": 2,
        "outcome_days": 7,
        "cutoffs": [CUTOFF.date()],
    },
}
TICK = pd.Timedelta("1us")


def build(
    events: list[tuple[Any, Any, Any]],
    transactions: list[tuple[Any, Any, Any]] | None = None,
    signup: dict[Any, Any] | None = None,
    **more: Any,
) -> tuple[pd.DataFrame, Periods, pd.DataFrame]:
    frame = [*events, ("z", "2024-02-01", "visit"), ("z", "2024-02-29", "visit")]
    paid = [*(transactions or []), ("z", "2024-02-01", 1.0), ("z", "2024-03-10 12:00", 1.0)]
    tables_in = {
        "events": pd.DataFrame(frame, columns=["customer_id", "timestamp", "event_type"]),
        "transactions": pd.DataFrame(paid, columns=["customer_id", "timestamp", "margin"]),
        "customers": pd.DataFrame({"customer_id": ["z"], "signup": [pd.Timestamp("2024-02-01")]}),
    }
    if signup:
        rows = pd.DataFrame({"customer_id": list(signup), "signup": list(signup.values())})
        tables_in["customers"] = pd.concat([tables_in["customers"], rows])
    for table, column in (("events", "timestamp"), ("transactions", "timestamp")):
        tables_in[table][column] = pd.to_datetime(tables_in[table][column], format="ISO8601")
    config = parse_config(SETTINGS | more)
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, tables_in)
        panel = build_panel(tables, config, plan_windows(tables.history, config.windows))
        periods = build_periods(tables, config, until=CUTOFF.date())
        counts = count_frame(tables, config, CUTOFF.date()).collect("pandas").to_native()
    return panel.frame.set_index("customer_id"), periods, counts.set_index("customer_id")


def test_events_on_the_bounds_of_the_windows() -> None:
    start, back = CUTOFF - pd.Timedelta(days=7), CUTOFF - pd.Timedelta(days=14)
    moments = [back - TICK, back, start - TICK, start, CUTOFF - TICK, CUTOFF]
    rows, periods, counts = build([("a", moment, "visit") for moment in moments])
    row = rows.loc["a"]
    assert row["visit__frequency"] == counts.loc["a", "visit"] == 2
    assert row["visit__active_days"] == 2
    assert row["visit__recency_days"] == pytest.approx(1e-6 / 86400, rel=1e-9)
    assert row["visit__trend"] == 0.0
    assert row["visit__regularity"] == 1.0
    place = list(periods.entities).index("a")
    assert periods.counts[place, -3:, 0].tolist() == [1.0, 2.0, 2.0]


def test_transactions_on_the_bounds_of_the_windows() -> None:
    opens, closes = CUTOFF + pd.Timedelta(days=2), CUTOFF + pd.Timedelta(days=9)
    paid = [
        ("a", CUTOFF - TICK, 1.0),
        ("a", CUTOFF, 10.0),  # in the gap: neither past nor outcome
        ("a", opens - TICK, 100.0),
        ("a", opens, 1000.0),
        ("a", closes - TICK, -300.0),
        ("b", CUTOFF - pd.Timedelta(days=7) - TICK, 5.0),
    ]
    rows, periods, _ = build([("a", "2024-02-28", "visit"), ("b", "2024-02-28", "visit")], paid)
    row = rows.loc["a"]
    assert (row["history__past_margin"], row["history__frequency"]) == (1.0, 1.0)
    assert (row["margin"], row["gain"], row["loss"]) == (700.0, 1000.0, 300.0)
    assert (row["transactions"], row["churned"]) == (2.0, 0.0)
    inactive = rows.loc["b"]
    assert inactive["history__frequency"] == 0.0
    assert inactive["history__recency_days"] == pytest.approx(7 + 1e-6 / 86400, rel=1e-12)
    assert np.isnan(inactive["history__monetary_value"])
    assert np.isnan(inactive["churned"])
    place = list(periods.entities).index("b")
    assert periods.gain[place].tolist() == [0.0, 0.0, 5.0, 0.0]
    assert periods.orders[place].tolist() == [0.0, 0.0, 1.0, 0.0]


def test_entry_on_the_bounds() -> None:
    back = CUTOFF - pd.Timedelta(days=14)
    signup = {
        "early": back,
        "late": back + TICK,
        "last": CUTOFF - TICK,
        "after": CUTOFF,
    }
    events = [(name, CUTOFF - pd.Timedelta(days=1), "visit") for name in ("early", "late")]
    rows, periods, counts = build(events, signup=signup)
    assert set(rows.index) == set(counts.index) == {"early", "late", "last", "z"}
    assert rows.loc["early", "visit__trend"] == 1.0
    assert np.isnan(rows.loc["late", "visit__trend"])
    assert rows.loc["last", "visit__frequency"] == 0.0
    # Periods begin on 2, 9, 16 and 23 February; a customer is at risk from the first period that
    # starts at or after entry.
    entry = dict(zip(periods.entities, periods.entry, strict=True))
    assert entry == {"early": 2, "late": 3, "z": 0}


def test_churn_events_on_the_bounds() -> None:
    opens, closes = CUTOFF + pd.Timedelta(days=2), CUTOFF + pd.Timedelta(days=9)
    moments = {
        "before": CUTOFF - TICK,
        "at": CUTOFF,
        "gap": opens - TICK,
        "opens": opens,
        "inside": closes - TICK,
        "closes": closes,
        "period": pd.Timestamp("2024-02-16"),
    }
    events = [(name, moment, "cancelled") for name, moment in moments.items()]
    events += [(name, "2024-02-01 08:00", "visit") for name in moments]
    events += [("z", "2024-02-28", "visit"), ("gap", "2024-03-05", "cancelled")]
    churn = {"kind": "event", "event_type": "cancelled"}
    rows, periods, counts = build(events, churn=churn)
    assert set(rows.index) == set(counts.index) == {"at", "gap", "opens", "inside", "closes", "z"}
    churned = {"opens": 1.0, "inside": 1.0, "closes": 0.0, "z": 0.0}
    assert rows["churned"].dropna().to_dict() == churned
    assert not any("cancelled" in column for column in rows.columns)
    exits = dict(zip(periods.entities, periods.exit, strict=True))
    assert exits == dict.fromkeys([*moments, "z"], 4) | {"period": 2}


def test_periods_have_days_if_churn_is_an_event() -> None:
    """A churn event on the first tick of a day belongs to that day; periods sum the days."""
    start = pd.Timestamp("2024-02-02")  # four whole periods before the cutoff
    churned_at = pd.Timestamp("2024-02-15")
    events = [
        ("a", start, "visit"),
        ("a", start + pd.Timedelta(days=1) - TICK, "visit"),
        ("a", churned_at - TICK, "visit"),
        ("a", churned_at, "left"),
        ("b", start + pd.Timedelta(days=1), "visit"),
        ("b", CUTOFF - TICK, "visit"),
    ]
    churn = {"kind": "event", "event_type": "left"}
    _, periods, _ = build(events, behaviours={"left": {"role": "ignore"}}, churn=churn)
    days = periods.days
    assert days is not None
    assert str(periods.start) == "2024-02-02"
    place = {name: i for i, name in enumerate(periods.entities)}
    counts = set(zip(days.entity.tolist(), days.day.tolist(), days.n.tolist(), strict=True))
    assert counts == {
        (place["a"], 0, 2.0),
        (place["a"], 12, 1.0),
        (place["b"], 1, 1.0),
        (place["b"], 27, 1.0),
        (place["z"], 27, 1.0),
    }
    assert days.exit[[place["a"], place["b"]]].tolist() == [13, 28]
    assert periods.exit[place["a"]] == 2
    assert periods.counts[place["a"], :, 0].tolist() == [2.0, 1.0, 0.0, 0.0]
    assert build(events, behaviours={"left": {"role": "ignore"}})[1].days is None
