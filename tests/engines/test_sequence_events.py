"""Events of sequences, against a loop over each customer's events, on every engine."""

from __future__ import annotations

import datetime as dt
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config import SequenceConfig
from engagement_ml.engine import Engine, LazyEngine, open_duckdb
from engagement_ml.inputs.sequence_events import sequence_events

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
START = dt.datetime(2024, 1, 1)
Row = tuple[int, int, str]
SEQUENCES = (
    SequenceConfig(first="a", then="b"),
    SequenceConfig(first="b", then="a", within_days=0.25),
    SequenceConfig(first="a", then="c", within_days=3),
)


def by_loops(rows: list[Row]) -> list[Row]:
    """Each `then` event that has a `first` event before it, at most so many hours."""
    found = []
    for sequence in SEQUENCES:
        for who, hour, kind in rows:
            if kind == sequence.then and any(
                other == who
                and name == sequence.first
                and 0 < hour - h <= sequence.within_days * 24
                for other, h, name in rows
            ):
                found.append((who, hour, sequence.name))
    return sorted(found)


def by_engine(engine: Engine, rows: list[Row]) -> list[Row]:
    table = pa.table(
        {
            "customer_id": pa.array([who for who, _, _ in rows], pa.int64()),
            "timestamp": pa.array(
                [START + dt.timedelta(hours=hour) for _, hour, _ in rows], pa.timestamp("us")
            ),
            "event_type": pa.array([kind for _, _, kind in rows], pa.string()),
        }
    )
    frame = engine.read_arrow(table)
    if frame.implementation.is_pyspark():
        # Spark takes moments of Arrow for local ones; files and frames are read as text.
        table = table.set_column(1, "timestamp", table["timestamp"].cast(pa.string()))
        frame = cast(LazyEngine, engine).typed(engine.read_arrow(table), {"timestamp": "timestamp"})
    events = engine.micros(sequence_events(engine, frame, SEQUENCES), "timestamp")
    start = round(START.replace(tzinfo=dt.UTC).timestamp() * 1_000_000)
    return sorted(
        (int(row["customer_id"]), (row["timestamp"] - start) // 3_600_000_000, row["event_type"])
        for row in engine.rows(events, source="events")
    )


def random_rows(n: int) -> list[Row]:
    rng = np.random.default_rng(3)
    return [
        (int(who), int(hour), str(kind))
        for who, hour, kind in zip(
            rng.integers(0, n // 20, n),
            rng.integers(0, 400, n),
            rng.choice(["a", "b", "c", "d"], n),
            strict=True,
        )
    ]


rows_of_events = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 90), st.sampled_from("abcd")), max_size=25
)


@settings(max_examples=60)
@given(rows=rows_of_events)
def test_duckdb_finds_what_loops_find(rows: list[Row]) -> None:
    with open_duckdb(threads=1) as engine:
        assert by_engine(engine, rows) == by_loops(rows)


@settings(max_examples=60)
@given(rows=rows_of_events)
def test_polars_finds_what_loops_find(rows: list[Row]) -> None:
    from tests.engines.conftest import PolarsEngine

    assert by_engine(PolarsEngine(), rows) == by_loops(rows)


def test_two_events_at_the_same_moment_are_no_sequence() -> None:
    with open_duckdb(threads=1) as engine:
        assert by_engine(engine, [(1, 5, "a"), (1, 5, "b")]) == []
        assert by_engine(engine, [(1, 5, "b"), (1, 5, "a"), (1, 29, "b")]) == [(1, 29, "a then b")]


def test_a_first_event_serves_several(polars_engine: LazyEngine) -> None:
    rows = [(1, 0, "a"), (1, 2, "b"), (1, 3, "b"), (1, 25, "b")]
    expected = [(1, 2, "a then b"), (1, 3, "a then b")]
    assert by_engine(polars_engine, rows) == expected


@pytest.mark.seldom
@pytest.mark.spark
def test_spark_finds_what_loops_find(spark_engine: LazyEngine) -> None:
    rows = random_rows(600)
    expected = by_loops(rows)
    assert len(expected) > 50
    assert by_engine(spark_engine, rows) == expected
