"""Data quality of one table: rows counted by reason and event type, and a fingerprint.

Rows that cannot be used are counted under the first reason that applies. A tally is a count of
rows with the same reason and event type, together with their time span and sums of row hashes;
tallies add up, so that those of files can be cached and combined.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.row_tally import RowTally, kept_rows
from engagement_ml.tables.schema import AMOUNTS, SourceTable, quoted

DUPLICATE = "repeated event_id"
NO_MARGIN = "null margin"
REASON = "reason_"
"""Column of the position of the first reason to drop a row; null for kept rows."""


@dataclass(frozen=True)
class Dropped:
    """Number of rows that were dropped from a table for one reason.

    Attributes
    ----------
    reason : str
    rows : int
    revenue : float or None
        Revenue of transactions that were dropped without a margin; None for other reasons.
    revenue_share : float or None
        Its size as a share of the size of all revenue.
    """

    reason: str
    rows: int
    revenue: float | None = None
    revenue_share: float | None = None


@dataclass(frozen=True)
class TableQuality:
    """Rows read and kept of one table, and a fingerprint of the kept rows.

    Attributes
    ----------
    table, source : str
    rows_read, rows_kept : int
    dropped : tuple of Dropped
        One entry per reason; a row counts under the first reason that applies.
    first, last : datetime or None
        Earliest and latest timestamp of the kept rows, naive UTC; None without timestamps.
    fingerprint : str
        SHA-256 of the columns, the number of rows and sums of row hashes: equal for equal rows in
        any order and any file format, given the same version of the engine.
    notes : tuple of str
        Sentences for people on what was dropped or assumed.
    usual_notes : tuple of str
        Those of `notes` on what the configuration asks for: its shape, and identities.
    """

    table: str
    source: str
    rows_read: int
    rows_kept: int
    dropped: tuple[Dropped, ...]
    first: dt.datetime | None
    last: dt.datetime | None
    fingerprint: str
    notes: tuple[str, ...] = ()
    usual_notes: tuple[str, ...] = ()


def with_notes(
    tables: Sequence[TableQuality], name: str, notes: Iterable[str]
) -> tuple[TableQuality, ...]:
    """Add sentences to one of the tables."""
    return tuple(
        replace(table, notes=(*table.notes, *notes)) if table.table == name else table
        for table in tables
    )


@dataclass(frozen=True)
class TallyColumns:
    """SQL that says how rows are tallied: single rows, or rows of a daily ledger.

    Attributes
    ----------
    event_type, rows, first, last : str
        SQL of the event type, and aggregates of the number of rows and of the time span.
    hashed : sequence of str
        SQL of the values that identify a row.
    amounts : sequence of str
        Aggregates of the number of non-null amounts.
    """

    event_type: str
    rows: str
    first: str
    last: str
    hashed: Sequence[str]
    amounts: Sequence[str]


def mark_reasons(rows: str, reasons: Sequence[tuple[str, str]], name: str = REASON) -> str:
    """Return SQL for `rows` with column `name`: the position of the first reason that applies.

    Parameters
    ----------
    rows : str
        SQL that can follow ``FROM``.
    reasons : sequence of (str, str)
        Name and SQL condition of each reason to drop a row.
    """
    case = " ".join(f"WHEN {condition} THEN {i}" for i, (_, condition) in enumerate(reasons))
    return f"SELECT *, CASE {case} END AS {name} FROM {rows}"


def tally_rows(
    engine: DuckDBEngine, marked: str, columns: TallyColumns, *, source: str, reason: str = REASON
) -> list[RowTally]:
    """Return one tally per reason and event type, sorted, of rows that `mark_reasons` marked."""
    row_hash = f"hash({', '.join(columns.hashed)})"
    counted = "".join(f", {amount}" for amount in columns.amounts)
    rows = engine.query(
        f"SELECT {reason}, {columns.event_type}, {columns.rows}, {columns.first}, {columns.last}, "
        f"sum({row_hash}), bit_xor({row_hash}){counted} FROM ({marked}) "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        source=source,
    )
    return [
        RowTally(
            reason,
            event_type,
            int(n),
            first,
            last,
            int(hash_sum),
            hash_xor,
            tuple(map(int, counts)),
        )
        for reason, event_type, n, first, last, hash_sum, hash_xor, *counts in rows
    ]


def event_types_with_amounts(
    table: SourceTable, tallies: Iterable[RowTally]
) -> dict[str, tuple[str, ...]]:
    """Return the event types with a non-null amount, for each column of `AMOUNTS`."""
    kept = kept_rows(tallies)
    return {
        column: tuple(str(tally.event_type) for tally in kept if tally.amounts[i])
        for i, column in enumerate(amounts_of(table))
    }


def amounts_of(table: SourceTable) -> list[str]:
    """Return the columns of `AMOUNTS` that a table of events has; empty for other tables."""
    return [column for column in AMOUNTS if table.name == "events" and table.has(column)]


def quality_of(
    table: SourceTable,
    tallies: Sequence[RowTally],
    reasons: Sequence[str],
    columns: Iterable[str],
    limits: DayLimits | None = None,
    notes: Iterable[str] = (),
) -> TableQuality:
    """Return the data quality of a table.

    Parameters
    ----------
    table : SourceTable
    tallies : sequence of RowTally
    reasons : sequence of str
        Names of the reasons, in the order of their positions.
    columns : iterable of str
        The columns that the row hashes cover.
    limits : DayLimits, optional
        The days whose rows are kept; by default the plausible ones.
    notes : iterable of str
        Further sentences on the table.

    Raises
    ------
    NotEnoughDataError
        If no row is kept.
    """
    limits = table.limits if limits is None else limits
    kept = kept_rows(tallies)
    rows_read = sum(tally.rows for tally in tallies)
    rows_kept = sum(tally.rows for tally in kept)
    counts = [sum(t.rows for t in tallies if t.reason == i) for i in range(len(reasons))]
    dropped = tuple(Dropped(reason, n) for reason, n in zip(reasons, counts, strict=True) if n)
    if not rows_kept:
        raise NotEnoughDataError(_nothing_left(table, rows_read, dropped))
    return TableQuality(
        table=table.name,
        source=table.label,
        rows_read=rows_read,
        rows_kept=rows_kept,
        dropped=dropped,
        first=min((t.first for t in kept if t.first is not None), default=None),
        last=max((t.last for t in kept if t.last is not None), default=None),
        fingerprint=_fingerprint(columns, rows_kept, kept),
        notes=(
            *table.notes,
            *limits.notes(table.name, {d.reason: d.rows for d in dropped}),
            *notes,
        ),
        usual_notes=(*table.notes, *notes),
    )


def first_moment(moment: str) -> str:
    """Return SQL for the earliest moment, within Python's calendar; null without any."""
    # greatest() leaves nulls out.
    return f"CASE WHEN count({moment}) > 0 THEN greatest(min({moment}), TIMESTAMP '0001-01-01') END"


def last_moment(moment: str) -> str:
    """Return SQL for the latest moment, within Python's calendar; null without any."""
    return f"CASE WHEN count({moment}) > 0 THEN least(max({moment}), TIMESTAMP '9999-12-31') END"


def amounts_counted(columns: Iterable[str]) -> list[str]:
    """Return SQL for the number of non-null values of columns."""
    return [f"count({quoted(column)})" for column in columns]


def _fingerprint(columns: Iterable[str], rows: int, kept: Iterable[RowTally]) -> str:
    total, mixed = 0, 0
    for tally in kept:
        total += tally.hash_sum
        mixed ^= tally.hash_xor
    text = f"{','.join(sorted(columns))}|{rows}|{total}|{mixed}"
    return hashlib.sha256(text.encode()).hexdigest()


def _nothing_left(table: SourceTable, rows_read: int, dropped: Sequence[Dropped]) -> str:
    if not rows_read:
        return f"{table.label}: table '{table.name}' is empty; it needs rows"
    why = ", ".join(f"{d.rows} {d.reason}" for d in dropped)
    return (
        f"{table.label}: none of the {rows_read} rows of table '{table.name}' can be used ({why})"
    )
