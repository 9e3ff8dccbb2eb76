"""Large Parquet files are not read whole: row groups spread over all files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engagement_ml as em
from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import read_tables
from engagement_ml.readiness import row_samples

DAYS, PER_DAY, CUSTOMERS = 120, 200, 100
CONFIG = {"name": "shop", "engine": {"keep": None},
          "windows": {"observation_days": 14, "outcome_days": 14}}  # fmt: skip


@pytest.fixture
def read_groups(monkeypatch) -> list[tuple[str, int]]:
    """The row groups that are read; tables count as large from 10,000 rows on."""
    found = []
    original = row_samples._first_batches

    def noted(group: Any, *arguments: Any) -> Any:
        found.append((group.file.parent.name, group.number))
        return original(group, *arguments)

    for name, value in {
        "LARGE_BYTES": 0,
        "LARGE_ROWS": 10_000,
        "LARGE_TABLE": 10_000,
        "SAMPLE_ROWS": 2_000,
    }.items():
        monkeypatch.setattr(row_samples, name, value)
    monkeypatch.setattr(row_samples, "_first_batches", noted)
    return found


def write(folder: Path, **changes: Any) -> dict[str, Path]:
    """Events in a folder per day, two row groups each, and few transactions."""
    rng = np.random.default_rng(0)
    for i, day in enumerate(pd.date_range("2024-01-01", periods=DAYS)):
        seconds = np.sort(rng.integers(0, 86_400, PER_DAY))
        rows = pd.DataFrame({
            "Customer_ID": rng.integers(1, CUSTOMERS, PER_DAY),
            "timestamp": day + pd.to_timedelta(seconds, unit="s"),
            "event_type": rng.choice(["visit", "call"], PER_DAY),
            "value": 1.0,
        }).assign(**changes)  # fmt: skip
        target = folder / "events" / f"part={1000 + i}"
        target.mkdir(parents=True)
        pq.write_table(pa.table(rows), target / "a.parquet", row_group_size=PER_DAY // 2)
    paid = pd.DataFrame({
        "customer_id": np.tile(np.arange(1, CUSTOMERS), 20),
        "timestamp": pd.to_datetime("2024-01-01")
        + pd.to_timedelta(np.sort(rng.integers(0, DAYS * 86_400, 20 * (CUSTOMERS - 1))), unit="s"),
        "margin": 2.5,
    })  # fmt: skip
    paid.to_parquet(folder / "transactions.parquet")
    return {"events": folder / "events", "transactions": folder / "transactions.parquet"}


def test_a_part_of_the_row_groups_is_read(tmp_path, read_groups):
    result = em.check(CONFIG, frames=write(tmp_path), progress=False)
    assert result.usable
    events, paid = result.tables
    assert len(read_groups) == 20
    assert {name for name, _ in read_groups} >= {"part=1000", f"part={999 + DAYS}"}
    assert events.sampled == row_samples.SampledRows(2_000, DAYS * PER_DAY, 20, 2 * DAYS)
    assert events.rows_read == 2_000
    assert paid.sampled is None
    assert result.history.days == DAYS
    notes = " ".join(result.notes)
    assert "Of events, a sample was read: 2,000 of 24,000 rows, from 20 of 240 row groups" in notes
    assert "The smallest effects are approximate" in notes
    assert "days from the nearest" not in notes
    counts = {b.behaviour: b.events for b in result.variation.behaviours}
    assert counts["visit"] == pytest.approx(DAYS * PER_DAY / 2, rel=0.1)


def test_faults_of_values_are_found_in_the_sample(tmp_path, read_groups):
    frames = write(tmp_path, value="much")
    result = em.check(CONFIG, frames=frames, progress=False)
    assert ["expected a number, found 'much'" in fault.message for fault in result.faults] == [True]


def test_what_a_sample_lacks_is_no_fault(tmp_path, read_groups):
    """Other rows may have a rare event type; files sorted by customer share none in the samples."""
    frames = write(tmp_path, **{"Customer_ID": range(1000, 1000 + PER_DAY)})
    result = em.check({**CONFIG, "behaviours": {"mail": {}}}, frames=frames, progress=False)
    assert result.usable
    doubts = [note for note in result.notes if note.startswith("The sample of rows may lack")]
    assert ["event of type 'mail'" in doubts[0], "no customer in common" in doubts[1]] == [True] * 2
    assert not any("Only" in note for note in result.notes)
    with pytest.raises(em.EngagementError, match="no customer in common"), open_duckdb() as engine:
        read_tables(parse_config(CONFIG), engine, frames)


def test_small_files_are_read_whole(tmp_path, read_groups, monkeypatch):
    monkeypatch.setattr(row_samples, "LARGE_ROWS", 10**6)
    result = em.check(CONFIG, frames=write(tmp_path), progress=False)
    assert read_groups == []
    assert result.tables[0].rows_read == DAYS * PER_DAY


def test_partition_keys_are_columns_of_the_sample(tmp_path, read_groups):
    frames = write(tmp_path)
    keys = {**CONFIG, "columns": {"events": {"value": "part"}}}
    result = em.check(keys, frames=frames, progress=False)
    assert result.usable
    assert result.tables[0].rows_kept == 2_000


@pytest.mark.parametrize(("n", "chosen"), [(1, [0]), (3, [0, 1, 2]), (1000, 20)])
def test_row_groups_are_spread_from_the_first_to_the_last(n, chosen, monkeypatch):
    monkeypatch.setattr(row_samples, "SAMPLE_ROWS", 2_000)
    groups = [row_samples.RowGroup(Path("a"), i, 100) for i in range(n)]
    numbers = [group.number for group in row_samples.spread(groups)]
    assert numbers == chosen or (len(numbers), numbers[0], numbers[-1]) == (chosen, 0, n - 1)


def test_large_transactions_are_sampled_too(tmp_path, read_groups, monkeypatch):
    """Customers are counted by how often the sample holds the same one; margin is scaled."""
    frames = write(tmp_path)
    exact = em.check(CONFIG, frames=frames, progress=False)
    monkeypatch.setattr(row_samples, "LARGE_TABLE", 1_000)
    monkeypatch.setattr(row_samples, "SAMPLE_ROWS", 500)
    result = em.check(CONFIG, frames=frames, progress=False)
    events, paid = result.tables
    assert events.rows_kept == events.rows_read
    assert paid.sampled == row_samples.SampledRows(500, 20 * (CUSTOMERS - 1), 1, 1)
    assert result.variation.customers == pytest.approx(CUSTOMERS - 1, rel=0.15)
    assert result.variation.mean_margin == pytest.approx(exact.variation.mean_margin, rel=0.15)
    assert result.history == exact.history
