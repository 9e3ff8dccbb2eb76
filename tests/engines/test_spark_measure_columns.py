"""Columns for measures and surveys on Spark: the same rows, and the same errors, as elsewhere."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import pytest

from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import Tables, read_tables
from tests.inputs import test_extra_columns as extra
from tests.inputs import test_surveys

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def parquet(folder: Path, frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    paths = {}
    for name, frame in frames.items():
        paths[name] = str(folder / f"{name}{len(list(folder.iterdir()))}.parquet")
        frame.to_parquet(paths[name], index=False)
    return paths


def test_they_are_read_in_their_types(spark_engine: Any, tmp_path: Path) -> None:
    sources = parquet(tmp_path, extra.FRAMES)
    tables = read_tables(extra.CONFIG, spark_engine, sources, extra=True)
    for name, expected in extra.READ.items():
        assert extra.values(tables, name) == sorted(expected, key=str)


def usable(tables: Tables, event_type: str) -> list[tuple[str, ...]]:
    """Return the usable events of a type, sorted."""
    rows = tables.engine.rows(
        tables.events.filter(nw.col("event_type") == event_type).select("object", "channel"),
        source="events",
    )
    return sorted((row["object"], row["channel"]) for row in rows)


@pytest.mark.seldom
def test_repeated_events_are_the_same_as_on_duckdb(spark_engine: Any, tmp_path: Path) -> None:
    n = 40
    events = pd.DataFrame(
        {
            "customer_id": ["ann", "bob", None, "cid"] * (n // 4),
            "timestamp": [dt.datetime(2024, 1, 1 + i % 9, i % 5) for i in range(n)],
            "event_type": ["ask", "visit", "", "ask", "visit"] * (n // 5),
            "event_id": [None if i % 7 == 0 else f"{i % 11}" for i in range(n)],
            "object": [f"{i}" for i in range(n)],
            "channel": [f"{i % 3}" for i in range(n)],
        }
    )
    sources = parquet(tmp_path, {**extra.FRAMES, "events": events})
    found = read_tables(extra.CONFIG, spark_engine, sources, extra=True)
    with open_duckdb(threads=1) as engine:
        expected = read_tables(extra.CONFIG, engine, sources, extra=True)
        for event_type in ("ask", "visit"):
            assert usable(found, event_type) == usable(expected, event_type) != []


ANSWERS = test_surveys.surveys(
    ("NPS ", 9.0, None, dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)),
    ("csat", None, "1-10", dt.datetime(2024, 1, 1), None),
    ("csat", 10.0, " 1-10", None, dt.datetime(2024, 1, 4)),
    ("own", None, "", None, dt.datetime(2024, 1, 5)),
    columns="survey score scale sent timestamp",
)


@pytest.mark.seldom
def test_answers_and_their_scales(spark_engine: Any, tmp_path: Path) -> None:
    columns = ("survey", "score", "scale", "sent", "timestamp")
    sources = parquet(tmp_path, {**extra.FRAMES, "surveys": ANSWERS})
    tables = read_tables(extra.CONFIG, spark_engine, sources)
    with open_duckdb(threads=1) as engine:
        expected = test_surveys.rows_of(read_tables(extra.CONFIG, engine, sources), *columns)
    assert test_surveys.rows_of(tables, *columns) == expected
    assert len(expected) == 3


@pytest.mark.seldom
@pytest.mark.parametrize(("rows", "columns", "said"), test_surveys.WRONG)
def test_what_does_not_fit_is_named(
    spark_engine: Any, tmp_path: Path, rows: list[tuple[Any, ...]], columns: str, said: str
) -> None:
    answers = test_surveys.surveys(*rows, columns=columns)
    with pytest.raises(InputError) as caught:
        read_tables(
            extra.CONFIG, spark_engine, parquet(tmp_path, {**extra.FRAMES, "surveys": answers})
        )
    # Spark knows no numbers of rows.
    assert re.sub(r", row [0-9]+", "", said) in str(caught.value)
