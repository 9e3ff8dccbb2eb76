"""Numbers in DuckDB SQL."""

from __future__ import annotations


def not_nan_sql(number: str) -> str:
    """Return SQL for the condition that a float is not NaN; null for null.

    DuckDB takes ``isnan`` of a Parquet column as false by the file's statistics, which leave NaN
    out.
    """
    return f"(isfinite({number}) OR isinf({number}))"
