"""Tallies of a daily ledger on DuckDB: rows dropped by reason, from the ledger alone."""

from __future__ import annotations

import datetime as dt

from engagement_ml.engine import DuckDBEngine
from engagement_ml.tables.duplicates import DUPLICATE_MARK
from engagement_ml.tables.quality import (
    AFTER_TRANSACTIONS,
    DUPLICATE,
    RowTally,
    TallyColumns,
    amounts_of,
    mark_reasons,
    tally_rows,
)
from engagement_ml.tables.schema import SourceTable, quoted

REASONS = (
    ("null customer_id", '"customer_id" IS NULL'),
    ("null timestamp", '"day" IS NULL'),
    ("null event_type", "coalesce(\"event_type\", '') = ''"),
    (DUPLICATE, quoted(DUPLICATE_MARK)),
)


def drop_reasons(end: dt.date | None = None) -> list[tuple[str, str]]:
    """Return the reasons to drop a row of the ledger with their SQL conditions; the first wins.

    Parameters
    ----------
    end : date, optional
        Rows from this day on are dropped.
    """
    late = [] if end is None else [(AFTER_TRANSACTIONS, f"\"day\" >= DATE '{end}'")]
    return [*REASONS, *late]


def mark_ledger(rows: str, end: dt.date | None = None) -> str:
    """Return SQL for a ledger's rows with ``reason_``, null for kept rows."""
    return mark_reasons(rows, drop_reasons(end))


def tally_ledger(
    engine: DuckDBEngine, table: SourceTable, rows: str, end: dt.date | None = None
) -> list[RowTally]:
    """Return one tally per reason and event type of a ledger.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
    rows : str
        SQL of the ledger that can follow ``FROM``.
    end : date, optional
        Rows from this day on count as dropped.
    """
    amounts = amounts_of(table)
    columns = TallyColumns(
        event_type="event_type",
        rows="sum(n)",
        first="min(first)",
        last="max(last)",
        hashed=["customer_id", "event_type", "day", "n", "first", "last", *amounts],
        amounts=[f"sum(n_{column})" for column in amounts],
    )
    return tally_rows(engine, mark_ledger(rows, end), columns, source=table.label)
