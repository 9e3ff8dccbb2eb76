"""Sessions of runs that continue from the cache equal those of one run; few are recomputed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.features import build_panel
from engagement_ml.inputs import read_tables
from engagement_ml.ledger.cache import batches, builder, events, sessions
from engagement_ml.windows import plan_windows

START = pd.Timestamp("2024-02-20")
DAYS = 30


@pytest.fixture(autouse=True)
def small_files_are_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MIN_CACHED_BYTES", 1)
    monkeypatch.setattr(batches, "SMALLEST", 1)


def events_of(rng: np.random.Generator, rows: int, days: tuple[int, int] = (0, DAYS)) -> Any:
    """Bursts of events ten or twenty minutes apart, some across midnight, with duplicates."""
    burst = np.cumsum(rng.random(rows) < 0.3)
    starts = rng.integers(days[0] * 144, days[1] * 144, rows)[burst % rows]
    frame = pd.DataFrame(
        {
            "customer_id": (1 + burst % 5).astype("float64"),
            "timestamp": START + pd.to_timedelta(10 * (starts + rng.integers(0, 9, rows)), "m"),
            "event_type": rng.choice(["visit", "like", "beat", ""], rows, p=[0.5, 0.3, 0.1, 0.1]),
            "event_id": rng.choice([*"abcdefghijklm", None, None], rows),
            "direction": rng.choice(["inbound", "outbound", None], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.05, "timestamp"] = pd.NaT
    frame["customer_id"] = frame["customer_id"].astype("Int64")
    return frame


def settings_of(folder: Path, keep: Path | None, **sessions: Any) -> Any:
    return parse_config(
        {
            "name": "kept",
            "windows": {"observation_days": 7, "outcome_days": 5, "every_days": 5},
            "sources": {"events": str(folder / "events"),
                        "transactions": str(folder / "transactions.parquet")},
            "behaviours": {"beat": {"role": "ignore"}},
            "features": {"sessions": sessions},
            "engine": {"keep": None if keep is None else str(keep)},
        }
    )  # fmt: skip


def results_of(folder: Path, keep: Path | None, **sessions: Any) -> pd.DataFrame:
    """Return the ledger of sessions."""
    with open_duckdb(threads=2) as engine:
        tables = read_tables(settings_of(folder, keep, **sessions), engine)
        assert tables.sessions is not None
        ledger: pd.DataFrame = tables.sessions.collect("pandas").to_native()
    return ledger.sort_values(["customer_id", "day"]).reset_index(drop=True)


def panel_of(folder: Path, keep: Path | None) -> pd.DataFrame:
    config = settings_of(folder, keep)
    with open_duckdb(threads=2) as engine:
        tables = read_tables(config, engine)
        windows = plan_windows(tables.history, config.windows)
        return build_panel(tables, config, windows).frame


def assert_same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    assert len(left)
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def in_memory(
    folder: Path, read: Callable[[Path, None], pd.DataFrame] = results_of
) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "MIN_CACHED_BYTES", 10**12)
        return read(folder, None)


def write(folder: Path, name: str, frame: pd.DataFrame) -> None:
    frame.to_parquet(folder / "events" / f"{name}.parquet", index=False)


def prepare(folder: Path, rng: np.random.Generator) -> None:
    (folder / "events").mkdir()
    moments = [START + pd.Timedelta(days=d, hours=7) for d in range(0, DAYS - 2, 3)]
    ids = [1 + i % 5 for i in range(len(moments))]
    paid = pd.DataFrame({"customer_id": ids, "timestamp": moments, "margin": 2.5})
    paid.to_parquet(folder / "transactions.parquet", index=False)
    first = events_of(rng, 80)
    first.loc[:2, ["timestamp", "event_id"]] = [START, None]
    first.loc[:2, "event_type"] = ["visit", "visit", "beat"]
    first.loc[:1, "customer_id"] = [1, 2]
    write(folder, "first", first)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepare(tmp_path, np.random.default_rng(0))
    return tmp_path


STEP = st.sampled_from(["add", "add", "add", "correct", "remove"])


@pytest.mark.seldom
@settings(max_examples=3, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(STEP, min_size=1, max_size=3),
    by_day=st.booleans(),
    at_a_time=st.sampled_from([1, 60, 10**6]),
)
def test_runs_that_continue_from_the_cache_equal_one_run(
    seed: int, steps: list[str], by_day: bool, at_a_time: int
) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "MOST_EVENTS", at_a_time)
        folder = Path(temporary)
        prepare(folder, rng)
        results_of(folder, folder / "keep")
        for i, step in enumerate(steps):
            files = sorted((folder / "events").glob("more-*.parquet"))
            rows = events_of(rng, 60)
            if step == "add" or not files:
                several = rows.groupby(rows["timestamp"].dt.date) if by_day else [(0, rows)]
                for name, part in several:
                    write(folder, f"more-{i}-{name}", part)
            elif step == "correct":
                rows.iloc[:30].to_parquet(files[0], index=False)
            else:
                files[-1].unlink()
            assert_same(results_of(folder, folder / "keep"), in_memory(folder))
        assert_same(panel_of(folder, folder / "keep"), in_memory(folder, panel_of))


def recomputed(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[set[str]]:
    """Return the files of each piece of the ledger of sessions that a run recomputes."""
    names: dict[str, set[str]] = {}
    pieces: list[set[str]] = []
    canonical, sessions_by_day = builder.canonical, sessions.sessions_by_day
    aggregate_files = sessions.aggregate_files

    def noted_canonical(engine: Any, table: Any, **keywords: Any) -> str:
        view = canonical(engine, table, **keywords)
        names[view] = {file.stem for file in table.files}
        return view

    def noted_sessions(visits: Any, gap: int) -> Any:
        sql = visits.to_native().sql_query()
        files = [stems for view, stems in names.items() if f'"{view}"' in sql]
        assert files
        pieces.append(set().union(*files))
        return sessions_by_day(visits, gap)

    def noted_aggregate(files: Any, *arguments: Any, **keywords: Any) -> None:
        aggregate_files(files, *arguments, **keywords)
        pieces.append({file.stem for file in files})

    with monkeypatch.context() as patch:
        patch.setattr(builder, "canonical", noted_canonical)
        patch.setattr(sessions, "aggregate_files", noted_aggregate)
        patch.setattr(sessions, "sessions_by_day", noted_sessions)
        results_of(folder, folder / "keep", **settings)
    return pieces


def test_only_sessions_of_new_or_changed_days_are_recomputed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    prepare(tmp_path, rng)
    (tmp_path / "events" / "first.parquet").unlink()
    for day in range(DAYS):
        rows = events_of(rng, 30, (day, day + 1))
        midnight = START + pd.Timedelta(days=day)
        rows["timestamp"] = rows["timestamp"].clip(midnight, midnight + pd.Timedelta(hours=23))
        rows["event_id"] = [f"{day}-{i}" for i in range(30)]
        rows.loc[:1, "event_type"] = ["visit", "beat"]
        write(tmp_path, f"day-{day:02}", rows)
    assert len(recomputed(tmp_path, monkeypatch)) > DAYS // 2
    assert recomputed(tmp_path, monkeypatch) == []
    # Another gap has another ledger; the first ledger remains.
    assert len(recomputed(tmp_path, monkeypatch, gap_minutes=10)) > DAYS // 2
    assert recomputed(tmp_path, monkeypatch) == []
    late = rows.assign(timestamp=START + pd.Timedelta(days=7, hours=5), event_id=None)
    late["event_id"] = late["event_id"].astype("string")
    write(tmp_path, "late", late)
    again = recomputed(tmp_path, monkeypatch)
    # The late day is computed from both batches that hold it; no other day is recomputed.
    assert len(again) == 1
    assert {"late", "day-07"} <= again[0] <= {"late", "day-06", "day-07", "day-08"}
    assert_same(results_of(tmp_path, tmp_path / "keep"), in_memory(tmp_path))


@pytest.mark.parametrize("harm", ["cut", "gone", "rubbish beside"])
def test_a_damaged_store_costs_only_time(folder: Path, harm: str) -> None:
    rng = np.random.default_rng(2)
    for i in range(3):
        write(folder, f"more-{i}", events_of(rng, 80))
    expected = results_of(folder, folder / "keep")
    piece = next((folder / "keep").rglob("sessions-*.parquet"))
    if harm == "cut":
        piece.write_bytes(piece.read_bytes()[:-10])
    elif harm == "gone":
        piece.unlink()
    else:
        (piece.parent / ".sessions-1.parquet.part").write_text("half")
    assert_same(results_of(folder, folder / "keep"), expected)
    assert not list((folder / "keep").rglob("*.part"))
