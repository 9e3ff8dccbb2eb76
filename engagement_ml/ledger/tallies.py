"""Tallies of a daily ledger on DuckDB: rows dropped by reason, from the ledger alone."""

from __future__ import annotations

from engagement_ml.engine import DuckDBEngine
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.duplicates import DUPLICATE_MARK
from engagement_ml.tables.quality import (
    DUPLICATE,
    TallyColumns,
    amounts_of,
    first_moment,
    last_moment,
    mark_reasons,
    tally_rows,
)
from engagement_ml.tables.row_tally import RowTally
from engagement_ml.tables.schema import SourceTable, quoted

NO_CUSTOMER = "null customer_id"
REASONS = (
    (NO_CUSTOMER, '"customer_id" IS NULL'),
    ("null timestamp", '"day" IS NULL'),
    ("null event_type", "coalesce(\"event_type\", '') = ''"),
    (DUPLICATE, quoted(DUPLICATE_MARK)),
)


def drop_reasons(limits: DayLimits | None = None) -> list[tuple[str, str]]:
    """Return the reasons to drop a row of the ledger with their SQL conditions; the first wins.

    Parameters
    ----------
    limits : DayLimits, optional
        The days whose rows are kept.
    """
    by_day = () if limits is None else limits.reasons
    return [*REASONS, *((reason.name, reason.sql('"day"')) for reason in by_day)]


def mark_ledger(rows: str, limits: DayLimits | None = None) -> str:
    """Return SQL for a ledger's rows with ``reason_``, null for kept rows."""
    return mark_reasons(rows, drop_reasons(limits))


def tally_ledger(
    engine: DuckDBEngine, table: SourceTable, rows: str, limits: DayLimits | None = None
) -> list[RowTally]:
    """Return one tally per reason and event type of a ledger.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
    rows : str
        SQL of the ledger that can follow ``FROM``.
    limits : DayLimits, optional
        Rows of other days count as dropped.
    """
    amounts = amounts_of(table)
    columns = TallyColumns(
        event_type="event_type",
        rows="sum(n)",
        first=first_moment("first"),
        last=last_moment("last"),
        hashed=["customer_id", "event_type", "day", "n", "first", "last", *amounts],
        amounts=[f"sum(n_{column})" for column in amounts],
    )
    return tally_rows(engine, mark_ledger(rows, limits), columns, source=table.label)
