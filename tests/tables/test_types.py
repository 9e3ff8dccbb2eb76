"""Types that are no numbers or moments are refused; optional columns may be empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from tests.doors import DOORS, Door

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03"])
Make = Callable[[pd.DataFrame, str], Any]
EMPTY: list[Any] = [None, float("nan"), pd.NaT]


def frames(**events: Any) -> dict[str, pd.DataFrame]:
    usual = {"customer_id": [1, 2], "timestamp": DAYS}
    return {
        "events": pd.DataFrame({**usual, "event_type": "visit", **events}),
        "transactions": pd.DataFrame({**usual, "margin": 1.0}),
        "customers": pd.DataFrame({"customer_id": [1, 2]}),
    }


def check_empty(engine: Engine, make: Make, empty: Any) -> None:
    given = frames(value=[empty] * 2, event_id=[empty] * 2, duration_seconds=[1.0, 2.0])
    given["transactions"]["revenue"] = [empty] * 2
    given["customers"]["signup"] = [empty] * 2
    tables = read_tables(
        parse_config({"name": "shop"}), engine, {n: make(f, n) for n, f in given.items()}
    )
    assert [quality.rows_kept for quality in tables.quality] == [2, 2, 2]
    assert tables.amounts["duration_seconds"] == ("visit",)
    assert tables.amounts.get("value", ()) == ()


@pytest.mark.parametrize("empty", EMPTY, ids=["none", "nan", "nat"])
@pytest.mark.parametrize("door", DOORS)
def test_an_optional_column_without_a_value_is_as_if_absent(
    door: Door, empty: Any, tmp_path: Path
) -> None:
    with open_duckdb(threads=1) as engine:
        check_empty(engine, lambda frame, name: door(frame, tmp_path, name), empty)


def lists(column: str, values: Any) -> dict[str, Any]:
    events = pl.from_pandas(frames()["events"]).with_columns(pl.Series(column, values))
    return {**frames(), "events": events}


LISTS = {
    "value": ([[1.0], [2.0]], r"column 'value' holds DOUBLE\[\], not numbers"),
    "timestamp": ([[d] for d in DAYS], r"column 'timestamp' holds TIMESTAMP.*\[\], not timestamps"),
}


@pytest.mark.parametrize("column", LISTS)
def test_lists_are_neither_numbers_nor_moments(column: str) -> None:
    values, message = LISTS[column]
    with open_duckdb(threads=1) as engine, pytest.raises(InputError, match=message):
        read_tables(parse_config({"name": "shop"}), engine, lists(column, values))


@pytest.mark.parametrize("word", ["epoch", "infinity", "-infinity"])
@pytest.mark.parametrize("door", DOORS)
def test_words_are_no_moments(door: Door, word: str, tmp_path: Path) -> None:
    given = frames(timestamp=["2024-01-02", word])
    sources = {name: door(frame, tmp_path, name) for name, frame in given.items()}
    with open_duckdb(threads=1) as engine, pytest.raises(InputError, match=f"found '{word}'"):
        read_tables(parse_config({"name": "shop"}), engine, sources)
