"""Who is a prospect, and what prospects do before they buy: against hand-made records."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from engagement_ml.outcomes.first_purchase import Prospects, read_prospects
from engagement_ml.outcomes.first_purchase.rows import risk_rows

CONFIG = parse_config(
    {
        "name": "x",
        "sources": {"events": "e", "transactions": "t", "customers": "c"},
        "windows": {"observation_days": 28, "outcome_days": 28},
    }
)
UNTIL = dt.date(2024, 7, 1)
EVENTS = [
    ("old", "2024-01-01", "visit"),
    ("ann", "2024-03-01", "visit"),
    ("ann", "2024-03-05", "visit"),
    ("ann", "2024-03-05", "visit"),
    ("ann", "2024-03-20", "trial"),
    ("ann", "2024-04-10", "visit"),
    ("bob", "2024-03-02", "visit"),
    ("bob", "2024-06-30", "visit"),
    ("cat", "2024-03-03", "trial"),
    ("dan", "2024-03-04", "visit"),
    ("eve", "2024-01-20", "visit"),
    ("fay", "2024-08-01", "visit"),
    ("gus", "2024-03-09", "trial"),
]
SALES = [
    ("old", "2024-01-01", 5.0),
    ("ann", "2024-03-15", -2.0),  # a credit is no purchase
    ("ann", "2024-04-01", 9.0),
    ("bob", "2024-07-05", 9.0),  # after the last day that is used
    ("cat", "2024-03-03", 9.0),
    ("dan", "2024-04-04", 4.0),
    ("gus", "2024-03-08", 4.0),
    ("old", "2024-08-31", 5.0),
]


def frames(signups: dict[str, str]) -> dict[str, Any]:
    events = pd.DataFrame(EVENTS, columns=["customer_id", "timestamp", "event_type"])
    sales = pd.DataFrame(SALES, columns=["customer_id", "timestamp", "margin"])
    for frame in (events, sales):
        frame["timestamp"] = pd.to_datetime(frame["timestamp"])
    customers = pd.DataFrame({"customer_id": sorted(set(events["customer_id"]))})
    customers["signup"] = pd.to_datetime(customers["customer_id"].map(signups))
    return {"events": events, "transactions": sales, "customers": customers}


def prospects_of(
    signups: dict[str, str], starts: str | None = None, engine: Any = None
) -> Prospects:
    if engine is not None:
        tables = read_tables(CONFIG, engine, frames(signups))
        return read_prospects(tables, CONFIG, until=UNTIL, starts=starts)
    with open_duckdb() as own:
        return prospects_of(signups, starts, own)


def days(prospects: Prospects, name: str) -> tuple[dt.date, dt.date | None]:
    i = prospects.ids.tolist().index(name)
    bought = int(prospects.bought[i])
    start = prospects.start
    return (
        start + dt.timedelta(int(prospects.entry[i])),
        start + dt.timedelta(bought) if bought < prospects.n_days else None,
    )


def test_prospects_come_by_first_event_and_buy_with_a_positive_margin() -> None:
    found = prospects_of({})
    assert found.ids.tolist() == ["ann", "bob", "dan"]
    assert days(found, "ann") == (dt.date(2024, 3, 1), dt.date(2024, 4, 1))
    assert days(found, "bob") == (dt.date(2024, 3, 2), None)
    # eve and old may have been there before; cat and gus bought on the day they came
    assert found.left_out == {"unknown_past": 2, "same_day": 2, "too_late": 1}


def test_a_sign_up_says_when_a_prospect_came() -> None:
    found = prospects_of({"eve": "2024-01-20", "bob": "2024-02-01", "old": "2023-05-01"})
    assert {"eve", "bob"} <= set(found.ids.tolist())
    assert "old" not in found.ids.tolist()
    assert days(found, "bob")[0] == dt.date(2024, 2, 1)


def test_a_start_makes_prospects_of_those_who_have_not_bought() -> None:
    found = prospects_of({}, starts="trial")
    assert found.ids.tolist() == ["ann"]
    assert days(found, "ann") == (dt.date(2024, 3, 20), dt.date(2024, 4, 1))
    assert found.left_out["had_bought"] == 1  # gus
    assert found.left_out["same_day"] == 1  # cat


def test_a_start_that_no_event_has_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'trail'.*'trial'.*outcomes.first_purchase.starts"):
        prospects_of({}, starts="trail")


def test_counts_before_a_day_are_those_of_a_loop() -> None:
    found = prospects_of({})
    groups = ((1, 3), (4, 10), (11, 40))
    rows = risk_rows(found, [found.behaviours.index("visit")], groups)
    per_day = {}
    for name, day, kind in EVENTS:
        if kind == "visit":
            key = (name, (dt.date.fromisoformat(day) - found.start).days)
            per_day[key] = per_day.get(key, 0) + 1
    for r in range(rows.entity.size):
        name, day = found.ids[rows.entity[r]], int(rows.day[r])
        for g, (first, last) in enumerate(groups):
            expected = sum(per_day.get((name, day - lag), 0) for lag in range(first, last + 1))
            assert rows.counts[r, 0, g] == expected
        assert rows.event[r] == (day == found.bought[rows.entity[r]])
    # every day at risk is there once, as they are few
    at_risk = np.minimum(found.bought, found.n_days - 1) - found.entry
    assert rows.entity.size == int(at_risk.sum())
