"""Ledgers aggregated in arrays equal those that the engine computes from the same files."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.engine import DuckDBEngine, open_duckdb
from engagement_ml.ledger.arrow import (
    UnsupportedInputError,
    aggregate_files,
    read_integers,
    reading,
)
from engagement_ml.ledger.arrow.reading import MOMENT, read_events
from engagement_ml.ledger.daily import KEYS, aggregate_by_day, merge_ledgers
from engagement_ml.ledger.sessions import SessionRule, session_events, sessions_by_day
from engagement_ml.tables.duplicates import (
    EventIds,
    are_disjoint,
    run_length_encoded,
    sorted_hashes,
)

START = 1_709_000_000_000_000
HOUR = 3_600_000_000
NAMES = {"customer_id": "who", "event_type": "what", "timestamp": "at", "value": "worth"}
AMOUNTS = [0.0, 1.25, -3.000001, 5e-7, -5e-7, 1.5e-6, 2.5e-6, 123456.789, 1e10, float("nan")]


@st.composite
def files_of(draw: st.DrawFn) -> tuple[list[pa.Table], bool]:
    """Draw files of events: unsorted, days in several files, nulls, halves of a millionth."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    text, sorted_, nulls = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    far = draw(st.sampled_from([1, 10**6, 2**45, 2**60]))
    tables = []
    for number in range(draw(st.integers(1, 4))):
        rows = draw(st.sampled_from([0, 1, 40, 200]))
        ids = rng.integers(-3, 4, rows) * far
        begin = START + number * draw(st.sampled_from([0, 24])) * HOUR
        when = begin + rng.integers(0, 60, rows) * (HOUR // 2)
        when = np.sort(when) if sorted_ else when
        missing = [rng.random(rows) < (0.1 if nulls else 0.0) for _ in range(4)]
        tables.append(
            pa.table(
                {
                    "what": pa.array(rng.choice(["visit", "like", ""], rows), mask=missing[0]),
                    "at": pa.array(when, mask=missing[1]).cast(MOMENT),
                    "who": pa.array([f"c{i}" for i in ids] if text else ids,
                                    pa.string() if text else pa.int64(), mask=missing[2]),
                    "worth": pa.array(rng.choice(AMOUNTS, rows), mask=missing[3]),
                }
            )
        )  # fmt: skip
    return tables, text


def write(folder: str, tables: list[pa.Table], *, bounds: bool = True) -> list[Path]:
    files = [Path(folder) / f"{i}.parquet" for i in range(len(tables))]
    for file, table in zip(files, tables, strict=True):
        pq.write_table(table, file, row_group_size=70, write_statistics=bounds)
    return files


def events_of(engine: DuckDBEngine, files: list[Path]) -> nw.LazyFrame[Any]:
    columns = ", ".join(f'"{source}" AS {c}' for c, source in NAMES.items() if c != "value")
    listed = ", ".join(f"'{file}'" for file in files)
    value = "CASE WHEN isfinite(worth) THEN worth END AS value"
    sql = f"SELECT {columns}, {value} FROM read_parquet([{listed}])"
    return engine.scan(engine.view(sql, source="events"))


def in_order(frame: nw.LazyFrame[Any], keys: tuple[str, ...]) -> pd.DataFrame:
    rows: pd.DataFrame = frame.collect("pandas").to_native()
    return rows.sort_values(list(keys)).reset_index(drop=True)


@settings(max_examples=40, deadline=None)
@given(files_and_ids=files_of(), together=st.sampled_from([1, 130_000]), bounds=st.booleans())
def test_the_ledger_of_events_equals_the_engines(
    files_and_ids: tuple[list[pa.Table], bool], together: int, bounds: bool
) -> None:
    tables, text = files_and_ids
    with (
        tempfile.TemporaryDirectory() as folder,
        open_duckdb(threads=1) as engine,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(reading, "TOGETHER", together)
        files, target = write(folder, tables, bounds=bounds), Path(folder) / "ledger"
        returned = aggregate_files(files, NAMES, target, integer_ids=not text)
        assert returned.num_rows == pq.read_metadata(target).num_rows
        ledger = engine.scan(engine.files([target], source="ledger"))
        expected = aggregate_by_day(events_of(engine, files))
        assert ledger.collect_schema() == expected.collect_schema()
        keys = ledger.filter(~nw.col("day").is_null()).select(KEYS).collect("pandas").to_native()
        assert not keys.duplicated().any()
        # Events without a day are only counted, and may be in several rows of the ledger.
        pd.testing.assert_frame_equal(
            in_order(merge_ledgers(ledger), KEYS), in_order(expected, KEYS), check_exact=True
        )


@settings(max_examples=40, deadline=None)
@given(
    files_and_ids=files_of(),
    gap=st.sampled_from([1, 30, 90]),
    included=st.sampled_from([None, ("like",), ("like", "visit")]),
    excluded=st.sampled_from([(), ("visit",)]),
)
def test_the_ledger_of_sessions_equals_the_engines(
    files_and_ids: tuple[list[pa.Table], bool],
    gap: int,
    included: tuple[str, ...] | None,
    excluded: tuple[str, ...],
) -> None:
    tables, text = files_and_ids
    rule = SessionRule(gap * 60_000_000, included, excluded)
    names = {column: source for column, source in NAMES.items() if column != "value"}
    with tempfile.TemporaryDirectory() as folder, open_duckdb(threads=1) as engine:
        files, target = write(folder, tables), Path(folder) / "sessions"
        aggregate_files(files, names, target, integer_ids=not text, sessions=rule)
        ledger = engine.scan(engine.files([target], source="sessions"))
        expected = sessions_by_day(session_events(events_of(engine, files), rule), rule.gap)
        assert ledger.collect_schema() == expected.collect_schema()
        keys = ("customer_id", "day")
        pd.testing.assert_frame_equal(
            in_order(ledger, keys), in_order(expected, keys), check_exact=True
        )


PLAIN: dict[str, Any] = {
    "who": pa.array([1, 2]),
    "what": pa.array(["visit", "like"]),
    "at": pa.array([START, START], MOMENT),
    "worth": pa.array([1.0, 2.0]),
}


@pytest.mark.parametrize(
    "changed",
    [
        {"who": pa.array([1.0, 2.0])},
        {"who": pa.array(["a", "b"])},
        {"at": pa.array(["2024-01-01", "2024-01-02"])},
        {"at": pa.array([START, START], pa.timestamp("us", "Europe/Berlin"))},
        {"at": pa.array([START, 2**62], MOMENT)},
        {"what": pa.array([1, 2])},
        {"worth": pa.array(["1", "2"])},
        {"worth": pa.array([1.0, 2e12])},
        {"worth": pa.array([1.0, float("inf")])},
        {"worth": None},
    ],
)
def test_unsupported_columns_go_to_the_engine(changed: dict[str, Any], tmp_path: Path) -> None:
    columns = {name: values for name, values in (PLAIN | changed).items() if values is not None}
    pq.write_table(pa.table(columns), tmp_path / "file.parquet")
    with pytest.raises(UnsupportedInputError):
        aggregate_files([tmp_path / "file.parquet"], NAMES, tmp_path / "ledger", integer_ids=True)


def test_unreadable_files_are_left_to_the_engine(tmp_path: Path) -> None:
    (tmp_path / "file.parquet").write_bytes(b"PAR1 no, it is not PAR1")
    with pytest.raises(UnsupportedInputError):
        list(read_events([tmp_path / "file.parquet"], NAMES, integer_ids=True))
    with pytest.raises(UnsupportedInputError):
        list(read_integers([tmp_path / "file.parquet"], "who"))


@given(
    parts=st.lists(st.lists(st.integers(-12, 12), max_size=12), min_size=1, max_size=3),
    dtype=st.sampled_from([np.int64, np.uint64]),
)
def test_stored_ids_are_loaded_unchanged(parts: list[list[int]], dtype: type) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ids = []
        for number, part in enumerate(parts):
            hashes = np.array(part, np.int64).astype(dtype)
            stored = sorted_hashes(np.array_split(hashes, 3))
            np.save(Path(folder) / f"{number}.npy", stored)
            ids.append(EventIds.of(Path(folder) / f"{number}.npy", stored))
            assert ids[-1].load().tolist() == np.sort(hashes).tolist()
            assert EventIds.read(ids[-1].file, ids[-1].plain()) == ids[-1]
        every = [value for part in parts for value in part]
        for part, part_ids in zip(parts, ids, strict=True):
            assert part_ids.distinct == (len(set(part)) == len(part))
        if len(set(every)) < len(every):
            assert not are_disjoint(ids)


def test_consecutive_ids_are_run_length_encoded() -> None:
    days = [EventIds.of(Path("ids"), np.arange(day * 100, day * 100 + 100)) for day in range(3)]
    assert run_length_encoded(np.arange(1000)).size == 2
    assert are_disjoint(days[::-1])
    assert not are_disjoint([*days, EventIds.of(Path("ids"), np.array([150]))])


@pytest.mark.parametrize("bounds", [True, False])
def test_a_day_of_several_files_is_grouped_once(bounds: bool, tmp_path: Path) -> None:
    hours = [[0, 1], [30, 31], [2, 3]]
    tables = [
        pa.table({**PLAIN, "at": pa.array([START + h * HOUR for h in of_file], MOMENT)})
        for of_file in hours
    ]
    files = write(str(tmp_path), tables, bounds=bounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "TOGETHER", 1)
        read = list(read_events(files, NAMES, integer_ids=True))
    days = [{moment.date() for moment in table["timestamp"].to_pylist()} for table in read]
    assert [len(table) for table in read] == [4, 2]
    assert days[0].isdisjoint(days[1])
    assert min(days[0]) == dt.date(2024, 2, 27)
