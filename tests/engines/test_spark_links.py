"""Links on Spark give the events, margins, entries and teams of DuckDB and Polars."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.features import build_periods
from engagement_ml.features.daily_totals import entities
from engagement_ml.inputs import read_tables
from engagement_ml.measures.periods import Periods
from engagement_ml.workflow.scorecards.team_rows import team_cells
from tests.engines.conftest import PolarsEngine
from tests.inputs.test_links import make_frames


def everything(engine: Engine, level: str) -> dict[str, Any]:
    """Return all that links change, as plain values."""
    frames: dict[str, Any] = make_frames(3)
    links = frames["links"]
    links["team"] = "team " + (links["actor_id"].str[1:].astype(int) % 2).astype(str)
    frames["links"] = links
    if isinstance(engine, PolarsEngine):
        frames = {name: pl.from_pandas(frame).lazy() for name, frame in frames.items()}
    config = PipelineConfig.model_validate({"name": "shop", "links": {"level": level}})
    tables = read_tables(config, engine, frames, extra=True)
    periods = build_periods(tables, config, until=tables.history.end)
    names = ("customer_id", "timestamp", "event_type", "value")
    rows = [tuple(map(str, row.values())) for row in _rows(engine, tables.events.select(*names))]
    paid = [
        (str(row["customer_id"]), str(row["timestamp"]), round(row["margin"], 9))
        for row in _rows(engine, tables.transactions)
    ]
    entry = {row["customer_id"]: str(pd.Timestamp(row["entry"])) for row in _rows(
        engine, entities(tables, config))}  # fmt: skip
    cells = team_cells(tables, Periods.within(tables.history, "month", 3))
    return {
        "events": sorted(rows),
        "paid": sorted(paid),
        "entry": entry,
        "counts": dict(tables.event_counts),
        "derived": tables.derived_types,
        "behaviours": tables.behaviours,
        "clusters": None if periods.clusters is None else periods.clusters.tolist(),
        "periods": periods.counts.sum(axis=(0, 1)).tolist(),
        "teams": sorted((c.team, c.period, c.of, c.n, round(c.total, 6)) for c in cells),
        "notes": [note.replace("polars LazyFrame", "pandas DataFrame") for note in tables.notes],
    }


def _rows(engine: Engine, frame: Any) -> list[dict[str, Any]]:
    return list(engine.rows(frame, source="links"))


@pytest.mark.parametrize("level", ["customers", "actors"])
def test_links_on_polars(polars_engine: PolarsEngine, level: str) -> None:
    with open_duckdb(threads=1) as engine:
        expected = everything(engine, level)
    assert everything(polars_engine, level) == expected


@pytest.mark.seldom
@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("level", ["customers", "actors"])
def test_links_on_spark(spark_engine: Any, level: str) -> None:
    with open_duckdb(threads=1) as engine:
        expected = everything(engine, level)
    assert everything(spark_engine, level) == expected
