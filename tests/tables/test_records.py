"""Columns that are fields of records, on every engine and through every door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from engagement_ml.ledger.cache import batches
from engagement_ml.ledger.cache import events as cache_events
from engagement_ml.tables.opening import open_table
from tests.doors import Door, as_json_lines, as_pandas, as_parquet, as_polars

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"]).astype("datetime64[us]")
EVENTS = pd.DataFrame({
    "User": [{"Id": 1, "more": {"kind": "a"}}, {"Id": 2, "more": {"kind": "b"}}, None],
    "timestamp": DAYS,
    "event_type": "visit",
})  # fmt: skip
PAID = pd.DataFrame({
    "customer_id": [1, 2, 2],
    "timestamp": DAYS,
    "margin": [7.0, 8.0, 9.0],
    "ecommerce": [{"purchase_revenue": 1.5, "tax": 1.0}, {"purchase_revenue": 2.5}, None],
})  # fmt: skip
CUSTOMERS = pd.DataFrame({
    "customer_id": [1, 2], "address": [{"city": "Bonn", "zip": "0123"}, {"city": "Ulm"}],
})  # fmt: skip
FRAMES = {"events": EVENTS, "transactions": PAID, "customers": CUSTOMERS}
COLUMNS = {
    "events": {"customer_id": "user.ID"},
    "transactions": {"margin": "ecommerce.Purchase_Revenue"},
    "customers": {"city": "address.city"},
}
CONFIG = {"name": "records", "columns": COLUMNS, "segments": ["city"]}
Make = Callable[[pd.DataFrame, str], Any]


def check_fields(engine: Engine, make: Make) -> None:
    """Fields take the place of columns; rows without the record are dropped and counted."""
    sources = {name: make(frame, name) for name, frame in FRAMES.items()}
    tables = read_tables(parse_config(CONFIG), engine, sources)
    events = engine.pandas(tables.events)
    assert sorted(events["customer_id"]) == [1, 2]
    assert sorted(engine.pandas(tables.transactions)["margin"]) == [1.5, 2.5]
    assert tables.customers is not None
    assert sorted(engine.pandas(tables.customers)["city"]) == ["Bonn", "Ulm"]
    dropped = {q.table: [(d.reason, d.rows) for d in q.dropped] for q in tables.quality}
    assert dropped["events"] == [("null customer_id", 1)]
    assert dropped["transactions"] == [("null margin", 1)]


def check_messages(open_transactions: Callable[[PipelineConfig], Any]) -> None:
    """The message names the nearest field, or what the column is instead of a record."""
    for path, message in (
        ("ecommerce.purchase_revenu", r"did you mean 'ecommerce.purchase_revenue'\?\); the fields"),
        ("customer_id.x", "column 'customer_id' is no record but"),
        ("ecomerce.tax", r"is missing.*the columns are customer_id, timestamp, margin, ecommerce"),
    ):
        columns = {"transactions": {"margin": path}}
        with pytest.raises(InputError, match=message):
            open_transactions(parse_config({"name": "records", "columns": columns}))


def as_table(frame: pd.DataFrame, folder: Path, name: str) -> str:
    """Return a table of a DuckDB file, in the types of Arrow: DuckDB reads dicts as maps."""
    with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
        connection.register("frame", pa.Table.from_pandas(frame))
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
    return f"{folder / name}.duckdb::{name}"


def as_struct_relation(frame: pd.DataFrame, folder: Path, name: str) -> Any:
    """Return a relation of another connection, in the types of Arrow."""
    return duckdb.from_arrow(pa.Table.from_pandas(frame))


NESTED: list[Door] = [as_parquet, as_table, as_struct_relation, as_pandas, as_polars]


@pytest.mark.parametrize("door", [*NESTED, as_json_lines])
def test_fields_of_records_are_columns(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_fields(engine, lambda frame, name: door(frame, tmp_path, name))


def test_a_wrong_path_is_named() -> None:
    with open_duckdb(threads=1) as engine:
        check_messages(lambda config: open_table(engine, config, "transactions", PAID))


def test_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of files, one of which lacks the record."""
    monkeypatch.setattr(cache_events, "MIN_CACHED_BYTES", 1)
    monkeypatch.setattr(batches, "SMALLEST", 1)
    folder = tmp_path / "parts"
    folder.mkdir()
    for place in range(3):
        EVENTS.iloc[[place]].drop(columns=["User"] if place == 2 else []).to_parquet(
            folder / f"{place}.parquet"
        )
    with open_duckdb(threads=1) as engine:
        check_fields(
            engine,
            lambda frame, name: folder if name == "events" else as_parquet(frame, tmp_path, name),
        )


def test_a_column_with_dots_comes_before_a_field() -> None:
    paid = PAID.assign(**{"ecommerce.purchase_revenue": [4.0, 5.0, 6.0]})
    with open_duckdb(threads=1) as engine:
        frames = {**FRAMES, "transactions": paid}
        tables = read_tables(parse_config(CONFIG), engine, frames)
        assert sorted(engine.pandas(tables.transactions)["margin"]) == [4.0, 5.0, 6.0]


def test_files_with_and_without_zone_in_a_record_are_refused(tmp_path: Path) -> None:
    for place, zone in enumerate((None, "UTC")):
        moments = pd.Series(DAYS).dt.tz_localize(zone)
        frame = EVENTS.assign(at=[{"ts": moment} for moment in moments])
        frame.to_parquet(tmp_path / f"{place}.parquet")
    columns = {"events": {"customer_id": "user.id", "timestamp": "at.ts"}}
    config = parse_config({"name": "records", "columns": columns})
    with (
        open_duckdb(threads=1) as engine,
        pytest.raises(InputError, match=r"1.parquet: column 'at.ts' has a time zone and that of"),
    ):
        read_tables(config, engine, {"events": tmp_path, "transactions": PAID})
