"""Paths never change their data: names are literal, and folders replace no column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import read_tables
from engagement_ml.ledger.cache import batches
from engagement_ml.ledger.cache import events as cache_events
from engagement_ml.sources import open_source

PAID = pd.DataFrame(
    {
        "customer_id": [1, 2],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-01-05"]),
        "margin": [1.5, 2.0],
    }
)


def events(kind: str = "visit", customers: tuple[int, int] = (1, 2)) -> pd.DataFrame:
    moments = pd.to_datetime(["2024-01-02", "2024-01-03"]).astype("datetime64[us]")
    return pd.DataFrame({"customer_id": customers, "timestamp": moments, "event_type": kind})


def write(frame: pd.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def types_read(source: Any) -> list[str]:
    with open_duckdb(threads=1) as engine:
        frame = open_source(engine, source, table="events")
        return sorted(set(frame.collect("pyarrow").to_native()["event_type"].to_pylist()))


@pytest.mark.parametrize(
    ("name", "other"),
    [("events[1]", "events1"), ("h*", "hx"), ("q?", "qa"), ("{a,b}", "a"), ("a\\b", "ab")],
)
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_name_is_not_a_pattern(tmp_path: Path, name: str, other: str, suffix: str) -> None:
    write(events("other"), tmp_path / f"{other}{suffix}")
    assert types_read(write(events("right"), tmp_path / f"{name}{suffix}")) == ["right"]


def test_folders_and_files_of_a_glob_are_literal_too(tmp_path: Path) -> None:
    write(events("other"), tmp_path / "day1" / "x.parquet")
    write(events("right"), tmp_path / "day[1]" / "x.parquet")
    assert types_read(tmp_path / "day[1]") == ["right"]
    write(events("third"), tmp_path / "parts" / "a[1].parquet")
    write(events("fourth"), tmp_path / "parts" / "a1.parquet")
    assert types_read(tmp_path / "parts" / "a[[]1].parquet") == ["third"]


@pytest.fixture(params=["small", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files of any size are read in the same way."""
    if request.param == "large":
        monkeypatch.setattr(cache_events, "MIN_CACHED_BYTES", 1)
        monkeypatch.setattr(batches, "SMALLEST", 1)
    return str(request.param)


def read(
    source: Any, tmp_path: Path, ids: tuple[int, int] = (1, 2)
) -> tuple[set[Any], dict[str, int]]:
    keep = str(tmp_path / "keep=1" / "cache[1]")
    config = parse_config({"name": "paths", "engine": {"keep": keep}})
    with open_duckdb(threads=1) as engine:
        tables = read_tables(
            config, engine, {"events": source, "transactions": PAID.assign(customer_id=ids)}
        )
        assert tables.ledger is not None
        found = set(tables.ledger.collect("pyarrow").to_native()["customer_id"].to_pylist())
        return found, dict(tables.event_counts)


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("given", ["file", "glob", "folder"])
def test_a_folder_never_replaces_a_column(given: str, tmp_path: Path) -> None:
    file = write(events(), tmp_path / "customer_id=5" / "event_type=like" / "a.parquet")
    write(events(), tmp_path / "customer_id=6" / "event_type=like" / "a.parquet")
    pattern = str(tmp_path / "customer_id=*" / "event_type=*" / "*.parquet")
    source = {"file": file, "glob": pattern, "folder": tmp_path}[given]
    assert read(source, tmp_path) == ({1, 2}, {"visit": 2 if given == "file" else 4})


@pytest.mark.usefixtures("size")
def test_folders_below_a_folder_are_columns_that_the_files_lack(tmp_path: Path) -> None:
    above = tmp_path / "event_type=above" / "events"
    write(events().drop(columns="customer_id"), above / "customer_id=7" / "Day=2024-01-01" / "a.pq")
    write(events().drop(columns="customer_id"), above / "customer_id=8" / "Day=2024-01-02" / "a.pq")
    assert read(above, tmp_path, (7, 8)) == ({7, 8}, {"visit": 4})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["7", "12"], [7, 12]),
        (["007", "12"], ["007", "12"]),
        (["a%2Fb", "it's"], ["a/b", "it's"]),
        (["1", "__HIVE_DEFAULT_PARTITION__"], [1, None]),
    ],
)
def test_values_of_folders_keep_what_they_say(
    values: list[str], expected: list[Any], tmp_path: Path
) -> None:
    for value in values:
        write(events("x").head(1), tmp_path / f"my key={value}" / "a.parquet")
    with open_duckdb(threads=1) as engine:
        found = open_source(engine, tmp_path, table="events").collect("pyarrow").to_native()
    assert sorted(found["my key"].to_pylist(), key=str) == sorted(expected, key=str)
