"""The engines of the measures' tests."""

from __future__ import annotations

from tests.measures.conftest import duckdb_engine, engine

__all__ = ["duckdb_engine", "engine"]
