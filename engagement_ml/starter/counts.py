"""Counts of whole tables by the engine: event types, and the days that a table covers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.starter.history import Days
from engagement_ml.tables.opening import open_table
from engagement_ml.tables.schema import quoted

AT_MOST = 200
"""Event types that are counted; there may be more."""
_STRAY = 0.001
"""Share of rows that may lie far from the others, at either end."""


def table_days(
    engine: DuckDBEngine, config: PipelineConfig, table: str, source: str
) -> Days | None:
    """Return the first and the last day of a table.

    One row in a thousand at either end is left out if it is far from the others, as clocks may be
    wrong.

    Parameters
    ----------
    engine : DuckDBEngine
    config : PipelineConfig
        The configuration that `init` writes; the table is read with it.
    table, source : str

    Returns
    -------
    Days or None
        None if no row has a time.

    Raises
    ------
    EngagementError
        If the table cannot be read.
    """
    opened = open_table(engine, config, table, source)
    moment = opened.moment("timestamp")
    rows = engine.query(
        f"SELECT CAST({moment} AS DATE) AS day, count(*) FROM {quoted(opened.view)} "
        f"WHERE {moment} >= TIMESTAMP '{config.history.earliest}' GROUP BY 1 ORDER BY 1",
        source=source,
    )
    return _dense([(day, int(n)) for day, n in rows])


def _dense(counts: Sequence[tuple[dt.date, int]]) -> Days | None:
    """Return the first and the last day, without a few rows that lie far from the others."""
    if not counts:
        return None
    few = _STRAY * sum(n for _, n in counts)
    first = next(day for day, n in _summed(counts) if n > few)
    last = next(day for day, n in _summed(counts[::-1]) if n > few)
    far = dt.timedelta(days=28)
    start, end = counts[0][0], counts[-1][0]
    return Days(first if first - start > far else start, last if end - last > far else end)


def _summed(counts: Sequence[tuple[dt.date, int]]) -> Iterator[tuple[dt.date, int]]:
    total = 0
    for day, n in counts:
        total += n
        yield day, total


def event_type_counts(engine: DuckDBEngine, config: PipelineConfig, source: str) -> dict[str, int]:
    """Return the number of rows by event type, the most frequent first.

    Raises
    ------
    EngagementError
        If the table cannot be read.
    """
    opened = open_table(engine, config, "events", source)
    name = quoted("event_type")
    rows = engine.query(
        f"SELECT CAST({name} AS VARCHAR) AS e, count(*) AS n FROM {quoted(opened.view)} "
        f"WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY n DESC, e LIMIT {AT_MOST}",
        source=source,
    )
    return {str(value): int(n) for value, n in rows}
