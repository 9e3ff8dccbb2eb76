"""Daily ledger of events: one row per customer, event type and day, from one pass over events.

Window, period and score features are computed from the ledger. Its quantities are additive over
days, so a ledger of new days can be combined with one that is stored.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.tables.day_limits import DayLimits
from engagement_ml.tables.dense_span import DenseSpan, dense_span, rows_by_day
from engagement_ml.tables.duplicates import DUPLICATE_MARK
from engagement_ml.tables.schema import AMOUNTS

VERSION = 3
"""Version of the ledger's content and definition; a cached ledger of another version is rebuilt."""
MICRO = 1_000_000
"""Amounts are stored in whole millionths of their unit."""
KEYS = ("customer_id", "event_type", "day")


def aggregate_by_day(events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Aggregate events by customer, event type and day.

    Amounts are summed as whole millionths: integer sums do not depend on the order of the rows or
    on the engine, floating-point sums do. Rows with a null key are kept, so that they can be
    counted.

    Parameters
    ----------
    events : LazyFrame
        Under the names of the input columns; ``repeated_``, if present, marks duplicates.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``event_type``, ``day`` (date, UTC), ``n`` events, ``first`` and ``last``
        timestamp, ``repeated_``; if the events have them, ``value`` and ``duration_seconds``
        (sums in millionths, int64) with ``n_value`` and ``n_duration_seconds``, the number of
        events with a non-null amount.
    """
    present = events.collect_schema().names()
    amounts = [column for column in AMOUNTS if column in present]
    mark = [DUPLICATE_MARK] if DUPLICATE_MARK in present else []
    grouped = (
        events.with_columns(day=nw.col("timestamp").dt.date())
        .group_by(*KEYS, *mark)
        .agg(
            nw.len().cast(nw.Int64).alias("n"),
            nw.col("timestamp").min().alias("first"),
            nw.col("timestamp").max().alias("last"),
            *(micro(nw.col(column)).sum().cast(nw.Int64).alias(column) for column in amounts),
            *(nw.col(column).count().cast(nw.Int64).alias(f"n_{column}") for column in amounts),
        )
    )
    if not mark:
        grouped = grouped.with_columns(nw.lit(False).alias(DUPLICATE_MARK))
    counts = [f"n_{column}" for column in amounts]
    return grouped.select(*KEYS, "n", "first", "last", *amounts, *counts, DUPLICATE_MARK)


def dense_days(
    engine: Engine, ledger: nw.LazyFrame[Any], limits: DayLimits, source: str
) -> DenseSpan | None:
    """Return the days between which the events of a ledger are dense, within the limits."""
    rows = rows_by_day(
        engine, ledger, nw.col("day"), nw.col("n").sum(), limits.first, source=source
    )
    return dense_span(limits.kept(rows))


def merge_ledgers(ledgers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the ledger of all events, given the concatenated ledgers of disjoint subsets."""
    amounts = [c for c in ledgers.collect_schema().names() if c in AMOUNTS]
    sums = ["n", *amounts, *(f"n_{column}" for column in amounts)]
    grouped = ledgers.group_by(*KEYS, DUPLICATE_MARK).agg(
        nw.col("first").min(),
        nw.col("last").max(),
        *(nw.col(column).sum().cast(nw.Int64) for column in sums),
    )
    return grouped.select(ledgers.collect_schema().names())


def micro(amount: nw.Expr) -> nw.Expr:
    """Return an amount in whole millionths, int64."""
    return (amount * MICRO).round(0).cast(nw.Int64)
