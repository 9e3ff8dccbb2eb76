"""Sort-based aggregation of Parquet files in Arrow arrays, faster than DuckDB's hash aggregation.

``aggregate_files`` is the only entry: it writes the daily ledger of events or of sessions.
``read_integers`` reads a column of ids. Both raise ``UnsupportedInputError`` for input that needs
the engine, which gives the same result for any input.
"""

from __future__ import annotations

from engagement_ml.ledger.arrow.aggregation import aggregate_files
from engagement_ml.ledger.arrow.reading import UnsupportedInputError, read_integers

__all__ = ["UnsupportedInputError", "aggregate_files", "read_integers"]
