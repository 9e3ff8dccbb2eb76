"""DuckDB connection: in memory, in UTC, with limits, and without extensions from elsewhere."""

from __future__ import annotations

from typing import Any

from engagement_ml.engine.base import one_line
from engagement_ml.errors import InputError

_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
"""A view in a file that a user attaches must not download or load code."""


def open_connection(memory_limit: str | None = None, threads: int | None = None) -> Any:
    """Open DuckDB in memory.

    Parameters
    ----------
    memory_limit : str, optional
        Such as ``"3GB"``; by default half of the machine's memory.
    threads : int, optional
        By default one per core.

    Returns
    -------
    duckdb.DuckDBPyConnection

    Raises
    ------
    InputError
        If DuckDB rejects a setting.
    """
    import duckdb

    settings: dict[str, Any] = {}
    if memory_limit is not None:
        settings["memory_limit"] = memory_limit
    if threads is not None:
        settings["threads"] = threads
    try:
        connection = duckdb.connect(":memory:", config=_CLOSED | settings)
    except duckdb.Error as error:
        raise InputError(f"DuckDB rejects its settings {settings}: {one_line(error)}") from None
    connection.execute("SET TimeZone = 'UTC'")
    # In a notebook without ipywidgets DuckDB has no progress bar and rejects this setting.
    progress_bar = connection.sql("SELECT current_setting('enable_progress_bar')").fetchall()
    if progress_bar[0][0]:
        connection.execute("SET enable_progress_bar = false")
    if memory_limit is None:
        _reserve_memory(connection)
    return connection


def _reserve_memory(connection: Any) -> None:
    """Limit DuckDB to half of the machine's memory, its default is 80%: Python needs some."""
    size, unit = connection.sql("SELECT current_setting('memory_limit')").fetchall()[0][0].split()
    connection.execute(f"SET memory_limit = '{float(size) * 0.625:.2f}{unit}'")
