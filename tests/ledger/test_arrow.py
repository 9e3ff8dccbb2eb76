"""Ledgers and sessions made in arrays: those that the engine makes of the same files."""

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
from engagement_ml.ledger.arrow import reading
from engagement_ml.ledger.arrow.daily import write_daily
from engagement_ml.ledger.arrow.reading import MOMENT, UnfitError, integers_of, tables_of
from engagement_ml.ledger.arrow.sessions import write_sessions
from engagement_ml.ledger.daily import KEYS, daily, merged
from engagement_ml.ledger.sessions import SessionRule, sessions_by_day, visits
from engagement_ml.tables.duplicates import Ids, apart, in_runs, to_keep

START = 1_709_000_000_000_000
HOUR = 3_600_000_000
NAMES = {"customer_id": "who", "event_type": "what", "timestamp": "at", "value": "worth"}
AMOUNTS = [0.0, 1.25, -3.000001, 5e-7, -5e-7, 1.5e-6, 2.5e-6, 123456.789, 1e10, float("nan")]


@st.composite
def files_of(draw: st.DrawFn) -> tuple[list[pa.Table], bool]:
    """Some files of events: unsorted, days in several of them, nulls, halves of a millionth."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    text, sorted_, nulls = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    far = draw(st.sampled_from([1, 10**6, 2**45, 2**60]))
    made = []
    for number in range(draw(st.integers(1, 4))):
        rows = draw(st.sampled_from([0, 1, 40, 200]))
        ids = rng.integers(-3, 4, rows) * far
        begin = START + number * draw(st.sampled_from([0, 24])) * HOUR
        when = begin + rng.integers(0, 60, rows) * (HOUR // 2)
        when = np.sort(when) if sorted_ else when
        gone = [rng.random(rows) < (0.1 if nulls else 0.0) for _ in range(4)]
        made.append(
            pa.table(
                {
                    "what": pa.array(rng.choice(["visit", "like", ""], rows), mask=gone[0]),
                    "at": pa.array(when, mask=gone[1]).cast(MOMENT),
                    "who": pa.array([f"c{i}" for i in ids] if text else ids,
                                    pa.string() if text else pa.int64(), mask=gone[2]),
                    "worth": pa.array(rng.choice(AMOUNTS, rows), mask=gone[3]),
                }
            )
        )  # fmt: skip
    return made, text


def write(folder: str, tables: list[pa.Table], *, bounds: bool = True) -> list[Path]:
    files = [Path(folder) / f"{i}.parquet" for i in range(len(tables))]
    for file, table in zip(files, tables, strict=True):
        pq.write_table(table, file, row_group_size=70, write_statistics=bounds)
    return files


def events_of(engine: DuckDBEngine, files: list[Path]) -> nw.LazyFrame[Any]:
    columns = ", ".join(f'"{own}" AS {name}' for name, own in NAMES.items() if name != "value")
    listed = ", ".join(f"'{file}'" for file in files)
    value = "CASE WHEN isfinite(worth) THEN worth END AS value"
    sql = f"SELECT {columns}, {value} FROM read_parquet([{listed}])"
    return engine.scan(engine.view(sql, source="events"))


def in_order(frame: nw.LazyFrame[Any], keys: tuple[str, ...]) -> pd.DataFrame:
    rows: pd.DataFrame = frame.collect("pandas").to_native()
    return rows.sort_values(list(keys)).reset_index(drop=True)


@settings(max_examples=40, deadline=None)
@given(made=files_of(), together=st.sampled_from([1, 130_000]), bounds=st.booleans())
def test_the_ledger_is_the_engines(
    made: tuple[list[pa.Table], bool], together: int, bounds: bool
) -> None:
    tables, text = made
    with (
        tempfile.TemporaryDirectory() as folder,
        open_duckdb(threads=1) as engine,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(reading, "TOGETHER", together)
        files, target = write(folder, tables, bounds=bounds), Path(folder) / "ledger"
        returned = write_daily(files, NAMES, target, integer_ids=not text)
        assert returned.num_rows == pq.read_metadata(target).num_rows
        ledger = engine.scan(engine.files([target], source="ledger"))
        expected = daily(events_of(engine, files))
        assert ledger.collect_schema() == expected.collect_schema()
        known = ledger.filter(~nw.col("day").is_null()).select(KEYS).collect("pandas").to_native()
        assert not known.duplicated().any()
        # Rows without a day are only counted, and may be in several rows.
        pd.testing.assert_frame_equal(
            in_order(merged(ledger), KEYS), in_order(expected, KEYS), check_exact=True
        )


@settings(max_examples=40, deadline=None)
@given(
    made=files_of(),
    gap=st.sampled_from([1, 30, 90]),
    only=st.sampled_from([None, ("like",), ("like", "visit")]),
    never=st.sampled_from([(), ("visit",)]),
)
def test_the_sessions_are_the_engines(
    made: tuple[list[pa.Table], bool],
    gap: int,
    only: tuple[str, ...] | None,
    never: tuple[str, ...],
) -> None:
    tables, text = made
    rule = SessionRule(gap * 60_000_000, only, never)
    names = {name: own for name, own in NAMES.items() if name != "value"}
    with tempfile.TemporaryDirectory() as folder, open_duckdb(threads=1) as engine:
        files, target = write(folder, tables), Path(folder) / "sessions"
        write_sessions(files, names, rule, target, integer_ids=not text)
        found = engine.scan(engine.files([target], source="sessions"))
        expected = sessions_by_day(visits(events_of(engine, files), rule), rule.gap)
        assert found.collect_schema() == expected.collect_schema()
        keys = ("customer_id", "day")
        pd.testing.assert_frame_equal(
            in_order(found, keys), in_order(expected, keys), check_exact=True
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
def test_what_needs_the_engine_is_left_to_it(changed: dict[str, Any], tmp_path: Path) -> None:
    columns = {name: values for name, values in (PLAIN | changed).items() if values is not None}
    pq.write_table(pa.table(columns), tmp_path / "file.parquet")
    with pytest.raises(UnfitError):
        write_daily([tmp_path / "file.parquet"], NAMES, tmp_path / "made", integer_ids=True)


def test_files_that_cannot_be_read_are_left_to_the_engine(tmp_path: Path) -> None:
    (tmp_path / "file.parquet").write_bytes(b"PAR1 no, it is not PAR1")
    with pytest.raises(UnfitError):
        list(tables_of([tmp_path / "file.parquet"], NAMES, integer_ids=True))
    with pytest.raises(UnfitError):
        list(integers_of([tmp_path / "file.parquet"], "who"))


@given(
    parts=st.lists(st.lists(st.integers(-12, 12), max_size=12), min_size=1, max_size=3),
    dtype=st.sampled_from([np.int64, np.uint64]),
)
def test_ids_come_back_as_they_were_kept(parts: list[list[int]], dtype: type) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ids = []
        for number, part in enumerate(parts):
            hashes = np.array(part, np.int64).astype(dtype)
            kept = to_keep(np.array_split(hashes, 3))
            np.save(Path(folder) / f"{number}.npy", kept)
            ids.append(Ids.told(Path(folder) / f"{number}.npy", kept))
            assert ids[-1].load().tolist() == np.sort(hashes).tolist()
            assert Ids.read(ids[-1].file, ids[-1].plain()) == ids[-1]
        every = [value for part in parts for value in part]
        for part, each in zip(parts, ids, strict=True):
            assert each.distinct == (len(set(part)) == len(part))
        if len(set(every)) < len(every):
            assert not apart(ids)


def test_ids_that_a_log_counts_up_take_no_room() -> None:
    days = [Ids.told(Path("kept"), np.arange(day * 100, day * 100 + 100)) for day in range(3)]
    assert in_runs(np.arange(1000)).size == 2
    assert apart(days[::-1])
    assert not apart([*days, Ids.told(Path("kept"), np.array([150]))])


@pytest.mark.parametrize("bounds", [True, False])
def test_a_day_of_several_files_is_grouped_once(bounds: bool, tmp_path: Path) -> None:
    hours = [[0, 1], [30, 31], [2, 3]]
    tables = [
        pa.table({**PLAIN, "at": pa.array([START + h * HOUR for h in each], MOMENT)})
        for each in hours
    ]
    files = write(str(tmp_path), tables, bounds=bounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "TOGETHER", 1)
        read = list(tables_of(files, NAMES, integer_ids=True))
    days = [{moment.date() for moment in table["timestamp"].to_pylist()} for table in read]
    assert [len(table) for table in read] == [4, 2]
    assert days[0].isdisjoint(days[1])
    assert min(days[0]) == dt.date(2024, 2, 27)
