"""Query engines: DuckDB in this process or Spark, behind one interface."""

from __future__ import annotations

from engagement_ml.engine.base import PERMANENT_RANDOM_NUMBERS, Engine, LazyEngine, one_line
from engagement_ml.engine.duckdb import DuckDBEngine
from engagement_ml.engine.factory import open_duckdb, open_engine

__all__ = [
    "PERMANENT_RANDOM_NUMBERS",
    "DuckDBEngine",
    "Engine",
    "LazyEngine",
    "one_line",
    "open_duckdb",
    "open_engine",
]
