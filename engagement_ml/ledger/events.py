"""Events read once into their daily ledger, which shows what is dropped and what is kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError
from engagement_ml.ledger.cache.events import is_large, partition_events, union_view
from engagement_ml.ledger.cache.partitions import LedgerPartition, OnPart, PartitionedLedger
from engagement_ml.ledger.cache.sessions import sessions_of_partitions
from engagement_ml.ledger.daily import aggregate_by_day, dense_days
from engagement_ml.ledger.sessions import SessionRule, session_events, sessions_by_day
from engagement_ml.ledger.tallies import NO_CUSTOMER, drop_reasons, mark_ledger, tally_ledger
from engagement_ml.ledger.usable_events import usable_events
from engagement_ml.tables.cleaning import CleanTable, canonical
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.dense_span import DenseSpan, has_gap
from engagement_ml.tables.duplicates import (
    DUPLICATE_MARK,
    Hashes,
    duplicated_hashes,
    mark_duplicates,
)
from engagement_ml.tables.identities import StitchedEvents
from engagement_ml.tables.quality import amounts_of, event_types_with_amounts, quality_of
from engagement_ml.tables.row_tally import RowTally, add_tallies, kept_rows, rows_by_event_type
from engagement_ml.tables.schema import SourceTable, quoted
from engagement_ml.tables.stitching import count_stitched
from engagement_ml.tables.validation import check_extra, check_types, check_values, latest


@dataclass(frozen=True)
class CleanEvents(CleanTable):
    """The usable events, and their daily ledger.

    Attributes
    ----------
    ledger : str
        Name of the daily ledger in the engine.
    partitions : tuple of LedgerPartition
        Partitions of the ledger of large files; empty for others.
    partitioned : PartitionedLedger or None
        The same partitions with their rows.
    limits : DayLimits
        The days whose events are kept.
    """

    ledger: str
    partitions: tuple[LedgerPartition, ...]
    partitioned: PartitionedLedger | None
    limits: DayLimits


@dataclass(frozen=True)
class _RawLedger:
    """Ledger of all rows, those to drop among them, with their tallies."""

    name: str
    tallies: list[RowTally]
    limits: DayLimits
    duplicated: Hashes
    partitioned: PartitionedLedger | None = None
    stitched: StitchedEvents | None = None


def read_events(
    engine: DuckDBEngine,
    table: SourceTable,
    *,
    integer_ids: bool,
    end: dt.date,
    keep: Path | None = None,
    on_part: OnPart | None = None,
    validated: bool = False,
) -> CleanEvents:
    """Compute the daily ledger of the events, in one pass over the columns that it needs.

    The pass validates values on the way: a number that does not fit stops it; nulls, duplicates
    and late events are rows of the ledger that are counted and dropped.

    Parameters
    ----------
    engine : DuckDBEngine
    table : SourceTable
    integer_ids : bool
        Whether ``customer_id`` is an integer, else text.
    end : date
        The last day of transactions; later events are dropped.
    keep : path, optional
        Folder that caches the ledger of large files for the next run.
    on_part : callable, optional
        Called with the number of partitions of large files that are done, and of all.
    validated : bool, default False
        The values have been checked: what does not fit counts as null.

    Raises
    ------
    InputError
        If a value does not fit; see ``check_values``.
    NotEnoughDataError
        If no event is left.
    """
    base = table.base()
    guarded = not validated and not any(
        base.is_text(c) for c, kind in base.column_kinds() if kind not in ("id", "text")
    )
    if guarded:
        check_types(base)
    elif not validated:
        check_values(engine, base)
    if table.extra and not validated:
        check_extra(engine, table)
    source = canonical(engine, table, integer_ids=integer_ids, guarded=guarded)
    try:
        if guarded and is_large(base):
            partitioned = partition_events(
                engine, base, integer_ids=integer_ids, keep=keep, on_part=on_part
            )
            raw = _combined(engine, base, partitioned, end)
        else:
            raw = _aggregated(engine, base, source, end)
    except InputError:
        if validated:
            raise
        # Whatever stopped the pass, the validation names the row if it can.
        check_values(engine, base)
        raise
    if (
        not validated
        and table.limits.latest is None
        and any(tally.last is not None and tally.last > latest() for tally in raw.tallies)
    ):
        check_values(engine, base)
    dropped = _dropped(raw)
    if table.extra and not (table.csv or integer_ids or NO_CUSTOMER in dropped):
        # Each measure scans the events: an id that is known to be one is not looked at again.
        source = canonical(engine, table, integer_ids=integer_ids, guarded=guarded, all_ids=True)
    view = usable_events(engine, table, source, raw.limits, raw.duplicated, dropped)
    return _clean_events(engine, base, view, raw)


def read_sessions(
    engine: DuckDBEngine,
    events: CleanEvents,
    rule: SessionRule,
    *,
    keep: Path | None = None,
    on_part: OnPart | None = None,
) -> nw.LazyFrame[Any]:
    """Return the sessions per customer and day, in a second pass over the usable events.

    Sessions of large files are computed by partition and cached for the next run; see
    ``sessions_of_partitions``.
    """
    label = events.quality.source
    if events.partitioned is None:
        sessions = sessions_by_day(session_events(engine.scan(events.view), rule), rule.gap)
        return engine.scan(engine.persist_as(sessions, source=label))
    return sessions_of_partitions(
        engine,
        events.partitioned,
        rule,
        label=label,
        limits=events.limits,
        keep=keep,
        on_part=on_part,
    )


def _aggregated(engine: DuckDBEngine, table: SourceTable, source: str, end: dt.date) -> _RawLedger:
    """Compute the ledger in the engine."""
    columns = [column for column, _ in table.column_kinds()]
    duplicated = duplicated_hashes(engine, table, source)
    rows = mark_duplicates(engine, table, source, columns, duplicated)
    name = engine.persist_as(aggregate_by_day(engine.scan(rows)), source=table.label)
    limits = _limits(engine, table, name, end)
    tallies = tally_ledger(engine, table, quoted(name), limits)
    stitched = None if table.identities is None else count_stitched(engine, table)
    return _RawLedger(name, tallies, limits, duplicated, stitched=stitched)


def _limits(engine: DuckDBEngine, table: SourceTable, ledger: str, end: dt.date) -> DayLimits:
    """Return the days whose events are kept, by where the events of a ledger are dense."""
    limits = table.limits.until(end)
    return limits.within(dense_days(engine, engine.scan(ledger), limits, table.label))


def _combined(
    engine: DuckDBEngine, table: SourceTable, partitioned: PartitionedLedger, end: dt.date
) -> _RawLedger:
    """Combine the ledgers of partitions; only those with days to drop are tallied again."""
    name = union_view(engine, partitioned, table.label)
    days = sorted({day for partition in partitioned.partitions for day in partition.days})
    limits = table.limits.until(end)
    if has_gap(days):
        limits = _limits(engine, table, name, end)
    elif days:
        inside = sorted(limits.kept(dict.fromkeys(days, 1)))
        limits = limits.within(DenseSpan(inside[0], inside[-1]) if inside else None)
    if partitioned.shared is not None:
        tallies = tally_ledger(engine, table, quoted(name), limits)
    else:
        by_partition: list[RowTally] = []
        for partition in partitioned.partitions:
            if limits.cover(partition.days):
                by_partition += partition.tallies
            else:
                ledger = engine.files([partition.file], source=table.label)
                by_partition += tally_ledger(engine, table, quoted(ledger), limits)
        tallies = add_tallies(by_partition)
    stitched = None
    if table.identities is not None:
        stitched = StitchedEvents.total(part.stitched for part in partitioned.partitions)
    return _RawLedger(name, tallies, limits, partitioned.duplicated, partitioned, stitched)


def _dropped(raw: _RawLedger) -> dict[str, int]:
    """Return the number of dropped rows by reason."""
    names = [name for name, _ in drop_reasons(raw.limits)]
    dropped: dict[str, int] = {}
    for tally in raw.tallies:
        if tally.reason is not None:
            name = names[tally.reason]
            dropped[name] = dropped.get(name, 0) + tally.rows
    return dropped


def _clean_events(
    engine: DuckDBEngine, table: SourceTable, view: str, raw: _RawLedger
) -> CleanEvents:
    """Return the usable events and their ledger, without the rows to drop."""
    columns = [column for column, _ in table.column_kinds()]
    helpers = [DUPLICATE_MARK, *(f"n_{column}" for column in amounts_of(table))]
    rows = quoted(raw.name)
    if len(kept_rows(raw.tallies)) < len(raw.tallies):
        # Filtering a ledger without rows to drop would add a tenth to the time of the features.
        marked_rows = mark_ledger(rows, raw.limits)
        rows = f"(SELECT * EXCLUDE (reason_) FROM ({marked_rows}) WHERE reason_ IS NULL)"
    ledger = engine.view(f"SELECT * EXCLUDE ({', '.join(helpers)}) FROM {rows}", source=table.label)
    reasons = [reason for reason, _ in drop_reasons(raw.limits)]
    partitioned = raw.partitioned
    notes = () if raw.stitched is None else raw.stitched.notes()
    return CleanEvents(
        view=view,
        quality=quality_of(table, raw.tallies, reasons, columns, raw.limits, notes),
        counts=rows_by_event_type(raw.tallies),
        amounts=event_types_with_amounts(table, raw.tallies),
        dense=raw.limits.dense,
        ledger=ledger,
        partitions=() if partitioned is None else partitioned.named(),
        partitioned=partitioned,
        limits=raw.limits,
    )
