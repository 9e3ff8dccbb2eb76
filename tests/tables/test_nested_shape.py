"""Nested records, as in the BigQuery export of Google Analytics 4, by expressions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from tests.tables.test_shape import rows_of

VALUE = {"string_value": pa.string(), "int_value": pa.int64(), "float_value": pa.float64()}
PARAMETERS = pa.list_(pa.struct({"key": pa.string(), "value": pa.struct(VALUE)}))
ECOMMERCE = pa.struct({"purchase_revenue": pa.float64(), "transaction_id": pa.string()})
START = 1717165800_000000
GA4 = pa.table(
    {
        "event_timestamp": pa.array([START, START + 1, START + 2, START + 3], pa.int64()),
        "event_name": ["page_view", "purchase", "page_view", "purchase"],
        "user_id": [None, None, "u2", "u2"],
        "user_pseudo_id": ["p1", "p1", "p2", "p2"],
        "event_params": pa.array(
            [[{"key": "ga_session_id", "value": {"int_value": 17}}],
             [],
             [{"key": "page", "value": {"string_value": "home"}},
              {"key": "ga_session_id", "value": {"int_value": 18}}],
             None],
            PARAMETERS,
        ),
        "ecommerce": pa.array(
            [None, {"purchase_revenue": 100.0, "transaction_id": "t1"}, None,
             {"purchase_revenue": 50.0, "transaction_id": "t2"}],
            ECOMMERCE,
        ),
    }
)  # fmt: skip
CUSTOMER = "coalesce(user_id, user_pseudo_id)"
RAW: dict[str, Any] = {
    "name": "app",
    "features": {"sessions": True},
    "columns": {
        "events": {"event_type": "event_name", "timestamp": "event_timestamp"},
        "transactions": {"timestamp": "event_timestamp"},
    },
    "shape": {
        "events": {
            "format": "epoch us",
            "where": "event_name <> 'purchase'",
            "values": {
                "customer_id": CUSTOMER,
                "session_id": "parameter(event_params, 'ga_session_id')",
            },
        },
        "transactions": {
            "format": "epoch us",
            "where": "event_name = 'purchase'",
            "values": {
                "customer_id": CUSTOMER,
                "transaction_id": "ecommerce.transaction_id",
                "margin": "ecommerce.purchase_revenue * 0.35",
            },
        },
    },
}


def check_ga4(engine: Engine, folder: Path) -> None:
    """Read a small export as events with sessions, and as transactions."""
    pq.write_table(GA4, folder / "ga4.parquet")
    source = str(folder / "*.parquet")
    tables = read_tables(parse_config(RAW), engine, {"events": source, "transactions": source})
    moments = [dt.datetime(2024, 5, 31, 14, 30, 0, n) for n in range(4)]
    assert rows_of(tables.events, "customer_id", "timestamp", "session_id") == [
        ("p1", moments[0], "17"),
        ("u2", moments[2], "18"),
    ]
    assert rows_of(tables.transactions, "customer_id", "timestamp", "margin") == [
        ("p1", moments[1], pytest.approx(35.0)),
        ("u2", moments[3], pytest.approx(17.5)),
    ]


def test_a_nested_export_is_read_as_it_is(tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_ga4(engine, tmp_path)


def test_numbers_of_large_files_that_are_no_times_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engagement_ml.ledger.cache.events.MIN_CACHED_BYTES", 0)
    stray = GA4.set_column(
        0, "event_timestamp", pa.array([START, START, START * 10**3, START], pa.int64())
    )
    pq.write_table(stray, tmp_path / "stray.parquet")
    shape = {**RAW["shape"], "events": {**RAW["shape"]["events"], "where": "user_id = 'u2'"}}
    frames = {"events": str(tmp_path / "stray.parquet"), "transactions": GA4}
    with (
        open_duckdb(threads=1) as engine,
        pytest.raises(InputError, match=r"row 3: expected a number of microseconds since 1970"),
    ):
        read_tables(parse_config({**RAW, "shape": shape}), engine, frames)
