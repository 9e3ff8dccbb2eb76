"""Tables whose ids do not meet stop with what would make them meet; counts are always said."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.inputs.id_forms import forms_that_meet
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow import score
from tests.doors import DOORS, Door, as_csv

DAY = pd.Timestamp("2024-01-02")
Make = Callable[[pd.DataFrame, str], Any]
DISGUISES: dict[str, tuple[list[Any], list[Any], str]] = {
    "zeros": (["00001", "00002"], ["1", "2"], "without leading zeros"),
    "decimals": (["13085", "x2"], ["13085.0", "x3"], "without a trailing '.0'"),
    "case": (["Ann@x.org", "B@x.org"], ["ann@x.org", "b@x.org"], "in the same case"),
    "blanks": (["ann", "bob"], ["ann  ", "bob  "], "without blanks around them"),
    "unicode": ([unicodedata.normalize("NFD", n) for n in ("Zoë", "Åsa")], ["Zoë", "Åsa"],
                "in one Unicode form (NFC)"),
    "exponent": (["1E6", "2E6"], ["1000000", "2000000"], "without an exponent"),
    "two": (["007", "012"], ["7.0", "12.0"], "without a trailing '.0' and without leading zeros"),
}  # fmt: skip


def read(engine: Engine, make: Make, **ids: Any) -> Tables:
    """Read tables with these ids, a row each."""
    frames = {}
    for name, values in ids.items():
        columns: dict[str, Any] = {"customer_id": values}
        if name != "customers":
            columns["timestamp"] = DAY
        if name == "events":
            columns["event_type"] = "visit"
        if name == "transactions":
            columns["margin"] = 1.0
        frames[name] = make(pd.DataFrame(columns), name)
    config = parse_config({"name": "shop", "entity": "partner", "engine": {"keep": None}})
    return read_tables(config, engine, frames)


def check_disguise(engine: Engine, make: Make, disguise: str) -> None:
    here, there, form = DISGUISES[disguise]
    with pytest.raises(InputError) as caught:
        read(engine, make, events=here, transactions=there)
    message = str(caught.value)
    assert "have no partner in common: 'customer_id' of the first holds 2 partners" in message
    assert f"write the ids of both tables {form}: then they have at least" in message
    assert "\n" not in message
    with pytest.raises(InputError, match="have no partner in common"):
        read(engine, make, events=here, transactions=here, customers=there)


def check_counts(engine: Engine, make: Make) -> None:
    """The first note counts, the second says that few meet, the third who has most."""
    events = [*range(100), *[100] * 50]
    tables = read(engine, make, events=events, transactions=range(60, 200), customers=range(150))
    assert tables.notes[0] == (
        "Of the partners, 101 have events, 140 have transactions and 41 have both; 'customers' "
        "lists 150, 150 of them among these."
    )
    assert tables.notes[1] == (
        "Only 41 partners in events are in transactions as well; check that 'customer_id' means "
        "the same in both tables."
    )
    assert tables.notes[2].startswith("Partner 100 has 33% of the events; if the id stands for")
    assert len(tables.notes) == 3
    good = read(engine, make, events=range(40), transactions=range(20, 40))
    assert good.notes == (
        "Of the partners, 40 have events, 20 have transactions and 20 have both.",
    )


@pytest.mark.parametrize("disguise", DISGUISES)
def test_ids_that_never_meet_stop_the_run(disguise: str, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_disguise(engine, lambda frame, name: frame, disguise)


@pytest.mark.parametrize("door", DOORS)
def test_customers_are_counted_and_compared(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_counts(engine, lambda frame, name: door(frame, tmp_path, name))
        check_disguise(engine, lambda frame, name: door(frame, tmp_path, name), "zeros")


def test_few_in_common_get_a_note_with_what_would_make_them_more(tmp_path: Path) -> None:
    mixed = [*(f"user{i}" for i in range(5)), *(f"User{i}" for i in range(5, 60))]
    plain = [f"user{i}" for i in range(60)]
    with open_duckdb(threads=1) as engine:
        tables = read(engine, lambda frame, name: frame, events=mixed, transactions=plain)
    assert tables.notes[1] == (
        "Only 5 partners in events are in transactions as well; write the ids of both tables in "
        "the same case: then they have at least 60 partners in common."
    )


@pytest.mark.parametrize("table", ["events", "transactions", "customers"])
def test_ids_that_a_spreadsheet_rounded_are_refused(table: str, tmp_path: Path) -> None:
    ids = {"events": ["a", "b"], "transactions": ["a", "b"], "customers": ["a", "b"]}
    ids[table] = ["a", "1.23E+12"]
    message = rf"{table}.csv: column 'customer_id' holds '1.23E\+12', a number whose last digits"
    with open_duckdb(threads=1) as engine, pytest.raises(InputError, match=message):
        read(engine, lambda frame, name: as_csv(frame, tmp_path, name), **ids)


def test_scores_need_customers_with_events_and_say_what_was_dropped() -> None:
    linear = Transform("linear", scale=None, shape=None, cap=4)
    visit = WeightedBehaviour("visit", 100, None, None, "frequency", "events", linear)
    metric = EngagementMetric("shop", "driver", 84, 84, (visit,))
    events = pd.DataFrame({"customer_id": ["01", "02", "null"], "timestamp": DAY,
                           "event_type": "visit"})  # fmt: skip
    strangers = pd.DataFrame({"customer_id": ["1", "2"]})
    with pytest.raises(InputError, match=r"no customer in common.* without leading zeros: then"):
        score(metric, events, customers=strangers)
    scores = score(metric, events, customers=pd.DataFrame({"customer_id": ["01", "3"]}))
    assert scores.frame["score"].tolist() == [25.0, 0.0]
    assert scores.notes[-2:] == (
        "events (pandas DataFrame): 1 row dropped (1 null customer_id).",
        "Of the customers, 2 have events; 'customers' lists 2, 1 of them among these.",
    )


@given(st.sets(st.integers(1, 10**9), min_size=1, max_size=20), st.integers(11, 14))
def test_padded_ids_all_meet(ids: set[int], width: int) -> None:
    padded, floats = [f"{i:0{width}d}" for i in ids], [f"{i}.0" for i in ids]
    expected = ["without a trailing '.0'", "without leading zeros"]
    assert forms_that_meet(padded, floats) == (expected, len(ids))
    assert forms_that_meet(padded, padded) == ([], len(ids))
