"""Cleaning of one table on a lazy engine: unusable rows dropped, counted and fingerprinted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw

from engagement_ml.column_names import free_name
from engagement_ml.engine import LazyEngine
from engagement_ml.tables.day_limits import MAY_BE_IMPLAUSIBLE, DayLimits, implausible_notes
from engagement_ml.tables.dense_span import DenseSpan, dense_span, rows_by_day
from engagement_ml.tables.dropped import with_revenue
from engagement_ml.tables.duplicates import DUPLICATE_MARK
from engagement_ml.tables.identities import identity_spans
from engagement_ml.tables.lazy_opening import LazyTable
from engagement_ml.tables.lazy_stitching import count_stitched
from engagement_ml.tables.quality import (
    NO_MARGIN,
    REASON,
    TableQuality,
    amounts_of,
    event_types_with_amounts,
    quality_of,
)
from engagement_ml.tables.row_tally import RowTally, rows_by_event_type
from engagement_ml.tables.schema import ROW_ID, needed
from engagement_ml.tables.surveys import missing_values

_PRIMES = (2_147_483_647, 2_147_483_629)
"""Sums of remainders fit into 64 bits up to four billion rows; sums of hashes would not."""


@dataclass(frozen=True)
class LazyCleanTable:
    """The usable rows of a table, and what was counted of them.

    Attributes
    ----------
    frame : LazyFrame
    quality : TableQuality
    counts : mapping of str to int
        Rows per event type; empty for tables without event types.
    amounts : mapping of str to tuple of str
        The event types with a non-null ``value`` and ``duration_seconds``.
    ledger : LazyFrame or None
        The daily ledger of events, if it was computed.
    dense : DenseSpan or None
        Where the rows are dense; None for tables without timestamps.
    """

    frame: nw.LazyFrame[Any]
    quality: TableQuality
    counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ledger: nw.LazyFrame[Any] | None = None
    dense: DenseSpan | None = None

    @classmethod
    def of(
        cls,
        opened: LazyTable,
        frame: nw.LazyFrame[Any],
        tallies: Sequence[RowTally],
        reasons: Iterable[str],
        limits: DayLimits,
        *,
        notes: Iterable[str] = (),
        ledger: nw.LazyFrame[Any] | None = None,
        dense: DenseSpan | None = None,
    ) -> LazyCleanTable:
        """Return the table with what its tallies count.

        Raises
        ------
        NotEnoughDataError
            If no row is left.
        """
        table = opened.table
        columns = (column for column, _ in table.base().column_kinds())
        return cls(
            frame=frame,
            quality=quality_of(table, tallies, list(reasons), columns, limits, notes),
            counts=rows_by_event_type(tallies),
            amounts=event_types_with_amounts(table, tallies),
            ledger=ledger,
            dense=dense,
        )


def clean(engine: LazyEngine, opened: LazyTable, frame: nw.LazyFrame[Any]) -> LazyCleanTable:
    """Drop rows that cannot be used, count them by reason, and fingerprint the others.

    Parameters
    ----------
    engine : LazyEngine
    opened : LazyTable
    frame : LazyFrame
        Its columns in their canonical types.

    Raises
    ------
    NotEnoughDataError
        If no row is left.
    """
    required = needed(opened.table.name)
    reasons = missing_values(opened.table)
    columns = frame.collect_schema().names()
    base = [c for c in columns if not opened.table.is_extra(c)]
    if (row_id := opened.table.row_id()) is not None:
        frame = mark_duplicates(opened, frame)
        reasons.append((f"repeated {row_id}", nw.col(DUPLICATE_MARK)))
    moment = "timestamp" if "timestamp" in columns else None
    limits, dense = opened.table.limits, None
    if moment in required:
        dense = _dense(engine, opened, frame)
        limits = limits.within(dense) if opened.table.name == "transactions" else limits
        reasons += [(r.name, r.expression(nw.col(moment).dt.date())) for r in limits.reasons]
    reason = free_name(REASON, columns)
    marked = frame.with_columns(first_reason(condition for _, condition in reasons).alias(reason))
    tallies = tally_rows(engine, opened, marked, base, nw.len(), (moment, moment), reason)
    table = LazyCleanTable.of(
        opened,
        marked.filter(nw.col(reason).is_null()).select(*columns),
        tallies,
        (name for name, _ in reasons),
        limits,
        notes=(*_implausible(engine, opened), *stitching_notes(engine, opened)),
        dense=dense,
    )
    if "revenue" in columns and any(d.reason == NO_MARGIN for d in table.quality.dropped):
        lost = nw.col(reason) == required.index("margin")
        return replace(table, quality=_with_revenue(engine, table.quality, marked, lost))
    return table


def _with_revenue(
    engine: LazyEngine, quality: TableQuality, marked: nw.LazyFrame[Any], lost: nw.Expr
) -> TableQuality:
    """Return the quality with the revenue of the rows for which the condition `lost` holds."""
    rows = marked.with_columns(lost_=lost.fill_null(False)).filter(
        nw.col("lost_") | ~nw.col("margin").is_null()
    )
    revenue = nw.col("revenue").fill_null(0.0)
    dropped = nw.when(nw.col("lost_")).then(revenue).otherwise(nw.lit(0.0))
    sums = rows.select(lost=dropped.sum(), size=dropped.abs().sum(), of=revenue.abs().sum())
    (row,) = engine.rows(sums, source=quality.source)
    return with_revenue(quality, *(float(row[name] or 0) for name in ("lost", "size", "of")))


def _dense(engine: LazyEngine, opened: LazyTable, frame: nw.LazyFrame[Any]) -> DenseSpan | None:
    day, limits = nw.col("timestamp").dt.date(), opened.table.limits
    counted = rows_by_day(engine, frame, day, nw.len(), limits.first, source=opened.table.label)
    return dense_span(limits.kept(counted))


def _implausible(engine: LazyEngine, opened: LazyTable) -> list[str]:
    table, notes = opened.table, list[str]()
    for column in (c for c in MAY_BE_IMPLAUSIBLE if table.kinds.get(c) and table.has(c)):
        typed = opened.typed(engine, opened.frame.select(column), {column: "timestamp"})
        day = nw.col(column).dt.date()
        implausible = typed.filter(~table.limits.usable(day)).select(n=nw.len())
        (row,) = engine.rows(implausible, source=table.label)
        notes += implausible_notes(table.limits, table.name, column, int(row["n"]))
    return notes


def stitching_notes(engine: LazyEngine, opened: LazyTable) -> tuple[str, ...]:
    """Return what became of events without ``customer_id``, if there are identities."""
    if opened.identities is None:
        return ()
    label = opened.table.label
    return count_stitched(engine, opened.frame, opened.identities, source=label).notes()


def identify(engine: LazyEngine, events: LazyTable, identities: LazyCleanTable) -> LazyTable:
    """Return the events with the identities of their ``anonymous_id``."""
    return replace(events, identities=engine.persist(identity_spans(engine, identities.frame)))


def mark_duplicates(opened: LazyTable, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Mark all but the first usable of the rows that share an id, in `DUPLICATE_MARK`."""
    required = needed(opened.table.name)
    row_id = ROW_ID[opened.table.name]
    day = nw.col("timestamp").dt.date()
    implausible = (reason.expression(day) for reason in opened.table.limits.plausible)
    unusable = nw.any_horizontal(
        *(nw.col(column).is_null() for column in required), *implausible, ignore_nulls=True
    )
    optional = [c for c in frame.collect_schema().names() if c not in (*required, row_id)]
    # What only measures need comes last, so that the same row stays with and without it.
    optional.sort(key=opened.table.is_extra)
    order = ["unusable_", "timestamp", *(c for c in required if c != "timestamp")]
    for column in optional:
        order += [f"{column}_null_", column]
    prepared = frame.with_columns(
        unusable_=_as_number(unusable),
        # Rows without an id are no duplicates; in a single partition they would be a single task.
        other_=nw.when(nw.col(row_id).is_null()).then(nw.col("customer_id")),
        **{f"{column}_null_": _as_number(nw.col(column).is_null()) for column in optional},
    )
    first = nw.col(row_id).is_first_distinct().over(row_id, "other_", order_by=order)
    marked = prepared.with_columns(first_=first).with_columns(
        (~nw.col("first_") & ~nw.col(row_id).is_null()).alias(DUPLICATE_MARK)
    )
    return marked.select(*frame.collect_schema().names(), DUPLICATE_MARK)


def _as_number(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def first_reason(conditions: Iterable[nw.Expr]) -> nw.Expr:
    """Return the position of the first condition that holds; null if none does."""
    reason = nw.lit(None).cast(nw.Int64)
    for place, condition in reversed(list(enumerate(conditions))):
        reason = nw.when(condition).then(nw.lit(place).cast(nw.Int64)).otherwise(reason)
    return reason


def tally_rows(
    engine: LazyEngine,
    opened: LazyTable,
    marked: nw.LazyFrame[Any],
    columns: Sequence[str],
    rows: nw.Expr,
    moments: tuple[str | None, str | None],
    reason: str = REASON,
) -> list[RowTally]:
    """Return one tally per reason and event type, of rows or of the rows of a daily ledger.

    Parameters
    ----------
    engine : LazyEngine
    opened : LazyTable
    marked : LazyFrame
        With `reason`; a ledger has ``n_<amount>``, the number of non-null amounts.
    columns : sequence of str
        Columns that identify a row; they are hashed.
    rows : Expr
        Aggregate of the number of rows.
    moments : tuple of str or None
        Columns of the earliest and the latest timestamp.
    reason : str
        Column of the position of the reason to drop a row.
    """
    events = opened.table.name == "events"
    amounts = [c for c in amounts_of(opened.table) if c in columns]
    present = marked.collect_schema().names()
    keys = [reason, *(["event_type"] if events else [])]
    row_hash = free_name("hash_", present)
    first, last = moments
    aggregates = [rows.cast(nw.Int64).alias("rows_")]
    if first is not None and last is not None:
        # Before year 1 lies outside of Python's calendar, and such rows are dropped.
        kept = nw.when(nw.col(reason).is_null()).then(nw.col(first))
        aggregates += [kept.min().alias("first_"), nw.col(last).max().alias("last_")]
    aggregates += [(nw.col(row_hash) % p).sum().alias(f"hash_{p}") for p in _PRIMES]
    for column in amounts:
        n = nw.col(f"n_{column}").sum() if f"n_{column}" in present else nw.col(column).count()
        aggregates.append(n.cast(nw.Int64).alias(f"given_{column}"))
    hashed = engine.hashed(marked, sorted(columns), row_hash)
    counted = engine.rows(hashed.group_by(*keys).agg(*aggregates), source=opened.table.label)
    tallies = [
        RowTally(
            reason=row[reason],
            event_type=row.get("event_type"),
            rows=row["rows_"],
            first=row.get("first_"),
            last=row.get("last_"),
            hash_sum=row[f"hash_{_PRIMES[0]}"],
            hash_xor=row[f"hash_{_PRIMES[1]}"],
            amounts=tuple(row[f"given_{column}"] for column in amounts),
        )
        for row in counted
    ]
    return sorted(tallies, key=lambda tally: (tally.reason is not None, tally.event_type or ""))
