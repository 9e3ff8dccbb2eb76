"""The daily ledger: one row per entity, event type and day, from one pass over the events.

Everything later is made of it: what was left out and why, windows, periods, scores. Its quantities
add up over days, so a ledger of new days can be put beside one that is kept.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

VERSION = 2
"""Of what the ledger holds and how it is made: another version is not read, but made anew."""
MICRO = 1_000_000
KEYS = ("customer_id", "event_type", "day")
AMOUNTS = ("value", "duration_seconds")
REPEATED = "repeated_"


def daily(events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return what happened per entity, event type and day.

    Amounts are added as whole millionths: integer sums do not depend on the order of the rows or
    on the engine, floating-point sums do. Nulls among the keys are kept, to be counted.

    Parameters
    ----------
    events : LazyFrame
        Under the contract's names; ``repeated_``, where it is there, tells repeats of an event.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``event_type``, ``day`` (date, UTC), ``n`` events, ``first`` and ``last``
        timestamp, ``repeated_``; and where the events have them ``value`` and
        ``duration_seconds`` (sums in millionths, int64) with ``n_value`` and
        ``n_duration_seconds``, how many events had one.
    """
    present = events.collect_schema().names()
    amounts = [column for column in AMOUNTS if column in present]
    marked = [REPEATED] if REPEATED in present else []
    grouped = (
        events.with_columns(day=nw.col("timestamp").dt.date())
        .group_by(*KEYS, *marked)
        .agg(
            nw.len().cast(nw.Int64).alias("n"),
            nw.col("timestamp").min().alias("first"),
            nw.col("timestamp").max().alias("last"),
            *(micro(nw.col(column)).sum().cast(nw.Int64).alias(column) for column in amounts),
            *(nw.col(column).count().cast(nw.Int64).alias(f"n_{column}") for column in amounts),
        )
    )
    if not marked:
        grouped = grouped.with_columns(nw.lit(False).alias(REPEATED))
    counts = [f"n_{column}" for column in amounts]
    return grouped.select(*KEYS, "n", "first", "last", *amounts, *counts, REPEATED)


def merged(ledgers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the ledger of the events of several ledgers, given one below the other."""
    amounts = [c for c in ledgers.collect_schema().names() if c in AMOUNTS]
    sums = ["n", *amounts, *(f"n_{column}" for column in amounts)]
    grouped = ledgers.group_by(*KEYS, REPEATED).agg(
        nw.col("first").min(),
        nw.col("last").max(),
        *(nw.col(column).sum().cast(nw.Int64) for column in sums),
    )
    return grouped.select(ledgers.collect_schema().names())


def micro(amount: nw.Expr) -> nw.Expr:
    """Return an amount in whole millionths, int64."""
    return (amount * MICRO).round(0).cast(nw.Int64)
