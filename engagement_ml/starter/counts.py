"""Counts of whole tables by the engine: event types, and the days that a table covers."""

from __future__ import annotations

import datetime as dt

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import EngagementError
from engagement_ml.starter.history import Days
from engagement_ml.tables.opening import open_table
from engagement_ml.tables.schema import quoted

AT_MOST = 200
"""Event types that are counted; there may be more."""


def table_days(
    engine: DuckDBEngine, config: PipelineConfig, table: str, source: str
) -> Days | None:
    """Return the days from which to which most rows of a table lie.

    One row in a thousand at either end is left out, as clocks may be wrong.

    Parameters
    ----------
    engine : DuckDBEngine
    config : PipelineConfig
        The configuration that `init` writes; the table is read with it.
    table, source : str

    Returns
    -------
    Days or None
        None if the table cannot be read or has no time.
    """
    try:
        opened = open_table(engine, config, table, source)
        moment = opened.moment("timestamp")
        earliest = config.history.earliest
        rows = engine.query(
            f"SELECT approx_quantile(epoch(m), 0.001), approx_quantile(epoch(m), 0.999), "
            f"min(m), max(m) FROM (SELECT {moment} AS m FROM {quoted(opened.view)}) "
            f"WHERE m >= TIMESTAMP '{earliest}'",
            source=source,
        )
    except EngagementError:
        return None
    low, high, first, last = rows[0]
    if first is None:
        return None
    return Days(_nearer(first, low), _nearer(last, high))


def _nearer(end: dt.datetime, quantile: float) -> dt.date:
    """Return the end of a table's days, or the quantile if the end is far from it."""
    moment = dt.datetime.fromtimestamp(quantile, tz=dt.UTC).replace(tzinfo=None)
    return (moment if abs(end - moment) > dt.timedelta(days=28) else end).date()


def event_type_counts(
    engine: DuckDBEngine, config: PipelineConfig, source: str
) -> dict[str, int] | None:
    """Return the number of rows by event type, the most frequent first; None if unreadable."""
    try:
        opened = open_table(engine, config, "events", source)
        name = quoted("event_type")
        rows = engine.query(
            f"SELECT CAST({name} AS VARCHAR) AS e, count(*) AS n FROM {quoted(opened.view)} "
            f"WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY n DESC, e LIMIT {AT_MOST}",
            source=source,
        )
    except EngagementError:
        return None
    return {str(value): int(n) for value, n in rows}
