"""The engines that hold the data: DuckDB in this process, or Spark; one interface over both."""

from __future__ import annotations

from engagement_ml.engine.base import LOTS, ZONE, Engine, LazyEngine, one_line
from engagement_ml.engine.duckdb import DuckDBEngine
from engagement_ml.engine.factory import open_duckdb, open_engine

__all__ = [
    "LOTS",
    "ZONE",
    "DuckDBEngine",
    "Engine",
    "LazyEngine",
    "one_line",
    "open_duckdb",
    "open_engine",
]
