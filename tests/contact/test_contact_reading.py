"""Which events are contacts, and what is read of them; on DuckDB here, on Spark seldom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.contact.find import ContactData
from engagement_ml.contact.reading import read_contacts
from engagement_ml.engine import open_engine
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

START = pd.Timestamp("2023-01-02")
KINDS = ("call", "mail", "receipt", "visit")


def frames(seed: int = 0, n: int = 400) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    moment = START + pd.to_timedelta(rng.integers(0, 300 * 86_400, n), unit="s")
    kind = rng.choice(KINDS, n)
    direction = rng.choice(["Outbound", "inbound", None], n)
    events = pd.DataFrame(
        {"customer_id": rng.integers(1, 7, n), "timestamp": moment, "event_type": kind,
         "direction": direction}
    )  # fmt: skip
    ends = [START, START + pd.Timedelta(days=300)]
    orders = pd.DataFrame(
        {"customer_id": np.tile(np.arange(1, 7), 2), "timestamp": np.repeat(ends, 6), "margin": 5.0}
    )
    customers = pd.DataFrame({"customer_id": np.arange(1, 6), "plan": [1.0, 2.0, None, 1.0, 2.0]})
    return {"events": events, "transactions": orders, "customers": customers}


def settings(**changes: Any) -> Any:
    windows = {"observation_days": 28, "outcome_days": 28, "every_days": 28}
    return parse_config(
        {"name": "c", "tracking": {"uri": None}, "contact": {}, "windows": windows, **changes}
    )


def read(given: dict[str, Any], config: Any) -> ContactData:
    with open_engine(config.engine, given) as engine:
        tables = read_tables(config, engine, given, extra=config.reads_extra)
        windows = plan_windows(tables.history, config.windows)
        return read_contacts(tables, tables, config, windows)


def _expected(events: pd.DataFrame, chosen: pd.Series) -> dict[tuple[int, str, Any], int]:
    kept = events[chosen]
    keys = zip(kept["customer_id"], kept["event_type"], kept["timestamp"].dt.date, strict=True)
    found: dict[tuple[int, str, Any], int] = {}
    for key in keys:
        found[key] = found.get(key, 0) + 1
    return found


def rows_of(data: ContactData) -> dict[tuple[int, str, Any], int]:
    counts = data.counts
    kinds = [counts.event_types[k] for k in counts.kind]
    keys = zip(counts.customers.tolist(), kinds, counts.day.tolist(), strict=True)
    return dict(zip(keys, counts.n.tolist(), strict=True))


CASES = {
    "by direction": ({}, lambda e: e["direction"].eq("Outbound")),
    "by type": ({"contact": {"event_types": ["mail", "call"]}},
                lambda e: e["event_type"].isin(["mail", "call"])),
    "declared": (
        {"behaviours": {"mail": {"direction": "outbound"}, "receipt": {"role": "consequence"}}},
        lambda e: e["event_type"].ne("receipt")
        & (e["direction"].eq("Outbound") | (e["direction"].isna() & e["event_type"].eq("mail"))),
    ),
    "declared without the column": (
        {"behaviours": {"mail": {"direction": "outbound"}},
         "columns": {"events": {"direction": None}}},
        lambda e: e["event_type"].eq("mail"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_contacts_are_the_events_of_the_definition(case: str) -> None:
    changes, chosen = CASES[case]
    given, config = frames(), settings(**changes, segments=["plan"])
    data = read(given, config)
    events = given["events"]
    assert rows_of(data) == _expected(events, chosen(events))
    cutoff = pd.Timestamp(data.cutoff)
    days = (cutoff - events["timestamp"]).dt.total_seconds() / 86_400
    inside = events[chosen(events) & (days > 0) & (days <= 28)]
    counts = inside.groupby("customer_id").size()
    assert dict(zip(data.customers.tolist(), data.contacts.tolist(), strict=True)) == dict(counts)
    plans = {1: "1", 2: "2", 3: "", 4: "1", 5: "2", 6: ""}
    assert data.segments["plan"].tolist() == [plans[c] for c in data.customers.tolist()]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"contact": {"event_types": ["mial"]}},
            "has no event of type 'mial' .did you mean 'mail'",
        ),
        ({"contact": {"event_types": []}}, "'contact.event_types' is empty"),
        ({"columns": {"events": {"direction": None}}}, "column 'direction' is missing"),
        (
            {"behaviours": {kind: {"role": "consequence"} for kind in KINDS}},
            "none has direction 'outbound' and a type that counts .not call, mail, receipt, visit",
        ),
        (
            {
                "contact": {"event_types": ["call"]},
                "churn": {"kind": "event", "event_type": "call"},
            },
            "'call' is the churn event",
        ),
    ],
)
def test_what_cannot_be_contacts_is_said_in_a_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        read(frames(), settings(**changes))
    assert "\n" not in str(raised.value)
