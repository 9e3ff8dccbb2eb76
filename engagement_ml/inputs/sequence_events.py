"""Events of sequences: "A, then B within a day" as a behaviour of its own, on any engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw

from engagement_ml.config import SequenceConfig
from engagement_ml.engine import Engine
from engagement_ml.formatting import quantity

MICROS_PER_DAY = 86_400_000_000
_NEVER = -(2**62)
"""A moment before all others: engines differ in what a running maximum makes of nulls."""


def sequence_events(
    engine: Engine, events: nw.LazyFrame[Any], sequences: Sequence[SequenceConfig]
) -> nw.LazyFrame[Any]:
    """Return an event for each `then` event with a `first` event of the same customer before it.

    Parameters
    ----------
    engine : Engine
    events : LazyFrame
        Usable events: ``customer_id``, ``timestamp`` (naive UTC), ``event_type``, and others.
    sequences : sequence of SequenceConfig
        At least one.

    Returns
    -------
    LazyFrame
        In the columns of `events`: ``timestamp`` is that of the `then` event, ``event_type`` the
        name of the sequence; columns other than these and ``customer_id`` are null. A row for each
        `then` event whose last earlier `first` event lies at most ``within_days`` before it. A
        `then` event counts at most once for a sequence, a `first` event may serve several. Two
        events at the same moment have no order, so they are no sequence.

    Examples
    --------
    >>> import pandas as pd
    >>> from engagement_ml.engine import open_duckdb
    >>> events = pd.DataFrame({"customer_id": [1, 1, 2], "event_type": ["demo", "trial", "trial"],
    ...     "timestamp": pd.to_datetime(["2024-01-01 09:00", "2024-01-02 08:00",
    ...                                "2024-01-02 00:00"])})
    >>> with open_duckdb() as engine:
    ...     frame = engine.read_arrow(nw.from_native(events).to_arrow())
    ...     found = sequence_events(engine, frame, [SequenceConfig(first="demo", then="trial")])
    ...     engine.pandas(found)["event_type"].tolist()
    ['demo then trial']
    """
    return nw.concat([_of_one(engine, events, sequence) for sequence in sequences])


def never_occurs(sequence: SequenceConfig, counts: Mapping[str, int], label: str) -> str | None:
    """Return a note if no event completes a sequence, which is then no behaviour."""
    if sequence.name in counts or not {sequence.first, sequence.then} <= counts.keys():
        return None
    return (
        f"{label}: no '{sequence.then}' follows '{sequence.first}' within "
        f"{quantity(sequence.within_days, 'day')}, so that '{sequence.name}' is no behaviour"
    )


def without_order(
    engine: Engine, events: nw.LazyFrame[Any], sequence: SequenceConfig, label: str
) -> str | None:
    """Return a note on `then` events at the moment of a `first` event of the same customer."""
    ones, zeros = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)
    first, then = (
        nw.when(nw.col("event_type") == name).then(ones).otherwise(zeros)
        for name in (sequence.first, sequence.then)
    )
    moments = (
        events.filter(nw.col("event_type").is_in([sequence.first, sequence.then]))
        .select("customer_id", "timestamp", first_=first, then_=then)
        .group_by("customer_id", "timestamp")
        .agg(nw.col("first_").sum(), nw.col("then_").sum())
        .filter(nw.col("first_") > 0)
        .select(n=nw.col("then_").sum())
    )
    (row,) = engine.rows(moments, source=label)
    n = int(row["n"] or 0)
    if not n:
        return None
    return (
        f"{label}: {quantity(n, 'event')} '{sequence.then}' at the same moment as "
        f"'{sequence.first}' of the same customer; which came first is not known, so that this is "
        f"no sequence '{sequence.name}'"
    )


def _of_one(
    engine: Engine, events: nw.LazyFrame[Any], sequence: SequenceConfig
) -> nw.LazyFrame[Any]:
    within = round(sequence.within_days * MICROS_PER_DAY)
    rows = events.select("customer_id", "timestamp", "event_type").filter(
        nw.col("event_type").is_in([sequence.first, sequence.then])
    )
    first = nw.col("event_type") == sequence.first
    timed = engine.micros(rows.with_columns(micros_=nw.col("timestamp")), "micros_").with_columns(
        # At the same moment, `then` events come first and so do not see its `first` events.
        first_=nw.when(first).then(nw.lit(1)).otherwise(nw.lit(0)),
        moment_=nw.when(first).then(nw.col("micros_")).otherwise(nw.lit(_NEVER)),
    )
    last_first = nw.col("moment_").cum_max().over("customer_id", order_by=("micros_", "first_"))
    found = timed.with_columns(before_=last_first).filter(
        nw.col("first_") == 0, nw.col("micros_") - nw.col("before_") <= within
    )
    given = {
        "customer_id": nw.col("customer_id"),
        "timestamp": nw.col("timestamp"),
        "event_type": nw.lit(sequence.name),
    }
    # Not the values, channels and ids of `then` events, which would count twice.
    return found.select(
        given.get(column, nw.lit(None).cast(dtype)).alias(column)
        for column, dtype in events.collect_schema().items()
    )
