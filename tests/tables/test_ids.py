"""Ids that identify nobody are dropped and counted; ids that lost digits are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import Dropped, read_tables
from engagement_ml.inputs.scoring_reader import read_scoring_tables
from engagement_ml.usable_rows import NOT_IDS
from tests.doors import DOORS, FRAMES, Door, as_csv, as_parquet, as_polars

CONFIG = parse_config({"name": "shop", "engine": {"keep": None}})
DAY = pd.Timestamp("2024-01-02")
Make = Callable[[pd.DataFrame, str], Any]


def rows(ids: Any, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": ids, "timestamp": DAY, **more})


def read(engine: Engine, make: Make, ids: Any, paid: Any) -> Any:
    sources = {
        "events": make(rows(ids, event_type="visit"), "events"),
        "transactions": make(rows(paid, margin=1.0), "transactions"),
    }
    return read_tables(CONFIG, engine, sources)


def check_placeholders(engine: Engine, make: Make, known: tuple[Any, Any]) -> None:
    """`known` are two ids; all others stand for a missing value."""
    written = [str(known[0]), str(known[1]), *(text for text in NOT_IDS if text), " null ", "  "]
    tables = read(engine, make, written, [str(i) for i in known])
    assert tables.quality[0].dropped == (Dropped("null customer_id", len(written) - 2),)
    for frame in (tables.events, tables.ledger):
        found = (
            frame.select("customer_id").collect("pyarrow").to_native().to_pandas()["customer_id"]
        )
        assert sorted(map(str, found)) == sorted(map(str, known))


def check_floats(engine: Engine, make: Make) -> None:
    """Two neighbours beyond 2^53 are one number in a column of floats."""
    beyond = [2.0**53 + 2, 1.0]
    with pytest.raises(InputError, match=r"customer_id'.*at most 9,007,199,254,740,992 in size"):
        read(engine, make, beyond, [1.0, 2.0])
    with pytest.raises(InputError, match=r"column 'customer_id'.* merges larger numbers"):
        read(engine, make, [1.0, 2.0], beyond)
    exact = read(engine, make, [2.0**53, 1.0], [1, 2**53])
    found = exact.events.collect("pyarrow").to_native().to_pandas()["customer_id"]
    assert sorted(found) == [1, 2**53]


@pytest.mark.parametrize("known", [(7, 12), ("ann", "Nat")])
@pytest.mark.parametrize("door", DOORS)
def test_what_identifies_nobody_is_dropped_and_counted(
    door: Door, known: tuple[Any, Any], tmp_path: Path
) -> None:
    with open_duckdb(threads=1) as engine:
        check_placeholders(engine, lambda frame, name: door(frame, tmp_path, name), known)


@pytest.mark.parametrize("sessions", [False, True])
def test_large_files_drop_the_same(
    sessions: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engagement_ml.ledger.cache.events.MIN_CACHED_BYTES", 0)
    ids = ["ann", "bob", "null", "", "NaN", None, "\\N"]
    files = {"events": as_parquet(rows(ids, event_type="visit"), tmp_path, "events")}
    files["transactions"] = as_parquet(rows(["ann", "bob"], margin=1.0), tmp_path, "paid")
    keys = {"features": {"sessions": sessions or None}, "engine": {"keep": None}}
    with open_duckdb(threads=1) as engine:
        tables = read_tables(parse_config({"name": "shop", **keys}), engine, files)
        assert tables.quality[0].dropped == (Dropped("null customer_id", 5),)
        for frame in (tables.events, tables.ledger, *([tables.sessions] if sessions else [])):
            assert frame is not None
            found = (
                frame.select("customer_id")
                .collect("pyarrow")
                .to_native()
                .to_pandas()["customer_id"]
            )
            assert sorted(found) == ["ann", "bob"]


@pytest.mark.parametrize("door", [*FRAMES, as_parquet])
def test_floats_that_merge_customers_are_refused(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_floats(engine, lambda frame, name: door(frame, tmp_path, name))


def test_large_files_with_floats_that_merge_customers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engagement_ml.ledger.cache.events.MIN_CACHED_BYTES", 0)
    with open_duckdb(threads=1) as engine:
        check_floats(engine, lambda frame, name: as_parquet(frame, tmp_path, name))


def test_floats_of_four_bytes_are_exact_to_their_limit_only(tmp_path: Path) -> None:
    ids = np.array([2**24 + 2, 1], np.float32)
    with open_duckdb(threads=1) as engine, pytest.raises(InputError, match="at most 16,777,216"):
        read(engine, lambda frame, name: as_polars(frame, tmp_path, name), ids, [1, 2])


def as_polars_with_nan(frame: pd.DataFrame, folder: Path, name: str) -> pl.DataFrame:
    return pl.from_pandas(frame, nan_to_null=False)


def as_parquet_with_nan(frame: pd.DataFrame, folder: Path, name: str) -> Path:
    """Return a file whose statistics leave NaN out."""
    as_polars_with_nan(frame, folder, name).write_parquet(folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


@pytest.mark.parametrize("door", [*FRAMES, as_polars_with_nan, as_parquet_with_nan])
def test_nan_is_no_customer_and_leaves_the_others_integers(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        source = door(rows([7.0, 12.0, float("nan")], event_type="visit"), tmp_path, "events")
        found = read_scoring_tables(CONFIG, engine, {"events": source})["events"]
        assert found.quality.dropped == (Dropped("null customer_id", 1),)
        assert sorted(found.frame.collect("pyarrow").to_native().to_pandas()["customer_id"]) == [
            7,
            12,
        ]


def test_a_csv_that_writes_null_keeps_its_integers(tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        source = as_csv(rows(["7", "null", "12"], event_type="visit"), tmp_path, "events")
        found = read_scoring_tables(CONFIG, engine, {"events": source})["events"]
        assert sorted(found.frame.collect("pyarrow").to_native().to_pandas()["customer_id"]) == [
            7,
            12,
        ]
