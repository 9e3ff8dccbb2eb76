"""NaN among the amounts of events in a Parquet file is a missing value, as Polars writes it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_duckdb
from engagement_ml.features.daily_totals import daily_events
from engagement_ml.inputs import read_tables

START = dt.datetime(2024, 1, 1)


def tables_with(
    missing: float | None, folder: Path, repeats: bool
) -> tuple[pl.DataFrame, list[object]]:
    rng = np.random.default_rng(5)
    n = 400
    moments = [START + dt.timedelta(hours=int(h)) for h in rng.integers(0, 24 * 100, n)]
    values = [
        missing if hole else float(v)
        for hole, v in zip(rng.random(n) < 0.3, rng.random(n), strict=True)
    ]
    events = {
        "customer_id": rng.integers(0, 20, n),
        "timestamp": moments,
        "event_type": rng.choice(["a", "b"], n),
        "value": pl.Series(values, dtype=pl.Float64),
    }
    if repeats:
        events["event_id"] = np.arange(n) % 300
    pl.DataFrame(events).write_parquet(folder / "events.parquet")
    paid = {name: events[name] for name in ("customer_id", "timestamp")}
    pl.DataFrame(paid | {"margin": np.ones(n)}).write_parquet(folder / "transactions.parquet")
    given = {name: folder / f"{name}.parquet" for name in ("events", "transactions")}
    with open_duckdb() as engine:
        tables = read_tables(PipelineConfig(name="shop"), engine, given)
        ledger = pl.from_arrow(daily_events(tables).collect("pyarrow").to_native())
        return ledger.sort("customer_id", "event_type", "day"), [
            (q.table, q.rows_kept, q.dropped) for q in tables.quality
        ]


@pytest.mark.parametrize("repeats", [False, True])
def test_nan_is_read_as_null(tmp_path: Path, repeats: bool) -> None:
    found, quality = tables_with(float("nan"), tmp_path, repeats)
    expected, of_nulls = tables_with(None, tmp_path, repeats)
    assert found.equals(expected)
    assert quality == of_nulls
    assert 0 < found["value"].sum() < 1_000_000 * found["n"].sum()
