"""The operations on one table of whichever engine holds it."""

from __future__ import annotations

from typing import Any

from engagement_ml.engine import DuckDBEngine, Engine
from engagement_ml.inputs import duckdb_reader, lazy_reader
from engagement_ml.inputs.operations import TableOperations


def operations_of(engine: Engine) -> TableOperations[Any, Any, Any]:
    """Return the operations of an engine."""
    return duckdb_reader.OPERATIONS if isinstance(engine, DuckDBEngine) else lazy_reader.OPERATIONS
