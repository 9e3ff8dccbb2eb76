"""Frames whose types Arrow lacks or refuses are read all the same, or refused in one line."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import Tables, read_tables

DAYS = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])
EVENTS = pd.DataFrame({"customer_id": [1, 2, 1], "timestamp": DAYS, "event_type": "visit"})
PAID = EVENTS[["customer_id", "timestamp"]].assign(margin=[1.5, 0.0, 2.0])
CONFIG = parse_config({"name": "odd"})


def margins(events: Any, paid: Any, customers: Any = None) -> list[float]:
    sources = {"events": events, "transactions": paid, "customers": customers}
    with open_duckdb(threads=1) as engine:
        tables: Tables = read_tables(CONFIG, engine, sources)
        frame = tables.transactions.collect("pandas").to_native()
    return sorted(frame["margin"])


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("of_type", ["Int128", "UInt128"])
def test_integers_of_128_bits_are_numbers_and_ids(lazy: bool, of_type: str) -> None:
    if not hasattr(pl, of_type):
        pytest.skip(f"this Polars has no {of_type}")
    wide = getattr(pl, of_type)
    events = pl.from_pandas(EVENTS).with_columns(pl.col("customer_id").cast(wide))
    paid = pl.from_pandas(PAID).with_columns(margin=pl.Series([1, 0, 2], dtype=wide))
    assert margins(*((events.lazy(), paid.lazy()) if lazy else (events, paid))) == [0, 1, 2]


def test_sparse_columns_are_read() -> None:
    sparse = PAID.assign(margin=pd.arrays.SparseArray(PAID["margin"], fill_value=0.0))
    assert margins(EVENTS, sparse) == [0, 1.5, 2]
    ids = EVENTS.assign(customer_id=pd.arrays.SparseArray([1, 2, 1]))
    assert margins(ids, PAID) == [0, 1.5, 2]
    objects = pd.arrays.SparseArray(pd.Series(DAYS.to_list(), dtype=object))
    assert margins(EVENTS.assign(timestamp=objects), PAID) == [0, 1.5, 2]


def test_categories_that_are_moments_with_a_zone_are_read() -> None:
    zoned = pd.Series(DAYS.tz_localize("America/New_York")).astype("category")
    with open_duckdb(threads=1) as engine:
        sources = {"events": EVENTS.assign(timestamp=zoned), "transactions": PAID}
        frame = read_tables(CONFIG, engine, sources).events.collect("pandas").to_native()
    assert frame["timestamp"].min() == pd.Timestamp("2024-01-01 05:00")


def test_categories_beyond_64_bits_become_text() -> None:
    huge = pd.Series([2**90, 1, 2], dtype=object).astype("category")
    customers = pd.DataFrame({"customer_id": [1, 2, 3], "code": huge})
    assert margins(EVENTS, PAID, customers) == [0, 1.5, 2]
    with pytest.raises(InputError, match=r"column 'timestamp', row 1: expected a timestamp"):
        margins(EVENTS.assign(timestamp=huge), PAID)


@pytest.mark.parametrize("name", ["x\ny", "x\r\ny", "x\u2028y"])
def test_a_name_with_a_line_break_leaves_one_line(name: str) -> None:
    with pytest.raises(InputError) as caught:
        margins(EVENTS.drop(columns="customer_id").assign(**{name: 1}), PAID)
    assert len(str(caught.value).splitlines()) == 1
    assert "x y" in str(caught.value)
