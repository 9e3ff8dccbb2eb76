"""Runs that continue from the cache give the ledger of one run, even after a run was killed."""

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
from engagement_ml.ledger.cache import batches, builder, events
from engagement_ml.ledger.cache.store import MANIFEST
from engagement_ml.windows import plan_windows

WINDOWS = {"observation_days": 7, "outcome_days": 5, "every_days": 5}
START = pd.Timestamp("2024-02-20")
DAYS = 30


@pytest.fixture(autouse=True)
def small_files_are_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MIN_CACHED_BYTES", 1)
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


def results_of(folder: Path, keep: Path | None) -> dict[str, Any]:
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


def assert_same(left: dict[str, Any], right: dict[str, Any]) -> None:
    for key in ("quality", "counts", "amounts"):
        assert left[key] == right[key], key
    for key in ("ledger", "rows", "panel"):
        pd.testing.assert_frame_equal(left[key], right[key], check_exact=True)


def write(folder: Path, name: str, frame: pd.DataFrame) -> None:
    frame.to_parquet(folder / "events" / f"{name}.parquet", index=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "events").mkdir()
    transactions().to_parquet(tmp_path / "transactions.parquet", index=False)
    return tmp_path


@pytest.mark.parametrize("ids", ["counted up", "text"])
def test_plain_files_are_aggregated_in_arrays_with_the_same_result(
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
        patch.setattr(events, "MIN_CACHED_BYTES", 10**12)
        expected, expected_sessions = results_of(folder, None), sessions_of(folder, None)
    with monkeypatch.context() as patch:
        # The engine does not aggregate any batch.
        patch.setattr(builder, "aggregate_by_day", None)
        assert_same(results_of(folder, folder / "kept"), expected)
    pd.testing.assert_frame_equal(sessions_of(folder, folder / "kept"), expected_sessions)


STEP = st.sampled_from(["add", "add", "add", "correct", "remove"])


@pytest.mark.seldom
@settings(max_examples=3, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(STEP, min_size=1, max_size=4),
    by_day=st.booleans(),
)
def test_runs_that_continue_from_the_cache_equal_one_run(
    seed: int, steps: list[str], by_day: bool
) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "events").mkdir()
        transactions().to_parquet(folder / "transactions.parquet", index=False)
        first = events_of(rng, 60)
        first.loc[:1, ["timestamp", "event_type", "event_id"]] = [START, "visit", None]
        first.loc[:1, "customer_id"] = [1, 2]
        write(folder, "first", first)
        results_of(folder, folder / "keep")
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
            assert_same(results_of(folder, folder / "keep"), results_of(folder, None))
        shutil.rmtree(folder / "keep")
        assert_same(results_of(folder, folder / "keep"), results_of(folder, None))


def test_in_memory_and_in_partitions_are_the_same(folder: Path, monkeypatch: Any) -> None:
    rng = np.random.default_rng(5)
    for i in range(4):
        write(folder, str(i), events_of(rng, 200))
    in_partitions = results_of(folder, None)
    monkeypatch.setattr(events, "MIN_CACHED_BYTES", 10**12)
    assert_same(in_partitions, results_of(folder, None))


def opened_files(folder: Path, keep: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names of the event files that a run opens to read."""
    seen: set[str] = set()
    open_files, aggregate_files = builder.open_files, builder.aggregate_files

    def noted_open(engine: Any, table: Any, files: Any) -> Any:
        seen.update(file.stem for file in files)
        return open_files(engine, table, files)

    def noted_aggregate(files: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.update(file.stem for file in files)
        return aggregate_files(files, *arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(builder, "open_files", noted_open)
        patch.setattr(builder, "aggregate_files", noted_aggregate)
        results_of(folder, keep)
    return seen


def test_only_new_or_changed_files_are_read(folder: Path, monkeypatch: Any) -> None:
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


def test_a_duplicate_that_arrives_late_changes_the_day_of_an_earlier_file(folder: Path) -> None:
    rows = events_of(np.random.default_rng(2), 50).dropna(subset=["timestamp"])
    rows["event_id"] = [str(i) for i in range(len(rows))]
    rows["event_type"] = "visit"
    write(folder, "b", rows)
    keep = folder / "keep"
    before = results_of(folder, keep)
    earlier = rows.iloc[[0]].assign(timestamp=START)
    write(folder, "a", earlier)
    after = results_of(folder, keep)
    assert_same(after, results_of(folder, None))
    assert after["quality"][0].rows_kept == before["quality"][0].rows_kept
    assert after["quality"][0].rows_read == before["quality"][0].rows_read + 1


@pytest.mark.parametrize("harm", ["manifest cut", "ledger cut", "ledger gone", "rubbish beside"])
def test_a_damaged_store_costs_only_time(folder: Path, harm: str) -> None:
    for i in range(3):
        write(folder, str(i), events_of(np.random.default_rng(i), 100))
    keep = folder / "keep"
    expected = results_of(folder, keep)
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
    assert_same(results_of(folder, keep), expected)
    assert not list(keep.rglob("*.part"))


def test_two_concurrent_runs_do_not_share_a_store(folder: Path) -> None:
    write(folder, "a", events_of(np.random.default_rng(3), 100))
    keep = folder / "keep"
    expected = results_of(folder, keep)
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
        second = results_of(folder, keep)
        assert sorted(keep.rglob("*")) == before
    assert second["quality"] != expected["quality"]
    assert_same(results_of(folder, keep), second)


def test_a_number_that_does_not_fit_is_named_and_not_cached(folder: Path) -> None:
    write(folder, "a", events_of(np.random.default_rng(3), 100))
    bad = events_of(np.random.default_rng(4), 100)
    bad.loc[17, "value"] = np.inf
    write(folder, "b", bad)
    keep = folder / "keep"
    with pytest.raises(InputError, match=r"column 'value', row 118: expected a finite number"):
        results_of(folder, keep)
    bad.loc[17, "value"] = 1.0
    write(folder, "b", bad)
    assert_same(results_of(folder, keep), results_of(folder, None))


RUN = """
    import os
    import signal
    import sys
    from engagement_ml.ledger.cache import batches
    from engagement_ml.ledger.cache import events
    events.MIN_CACHED_BYTES = batches.SMALLEST = 1
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


@pytest.mark.seldom
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_run_killed_at_any_moment_leaves_a_usable_store(folder: Path) -> None:
    rng = np.random.default_rng(9)
    rows = events_of(rng, 4000)
    for i, (_, part) in enumerate(rows.groupby(np.arange(len(rows)) % 12)):
        write(folder, f"{i:02}", part)
    n_killed = 0
    for i, killed in enumerate(killed_runs(folder, 7, rng)):
        n_killed += killed
        if i % 3 == 2:
            shutil.copy(folder / "events" / "00.parquet", folder / "events" / f"9{i}.parquet")
            (folder / "events" / f"{i:02}.parquet").unlink()
    assert n_killed > 2
    assert_same(results_of(folder, folder / "keep"), results_of(folder, None))
    cached, computed = (sessions_of(folder, keep) for keep in (folder / "keep", None))
    pd.testing.assert_frame_equal(cached, computed, check_exact=True)
    assert not list((folder / "keep").rglob("*.part"))
