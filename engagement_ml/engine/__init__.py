"""The engines that hold the data: DuckDB embedded, Spark; one small interface over both."""

from __future__ import annotations

from engagement_ml.engine.base import LOTS, ZONE, Engine, LazyEngine, one_line
from engagement_ml.engine.duckdb import DuckDBEngine

__all__ = ["LOTS", "ZONE", "DuckDBEngine", "Engine", "LazyEngine", "one_line"]
