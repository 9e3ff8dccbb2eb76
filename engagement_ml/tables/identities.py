"""Anonymous events assigned to customers: whose an ``anonymous_id`` is, and from when on.

Each known ``anonymous_id`` has spans of time that do not overlap and leave no gap. A span has one
customer, or none: before the first identity, and where identities contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.formatting import quantity
from engagement_ml.tables.schema import ANONYMOUS

START, END = -(2**62), 2**62
"""Before and after every moment, in microseconds since 1970."""
KEY, SINCE, UNTIL = "identity_key_", "identity_since_", "identity_until_"
CUSTOMER, SHARED = "identity_customer_", "identity_shared_"


@dataclass(frozen=True)
class StitchedEvents:
    """Numbers of events without ``customer_id``, by what became of them.

    Attributes
    ----------
    assigned : int
        Events that became a customer's.
    early : int
        Events before the first identity of their ``anonymous_id``.
    shared : int
        Events whose ``anonymous_id`` is that of several customers.
    unknown : int
        Events whose ``anonymous_id`` is not among the identities.
    """

    assigned: int = 0
    early: int = 0
    shared: int = 0
    unknown: int = 0

    @classmethod
    def total(cls, parts: Iterable[Iterable[int]]) -> StitchedEvents:
        """Return the sum of the numbers of several parts of the events.

        Examples
        --------
        >>> StitchedEvents.total([(3, 0, 1, 2), (1, 0, 0, 0)])
        StitchedEvents(assigned=4, early=0, shared=1, unknown=2)
        """
        return cls(*map(sum, zip(*parts, strict=True)))

    def plain(self) -> list[int]:
        """Return the numbers in their order."""
        return list(astuple(self))

    def notes(self) -> tuple[str, ...]:
        """Return sentences on the events that were assigned, and on those that were dropped."""
        assigned = f"{quantity(self.assigned, 'event')} without customer_id became a customer's"
        if not self.assigned:
            assigned = (
                "no event became a customer's by identities; check that anonymous_id means the "
                "same in both tables"
            )
        dropped = {
            "they are before the timestamp of their identity": self.early,
            "several customers have their anonymous_id, as on a shared device": self.shared,
            "identities lack their anonymous_id": self.unknown,
        }
        return (
            assigned,
            *(f"{quantity(n, 'event')} dropped: {why}" for why, n in dropped.items() if n),
        )


def identity_spans(engine: Engine, identities: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the spans of time of each ``anonymous_id``, and whose it is in them.

    Parameters
    ----------
    engine : Engine
    identities : LazyFrame
        ``anonymous_id`` and ``customer_id``, not null; ``timestamp`` if there is one, null for an
        identity that always held.

    Returns
    -------
    LazyFrame
        `KEY`: the anonymous id. `SINCE` and `UNTIL` (exclusive): microseconds since 1970.
        `CUSTOMER`: null if it is no customer's. `SHARED`: 1 if several customers have it at that
        moment, else 0.
    """
    customer, since = nw.col("customer_id"), nw.lit(START).cast(nw.Int64)
    timed = "timestamp" in identities.collect_schema().names()
    if timed:
        identities = engine.micros(identities, "timestamp")
        since = nw.when(~nw.col("timestamp").is_null()).then(nw.col("timestamp")).otherwise(since)
    grouped = (
        identities.select(nw.col(ANONYMOUS).alias(KEY), customer, since.alias(SINCE))
        .group_by(KEY, SINCE)
        .agg(customer.min().alias("low_"), customer.max().alias("high_"))
    )
    one = nw.col("low_") == nw.col("high_")
    spans = grouped.select(
        KEY,
        SINCE,
        nw.when(one).then(nw.col("low_")).alias(CUSTOMER),
        nw.when(one).then(nw.lit(0)).otherwise(nw.lit(1)).cast(nw.Int64).alias(SHARED),
    )
    if timed:
        first = grouped.group_by(KEY).agg(nw.col(SINCE).min(), nw.col("low_").min())
        early = first.filter(nw.col(SINCE) > START).select(
            KEY,
            nw.lit(START).cast(nw.Int64).alias(SINCE),
            nw.when(nw.col(SINCE) < START).then(nw.col("low_")).alias(CUSTOMER),
            nw.lit(0).cast(nw.Int64).alias(SHARED),
        )
        spans = nw.concat([spans, early])
    until = nw.col(SINCE).shift(-1).over(KEY, order_by=SINCE)
    return spans.with_columns(until.alias(UNTIL)).with_columns(
        nw.when(~nw.col(UNTIL).is_null()).then(nw.col(UNTIL)).otherwise(nw.lit(END)).alias(UNTIL)
    )
