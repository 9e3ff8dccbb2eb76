"""Engines on which measures are computed; Spark is in ``tests/engines``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engagement_ml.engine import Engine, open_duckdb
from tests.engines.conftest import PolarsEngine


@pytest.fixture(scope="session")
def duckdb_engine() -> Iterator[Engine]:
    """One connection for all tests of a process; tables have names of their own."""
    with open_duckdb(threads=1) as engine:
        yield engine


@pytest.fixture(params=["duckdb", "polars"])
def engine(request: pytest.FixtureRequest, duckdb_engine: Engine) -> Iterator[Engine]:
    """DuckDB, then Polars."""
    if request.param == "duckdb":
        yield duckdb_engine
        return
    with PolarsEngine() as polars:
        yield polars
