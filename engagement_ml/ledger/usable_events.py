"""The usable events as a view, for what the daily ledger does not hold; cheap to scan by type."""

from __future__ import annotations

from collections.abc import Mapping

from engagement_ml.engine import DuckDBEngine
from engagement_ml.tables.cleaning import input_columns
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.duplicates import (
    DUPLICATE_MARK,
    MOST_COMPARED,
    Hashes,
    candidate_rows_sql,
    is_duplicate_sql,
    mark_duplicates,
    register_hashes,
    unique_rows_sql,
)
from engagement_ml.tables.quality import DUPLICATE
from engagement_ml.tables.schema import SourceTable, quoted

_MOMENT = '"timestamp"'


def usable_events(
    engine: DuckDBEngine,
    table: SourceTable,
    source: str,
    limits: DayLimits,
    duplicated: Hashes,
    dropped: Mapping[str, int],
) -> str:
    """Create a view of the usable events and return its name.

    Conditions that no row fails are left out: they would cost more than the rest of a scan.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
    source : str
        Name of the view that ``canonical`` created.
    limits : DayLimits
        The days whose events are kept.
    duplicated : array
        The hashes of event ids that occur more than once.
    dropped : mapping of str to int
        Number of dropped events by reason.
    """
    conditions = {
        "null customer_id": '"customer_id" IS NOT NULL',
        "null timestamp": '"timestamp" IS NOT NULL',
        "null event_type": '"event_type" IS NOT NULL AND "event_type" <> \'\'',
        DUPLICATE: f"NOT {DUPLICATE_MARK}",
        **{reason.name: f"NOT ({reason.sql(_MOMENT)})" for reason in limits.reasons},
    }
    rows = source
    if dropped.get(DUPLICATE):
        rows = _marked(engine, table, source, duplicated, dropped[DUPLICATE])
    needed = [condition for reason, condition in conditions.items() if dropped.get(reason)]
    where = f" WHERE {' AND '.join(needed)}" if needed else ""
    return engine.view(
        f"SELECT {input_columns(table)} FROM {quoted(rows)}{where}", source=table.label
    )


def _marked(
    engine: DuckDBEngine, table: SourceTable, source: str, duplicated: Hashes, repeated: int
) -> str:
    """Return the name of a view of the rows with their repetitions marked.

    A few repeated rows are compared once: a scan of some event types then need not read the ids
    of all others.
    """
    columns = _told_apart(table)
    if not table.extra or repeated + len(duplicated) > MOST_COMPARED:
        return mark_duplicates(engine, table, source, columns, duplicated)
    hashes = register_hashes(engine, duplicated)
    compared = engine.table(
        f"SELECT *, {is_duplicate_sql(table, columns)} AS {DUPLICATE_MARK} "
        f"FROM ({candidate_rows_sql(source, hashes)})",
        source=table.label,
    )
    return engine.view(
        f"{unique_rows_sql(source, hashes)} UNION ALL SELECT * FROM {quoted(compared)}",
        source=table.label,
    )


def _told_apart(table: SourceTable) -> list[str]:
    """Return the columns that tell rows with the same id apart, those of measures last."""
    columns = [column for column, _ in table.base().column_kinds()]
    return [*columns, *(c for c, _ in table.column_kinds() if c not in columns)]
