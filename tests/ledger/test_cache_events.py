"""Continued runs: the same ledger as one run, whatever came when, and whenever a run was killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.features import build_panel
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.ledger.cache import batches, events, partitions
from engagement_ml.ledger.cache.store import MANIFEST
from engagement_ml.windows import plan_windows

WINDOWS = {"observation_days": 7, "outcome_days": 5, "every_days": 5}
START = pd.Timestamp("2024-02-20")
DAYS = 30


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_FROM", 1)
    monkeypatch.setattr(batches, "SMALLEST", 1)


def events_of(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 6, rows).astype("float64"),
            "timestamp": START
            + pd.to_timedelta(rng.integers(0, DAYS * 24 * 4, rows) / 4, unit="h"),
            "event_type": rng.choice(["visit", "like", ""], rows, p=[0.6, 0.3, 0.1]),
            "event_id": rng.choice([*"abcdefghij", None], rows),
            "value": np.where(rng.random(rows) < 0.5, np.nan, rng.integers(-500, 500, rows) / 100),
        }
    )
    frame.loc[rng.random(rows) < 0.05, "timestamp"] = pd.NaT
    frame["customer_id"] = frame["customer_id"].astype("Int64")
    return frame


def transactions() -> pd.DataFrame:
    moments = [START + pd.Timedelta(days=d, hours=7) for d in range(0, DAYS - 2, 3)]
    ids = [1 + i % 5 for i in range(len(moments))]
    return pd.DataFrame({"customer_id": ids, "timestamp": moments, "margin": 2.5})


def found(folder: Path, keep: Path | None) -> dict[str, Any]:
    config = parse_config(
        {
            "name": "kept",
            "windows": WINDOWS,
            "sources": {"events": str(folder / "events"),
                        "transactions": str(folder / "transactions.parquet")},
            "engine": {"keep": None if keep is None else str(keep)},
        }
    )  # fmt: skip
    with open_duckdb(threads=2) as engine:
        tables = read_tables(config, engine)
        windows = plan_windows(tables.history, config.windows)
        return {
            "quality": tables.quality,
            "counts": tables.event_counts,
            "amounts": tables.amounts,
            "ledger": ledger_of(tables),
            "rows": rows_of(tables),
            "panel": build_panel(tables, config, windows).frame,
        }


def sessions_of(folder: Path, keep: Path | None) -> pd.DataFrame:
    config = parse_config(
        {
            "name": "kept",
            "sources": {"events": str(folder / "events"),
                        "transactions": str(folder / "transactions.parquet")},
            "engine": {"keep": None if keep is None else str(keep)},
            "features": {"sessions": True},
        }
    )  # fmt: skip
    with open_duckdb(threads=2) as engine:
        sessions = read_tables(config, engine).sessions
        assert sessions is not None
        frame = sessions.collect("pandas").to_native()
    return frame.sort_values(["customer_id", "day"]).reset_index(drop=True)


def ledger_of(tables: Tables) -> pd.DataFrame:
    assert tables.ledger is not None
    frame = tables.ledger.collect("pandas").to_native()
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


def rows_of(tables: Tables) -> pd.DataFrame:
    frame = tables.events.collect("pandas").to_native()
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for key in ("quality", "counts", "amounts"):
        assert one[key] == other[key], key
    for key in ("ledger", "rows", "panel"):
        pd.testing.assert_frame_equal(one[key], other[key], check_exact=True)


def write(folder: Path, name: str, frame: pd.DataFrame) -> None:
    frame.to_parquet(folder / "events" / f"{name}.parquet", index=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "events").mkdir()
    transactions().to_parquet(tmp_path / "transactions.parquet", index=False)
    return tmp_path


@pytest.mark.parametrize("ids", ["counted up", "text"])
def test_plain_files_are_read_in_arrays_and_give_the_same(
    ids: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    plain = events_of(rng, 400)
    plain["timestamp"] = plain["timestamp"].astype("datetime64[us]")
    numbers = pd.Series(np.arange(len(plain)))
    plain["event_id"] = numbers if ids == "counted up" else "e" + numbers.astype(str)
    plain = plain.sort_values("timestamp")
    for number in range(5):
        write(folder, f"part-{number}", plain.iloc[80 * number : 80 * (number + 1)])
    with monkeypatch.context() as patch:
        patch.setattr(events, "KEEP_FROM", 10**12)
        expected, sessions = found(folder, None), sessions_of(folder, None)
    # The engine's own way is not gone.
    monkeypatch.setattr(partitions, "daily", None)
    monkeypatch.setattr(sessions, "sessions_by_day", None)
    assert_same(found(folder, folder / "kept"), expected)
    monkeypatch.undo()
    monkeypatch.setattr(events, "KEEP_FROM", 1)
    pd.testing.assert_frame_equal(sessions_of(folder, folder / "kept"), sessions)


STEP = st.sampled_from(["add", "add", "add", "correct", "remove"])


@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(STEP, min_size=1, max_size=4),
    by_day=st.booleans(),
)
def test_any_split_into_continued_runs_is_one_run(
    seed: int, steps: list[str], by_day: bool
) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "events").mkdir()
        transactions().to_parquet(folder / "transactions.parquet", index=False)
        first = events_of(rng, 60)
        first.loc[:1, ["timestamp", "event_type", "event_id"]] = [START, "visit", None]
        first.loc[:1, "customer_id"] = [1, 2]
        write(folder, "first", first)
        found(folder, folder / "keep")
        for i, step in enumerate(steps):
            files = sorted((folder / "events").glob("more-*.parquet"))
            rows = events_of(rng, 40)
            if step == "add" or not files:
                several = rows.groupby(rows["timestamp"].dt.date) if by_day else [(0, rows)]
                for name, part in several:
                    write(folder, f"more-{i}-{name}", part)
            elif step == "correct":
                rows.iloc[:20].to_parquet(files[0], index=False)
            else:
                files[-1].unlink()
            assert_same(found(folder, folder / "keep"), found(folder, None))
        shutil.rmtree(folder / "keep")
        assert_same(found(folder, folder / "keep"), found(folder, None))


def test_in_memory_and_in_parts_are_the_same(folder: Path, monkeypatch: Any) -> None:
    rng = np.random.default_rng(5)
    for i in range(4):
        write(folder, str(i), events_of(rng, 200))
    in_parts = found(folder, None)
    monkeypatch.setattr(events, "KEEP_FROM", 10**12)
    assert_same(in_parts, found(folder, None))


def opened_files(folder: Path, keep: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names of the event files that a run opens to read."""
    seen: set[str] = set()
    opening, writing = partitions.open_part, partitions.write_daily

    def note(engine: Any, one: Any, files: Any) -> Any:
        seen.update(file.stem for file in files)
        return opening(engine, one, files)

    def note_arrays(files: Any, *told: Any, **more: Any) -> None:
        seen.update(file.stem for file in files)
        writing(files, *told, **more)

    with monkeypatch.context() as patch:
        patch.setattr(partitions, "open_part", note)
        patch.setattr(partitions, "write_daily", note_arrays)
        found(folder, keep)
    return seen


def test_only_what_is_new_or_changed_is_read(folder: Path, monkeypatch: Any) -> None:
    rng = np.random.default_rng(1)
    keep = folder / "keep"
    for day in range(DAYS):
        rows = events_of(rng, 30)
        rows["timestamp"] = START + pd.Timedelta(days=day, hours=1)
        rows["event_id"] = [f"{day}-{i}" for i in range(30)]
        write(folder, f"day-{day:02}", rows)
    assert len(opened_files(folder, keep, monkeypatch)) == DAYS
    assert opened_files(folder, keep, monkeypatch) == set()
    rows["timestamp"] += pd.Timedelta(hours=1)
    rows["event_id"] = [f"new-{i}" for i in range(30)]
    write(folder, "day-99", rows)
    assert opened_files(folder, keep, monkeypatch) == {"day-99"}
    rows["event_id"] = [f"newer-{i}" for i in range(30)]
    write(folder, "day-07", rows)
    again = opened_files(folder, keep, monkeypatch)
    assert "day-07" in again
    assert len(again) <= DAYS // 4


def test_a_late_repeat_of_an_early_event_changes_its_day(folder: Path) -> None:
    rows = events_of(np.random.default_rng(2), 50).dropna(subset=["timestamp"])
    rows["event_id"] = [str(i) for i in range(len(rows))]
    rows["event_type"] = "visit"
    write(folder, "b", rows)
    keep = folder / "keep"
    before = found(folder, keep)
    earlier = rows.iloc[[0]].assign(timestamp=START)
    write(folder, "a", earlier)
    after = found(folder, keep)
    assert_same(after, found(folder, None))
    assert after["quality"][0].rows_kept == before["quality"][0].rows_kept
    assert after["quality"][0].rows_read == before["quality"][0].rows_read + 1


@pytest.mark.parametrize("harm", ["manifest cut", "ledger cut", "ledger gone", "rubbish beside"])
def test_a_damaged_store_costs_time_only(folder: Path, harm: str) -> None:
    for i in range(3):
        write(folder, str(i), events_of(np.random.default_rng(i), 100))
    keep = folder / "keep"
    expected = found(folder, keep)
    manifest = next(keep.rglob(MANIFEST))
    ledger = next(keep.rglob("ledger-*.parquet"))
    if harm == "manifest cut":
        manifest.write_text(manifest.read_text()[:50])
    elif harm == "ledger cut":
        ledger.write_bytes(ledger.read_bytes()[:-10])
    elif harm == "ledger gone":
        ledger.unlink()
    else:
        (manifest.parent / ".ledger-1.parquet.part").write_text("half")
    assert_same(found(folder, keep), expected)
    assert not list(keep.rglob("*.part"))


def test_two_runs_at_once_do_not_meet(folder: Path) -> None:
    write(folder, "a", events_of(np.random.default_rng(3), 100))
    keep = folder / "keep"
    expected = found(folder, keep)
    config = parse_config(
        {
            "name": "kept",
            "windows": WINDOWS,
            "sources": {"events": str(folder / "events"),
                        "transactions": str(folder / "transactions.parquet")},
            "engine": {"keep": str(keep)},
        }
    )  # fmt: skip
    with open_duckdb() as engine:
        read_tables(config, engine)
        before = sorted(keep.rglob("*"))
        write(folder, "b", events_of(np.random.default_rng(4), 100))
        second = found(folder, keep)
        assert sorted(keep.rglob("*")) == before
    assert second["quality"] != expected["quality"]
    assert_same(found(folder, keep), second)


def test_a_number_that_does_not_fit_is_named_and_nothing_of_it_kept(folder: Path) -> None:
    write(folder, "a", events_of(np.random.default_rng(3), 100))
    bad = events_of(np.random.default_rng(4), 100)
    bad.loc[17, "value"] = np.inf
    write(folder, "b", bad)
    keep = folder / "keep"
    with pytest.raises(InputError, match=r"column 'value', row 118: expected a finite number"):
        found(folder, keep)
    bad.loc[17, "value"] = 1.0
    write(folder, "b", bad)
    assert_same(found(folder, keep), found(folder, None))


RUN = """
    import os
    import signal
    import sys
    from engagement_ml.ledger.cache import batches
    from engagement_ml.ledger.cache import events
    events.KEEP_FROM = batches.SMALLEST = 1
    from engagement_ml.config import parse_config
    from engagement_ml.engine import open_engine
    from engagement_ml.inputs import read_tables
    folder, last = sys.argv[1], int(sys.argv[2])
    operations = 0
    def count_operation(event, arguments):
        global operations
        if event.startswith(("open", "os.", "shutil.")) and f"{folder}/keep" in str(arguments):
            operations += 1
            if operations == last:
                os.kill(os.getpid(), signal.SIGKILL)
    config = parse_config({
        "name": "kept",
        "sources": {"events": f"{folder}/events", "transactions": f"{folder}/transactions.parquet"},
        "engine": {"keep": f"{folder}/keep", "threads": 1},
        "features": {"sessions": True},
    })
    with open_engine(config.engine) as engine:
        sys.addaudithook(count_operation)
        read_tables(config, engine)
    print(operations)
"""


def killed_runs(folder: Path, times: int, rng: np.random.Generator) -> Iterator[bool]:
    """Start runs, each killed before a random file operation; yield whether it was killed.

    File operations within the cache are counted, not seconds, so that the load of the machine does
    not matter.
    """

    def run(place: Path, operation: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(RUN), str(place), str(operation)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )

    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        whole = run(Path(copy), 0)
    assert whole.returncode == 0
    operations = int(whole.stdout)
    assert operations > 20
    for _ in range(times):
        killed = run(folder, int(rng.integers(1, operations))).returncode
        assert killed in (0, -signal.SIGKILL)
        yield killed != 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_kill_at_any_moment_leaves_what_can_be_used(folder: Path) -> None:
    rng = np.random.default_rng(9)
    rows = events_of(rng, 4000)
    for i, (_, part) in enumerate(rows.groupby(np.arange(len(rows)) % 12)):
        write(folder, f"{i:02}", part)
    cut = 0
    for i, killed in enumerate(killed_runs(folder, 10, rng)):
        cut += killed
        if i % 3 == 2:
            shutil.copy(folder / "events" / "00.parquet", folder / "events" / f"9{i}.parquet")
            (folder / "events" / f"{i:02}.parquet").unlink()
    assert cut > 2
    assert_same(found(folder, folder / "keep"), found(folder, None))
    kept_ones, others = (sessions_of(folder, keep) for keep in (folder / "keep", None))
    pd.testing.assert_frame_equal(kept_ones, others, check_exact=True)
    assert not list((folder / "keep").rglob("*.part"))
