"""The check on Spark: the same faults, and the same numbers, as on DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.readiness import CheckResult, check_tables
from tests.doors import as_csv, as_parquet
from tests.readiness.test_faults import check_faults, tables

CONFIG = parse_config(
    {"name": "shop", "windows": {"observation_days": 7, "outcome_days": 7, "every_days": 7}}
)


def found(engine: Engine, sources: dict[str, Any]) -> dict[str, Any]:
    """The document without names of sources and what differs by the order of sums."""
    result: CheckResult = check_tables(CONFIG, engine, sources)
    document = result.to_dict()
    for table in document["tables"]:
        del table["source"]
    return document


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_spark_reports_every_fault(spark_engine: Engine, tmp_path: Path) -> None:
    check_faults(spark_engine, lambda frame, name: as_csv(frame, tmp_path, name))


@pytest.mark.seldom
@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_spark_measures_what_duckdb_measures(spark_engine: Engine, tmp_path: Path) -> None:
    frames = tables(days=60, customers=40)
    moved = frames["events"].index % 7 < frames["events"]["customer_id"] % 5
    frames["events"].loc[moved, "event_type"] = "call"
    sources = {name: as_parquet(frame, tmp_path, name) for name, frame in frames.items()}
    with open_duckdb() as engine:
        expected = found(engine, sources)
    assert expected["usable"]
    document = found(spark_engine, sources)
    measured = [each.pop("variation").pop("behaviours") for each in (document, expected)]
    assert document == expected
    for left, right in zip(*measured, strict=True):
        assert {
            k: pytest.approx(v, rel=1e-6) for k, v in right.items() if isinstance(v, float)
        } == {k: v for k, v in left.items() if isinstance(v, float)}
