"""Moments are read in one way: written, typed, zoned, and in nanoseconds, through every door."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from tests.engines.conftest import PolarsEngine

CONFIG = parse_config({"name": "moments"})
PAID = pd.DataFrame(
    {
        "customer_id": [1, 2],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-12-05"]),
        "margin": [1.5, 2.0],
    }
)


def frame(moments: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": range(len(moments)), "timestamp": moments, "event_type": "visit"}
    )


def moments_of(source: Any) -> list[dt.datetime]:
    with open_duckdb(threads=1) as engine:
        tables = read_tables(CONFIG, engine, {"events": source, "transactions": PAID})
        found = tables.events.collect("pyarrow").to_native()
        assert tables.ledger is not None
        days = tables.ledger.collect("pyarrow").to_native()["day"].to_pylist()
    moments: list[dt.datetime] = found.sort_by("customer_id")["timestamp"].to_pylist()
    assert sorted(days) == sorted(moment.date() for moment in moments)
    return moments


def text_doors(moments: list[str], folder: Path) -> list[Any]:
    given = frame(pd.Series(moments, dtype=object))
    given.to_csv(folder / "events.csv", index=False)
    given.to_parquet(folder / "events.parquet", index=False)
    with duckdb.connect(str(folder / f"{len(list(folder.iterdir()))}.duckdb")) as connection:
        connection.register("given", given)
        connection.execute("CREATE TABLE events AS FROM given")
        database = connection.execute("PRAGMA database_list").fetchall()[0][2]
    files = [folder / "events.csv", folder / "events.parquet", database]
    return [given, pl.from_pandas(given), *files]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01", "2024-03-01"),
        ("2024/3/1 9:05", "2024-03-01 09:05"),
        (" 2024-03-01 10:00:00 ", "2024-03-01 10:00"),
        ("2024-03-01T10:00:00.1234569", "2024-03-01 10:00:00.123456"),
        ("2024-03-01 23:59:59.999999999", "2024-03-01 23:59:59.999999"),
        ("2024-03-01T10:00:00Z", "2024-03-01 10:00"),
        ("2024-03-01 10:00:00+02", "2024-03-01 08:00"),
        ("2024-03-01 10:00:00 +0200", "2024-03-01 08:00"),
        ("2024-03-01T10:00:00.5-0530", "2024-03-01 15:30:00.5"),
        ("2024-03-01 10:00:00 UTC", "2024-03-01 10:00"),
        ("2024-03-01 10:00:00 America/New_York", "2024-03-01 15:00"),
        ("2024-03-01 10:00:00 America/Argentina/Buenos_Aires", "2024-03-01 13:00"),
    ],
)
def test_text(text: str, expected: str, tmp_path: Path) -> None:
    for source in text_doors([text, text], tmp_path):
        assert moments_of(source) == [dt.datetime.fromisoformat(expected)] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("24-03-01", "expected a year of four digits first, as in 2024-05-31 14:30:00, found"),
        ("1/3/24 10:00", "expected a year of four digits first"),
        ("2024-03-01 10:00 CET", "expected a time zone as an offset or a name, such as"),
        ("2024-03-01 10:00:00EST", "expected a time zone as an offset or a name, such as"),
        ("epoch", "expected a timestamp such as"),
        ("-infinity", "expected a timestamp such as"),
        ("0044-03-15 (BC)", "expected a timestamp such as"),
        ("12024-03-01", "expected a timestamp such as"),
        ("2024-02-30", "expected a timestamp such as"),
    ],
)
def test_text_that_could_mean_something_else_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    for source in text_doors(["2024-03-01 10:00", text], tmp_path):
        with pytest.raises(InputError) as caught:
            moments_of(source)
        assert f"column 'timestamp', row 2: {message}" in str(caught.value)
        assert repr(text) in str(caught.value)


NAIVE, ZONED = dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 2, tzinfo=dt.UTC)
EAST = dt.datetime(2024, 3, 2, tzinfo=dt.timezone(dt.timedelta(hours=5)))


@pytest.mark.parametrize(
    "mixed",
    [
        [NAIVE, ZONED],
        [ZONED, NAIVE],
        [pd.Timestamp(NAIVE), None, pd.Timestamp(ZONED)],
        [dt.date(2024, 3, 1), ZONED],
        ["2024-03-01 10:00", "2024-03-01 10:00 America/New_York"],
    ],
)
def test_objects_with_and_without_a_zone_are_refused(mixed: list[Any]) -> None:
    events = frame(pd.Series(mixed, dtype=object))
    with pytest.raises(InputError, match=r"column 'timestamp', row \d: .* time zone and others"):
        moments_of(events)


def test_objects_of_several_zones_and_dates_with_times_are_exact() -> None:
    assert moments_of(frame(pd.Series([ZONED, EAST], dtype=object))) == [
        dt.datetime(2024, 3, 2), dt.datetime(2024, 3, 1, 19),
    ]  # fmt: skip
    late = pd.Series([dt.date(2024, 3, 1), dt.datetime(2024, 3, 2, 12)], dtype=object)
    assert moments_of(frame(late)) == [dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 2, 12)]


def test_files_with_and_without_a_zone_are_refused(tmp_path: Path) -> None:
    for name, zone in (("a", None), ("b", "UTC")):
        moments = pa.array([NAIVE, NAIVE], pa.timestamp("us", zone))
        table = pa.table({"customer_id": [1, 2], "timestamp": moments, "event_type": ["x", "x"]})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    message = r"b.parquet: column 'timestamp' has a time zone and that of .*a.parquet has none"
    with pytest.raises(InputError, match=message):
        moments_of(tmp_path)
    with PolarsEngine() as engine, pytest.raises(InputError, match=message):
        read_tables(CONFIG, engine, {"events": str(tmp_path), "transactions": PAID})


@pytest.mark.parametrize("zone", [None, "America/New_York", "Etc/GMT+5"])
def test_nanoseconds_stay_on_their_day(zone: str | None, tmp_path: Path) -> None:
    last = pd.Timestamp("2024-03-01 23:59:59.999999999")
    moments = pd.Series([last, last]).dt.tz_localize("UTC").dt.tz_convert(zone or "UTC")
    given = frame(moments if zone else moments.dt.tz_localize(None))
    assert given["timestamp"].dt.unit == "ns"
    polars = pl.from_pandas(frame(moments.dt.tz_convert("UTC").dt.tz_localize(None)))
    if zone:
        in_zone = pl.col("timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        polars = polars.with_columns(in_zone)
    pq.write_table(polars.to_arrow(), tmp_path / "e.parquet", version="2.6")
    given.to_csv(tmp_path / "e.csv", index=False)
    expected = [dt.datetime(2024, 3, 1, 23, 59, 59, 999999)] * 2
    for source in (given, polars, tmp_path / "e.parquet", tmp_path / "e.csv"):
        assert moments_of(source) == expected
