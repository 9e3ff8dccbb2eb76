"""What is left out and why, counted and fingerprinted by the engine that holds the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from engagement_ml.engine import LazyEngine
from engagement_ml.errors import InputError
from engagement_ml.ledger.daily import AMOUNTS, daily
from engagement_ml.ledger.daily import REPEATED as MARK
from engagement_ml.ledger.events import quality_of
from engagement_ml.ledger.tallies import Line
from engagement_ml.tables.cleaning import AFTER_TRANSACTIONS, REPEATED, TableQuality
from engagement_ml.tables.lazy_opening import Source, canonical
from engagement_ml.tables.lazy_validation import FUTURE, check_values, does_not_fit
from engagement_ml.tables.schema import REQUIRED
from engagement_ml.tables.validation import latest

_PRIMES = (2_147_483_647, 2_147_483_629)
"""Sums of remainders fit into 64 bits for four thousand million rows, sums of hashes would not."""


@dataclass(frozen=True)
class LazyKept:
    """A table's rows that are kept, its quality, and its rows per event type.

    `amounts` tells which event types have a value, and which a duration; `ledger` is there of
    events whose daily ledger was made.
    """

    frame: nw.LazyFrame[Any]
    quality: TableQuality
    counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ledger: nw.LazyFrame[Any] | None = None


def keep(engine: LazyEngine, source: Source, frame: nw.LazyFrame[Any]) -> LazyKept:
    """Leave out what cannot be used, count it by reason, and fingerprint the rest.

    Parameters
    ----------
    frame : LazyFrame
        The source's columns in their canonical types.

    Raises
    ------
    NotEnoughDataError
        Where nothing is left.
    """
    table = source.shape.table
    required = [*REQUIRED[table], *(["margin"] if table == "transactions" else [])]
    reasons = [(f"null {column}", nw.col(column).is_null()) for column in required]
    columns = frame.collect_schema().names()
    if "event_id" in columns:
        frame = mark_repeats(source, frame)
        reasons.append((REPEATED, nw.col(MARK)))
    marked = frame.with_columns(reason_=_first(condition for _, condition in reasons))
    moment = "timestamp" if "timestamp" in columns else None
    lines = _lines(engine, source, marked, columns, nw.len(), (moment, moment))
    return LazyKept(
        frame=marked.filter(nw.col("reason_").is_null()).select(*columns),
        quality=quality_of(source.shape, lines, [reason for reason, _ in reasons]),
        counts=_counts(lines),
        amounts=_amounts(source, lines),
    )


def keep_events(engine: LazyEngine, source: Source, *, integer_ids: bool, end: dt.date) -> LazyKept:
    """Make the daily ledger of the events, and tell by it what is left out and what is kept.

    Parameters
    ----------
    end : date
        Events at or after it are left out.

    Raises
    ------
    InputError
        Where a value does not fit; see ``check_values``.
    NotEnoughDataError
        Where nothing is left.
    """
    check_values(engine, source, future=False)
    frame = canonical(engine, source, integer_ids=integer_ids)
    columns = frame.collect_schema().names()
    if "event_id" in columns:
        frame = mark_repeats(source, frame)
    made = engine.persist(daily(frame))
    required = REQUIRED["events"]
    keys = ("customer_id", "day", "event_type")
    reasons = [
        *((f"null {c}", nw.col(key).is_null()) for c, key in zip(required, keys, strict=True)),
        (REPEATED, nw.col(MARK)),
        (AFTER_TRANSACTIONS, nw.col("day") >= end),
    ]
    marked = made.with_columns(reason_=_first(condition for _, condition in reasons))
    amounts = [column for column in AMOUNTS if column in columns]
    told = ["customer_id", "event_type", "day", "n", "first", "last", *amounts]
    lines = _lines(engine, source, marked, told, nw.col("n").sum(), ("first", "last"))
    _check_future(source, lines)
    rows = frame.filter(
        *(~nw.col(column).is_null() for column in required), nw.col("timestamp").dt.date() < end
    )
    if "event_id" in columns:
        rows = rows.filter(~nw.col(MARK))
    return LazyKept(
        frame=rows.select(*columns),
        quality=quality_of(source.shape, lines, [reason for reason, _ in reasons]),
        counts=_counts(lines),
        amounts=_amounts(source, lines),
        ledger=marked.filter(nw.col("reason_").is_null()).select(*told),
    )


def mark_repeats(source: Source, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Mark all but the first usable of the rows that share an event_id, in ``repeated_``."""
    required = REQUIRED["events"]
    unusable = nw.any_horizontal(
        *(nw.col(column).is_null() for column in required), ignore_nulls=False
    )
    optional = [c for c in frame.collect_schema().names() if c not in (*required, "event_id")]
    order = ["unusable_", "timestamp", "customer_id", "event_type"]
    for column in optional:
        order += [f"{column}_null_", column]
    ready = frame.with_columns(
        unusable_=_number(unusable),
        # Rows without an id are no repeats; all in one partition, they would be one task.
        other_=nw.when(nw.col("event_id").is_null()).then(nw.col("customer_id")),
        **{f"{column}_null_": _number(nw.col(column).is_null()) for column in optional},
    )
    first = nw.col("event_id").is_first_distinct().over("event_id", "other_", order_by=order)
    marked = ready.with_columns(first_=first).with_columns(
        (~nw.col("first_") & ~nw.col("event_id").is_null()).alias(MARK)
    )
    return marked.select(*frame.collect_schema().names(), MARK)


def _number(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _first(conditions: Any) -> nw.Expr:
    """Return the place of the first condition that holds, null where none does."""
    found = nw.lit(None).cast(nw.Int64)
    for place, condition in reversed(list(enumerate(conditions))):
        found = nw.when(condition).then(nw.lit(place).cast(nw.Int64)).otherwise(found)
    return found


def _lines(
    engine: LazyEngine,
    source: Source,
    marked: nw.LazyFrame[Any],
    columns: Sequence[str],
    rows: nw.Expr,
    moments: tuple[str | None, str | None],
) -> list[Line]:
    """Return a line per reason and event type of rows, or of a ledger's."""
    events = source.shape.table == "events"
    amounts = [c for c in AMOUNTS if c in columns] if events else []
    counted = marked.collect_schema().names()
    keys = ["reason_", *(["event_type"] if events else [])]
    first, last = moments
    aggregates = [rows.cast(nw.Int64).alias("rows_")]
    if first is not None and last is not None:
        aggregates += [nw.col(first).min().alias("first_"), nw.col(last).max().alias("last_")]
    aggregates += [(nw.col("hash_") % p).sum().alias(f"hash_{p}") for p in _PRIMES]
    for column in amounts:
        n = nw.col(f"n_{column}").sum() if f"n_{column}" in counted else nw.col(column).count()
        aggregates.append(n.cast(nw.Int64).alias(f"given_{column}"))
    hashed = engine.hashed(marked, sorted(columns), "hash_")
    found = engine.rows(hashed.group_by(*keys).agg(*aggregates), source=source.shape.label)
    lines = [
        Line(
            reason=row["reason_"],
            event_type=row.get("event_type"),
            rows=row["rows_"],
            first=row.get("first_"),
            last=row.get("last_"),
            total=row[f"hash_{_PRIMES[0]}"],
            mixed=row[f"hash_{_PRIMES[1]}"],
            amounts=tuple(row[f"given_{column}"] for column in amounts),
        )
        for row in found
    ]
    return sorted(lines, key=lambda line: (line.reason is not None, line.event_type or ""))


def _check_future(source: Source, lines: Sequence[Line]) -> None:
    last = max((line.last for line in lines if line.last is not None), default=None)
    if last is not None and last > latest():
        raise InputError(does_not_fit(source, "timestamp", FUTURE, last, 1))


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    return {
        line.event_type: line.rows
        for line in lines
        if line.reason is None and line.event_type is not None
    }


def _amounts(source: Source, lines: Sequence[Line]) -> dict[str, tuple[str, ...]]:
    if source.shape.table != "events":
        return {}
    kept = [line for line in lines if line.reason is None]
    present = [column for column in AMOUNTS if column in source.schema]
    return {
        column: tuple(str(line.event_type) for line in kept if line.amounts[i])
        for i, column in enumerate(present)
    }
