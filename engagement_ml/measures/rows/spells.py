"""Spells of subscriptions: when customers subscribed and when they left, by period."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.rows.occurrences import Occurrences, kept

_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)


def subscription_rows(
    context: MeasureContext, gained: Occurrences, lost: Occurrences
) -> tuple[str, nw.LazyFrame[Any]]:
    """Return who subscribed, who left, and who was subscribed at the start of each period.

    A second subscription in a row, or a second cancellation, changes nothing. Who first cancels
    was subscribed before the history.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day``, and ``gained``, ``lost``, ``at_start`` (1 or 0, int64).
    """
    key = f"subscriptions {gained.names} {lost.names}"
    return key, kept(context, key, lambda: _rows(context, gained, lost))


def _rows(context: MeasureContext, gained: Occurrences, lost: Occurrences) -> nw.LazyFrame[Any]:
    columns = ("customer_id", "day", "micros")
    # At the same moment the cancellation comes first: the customer stays.
    events = nw.concat(
        [
            gained.frame.select(*columns, state=_ONE),
            lost.frame.select(*columns, state=_ZERO),
        ]
    )
    before = nw.col("state").shift(1).over("customer_id", order_by=("micros", "state"))
    after = nw.col("day").shift(-1).over("customer_id", order_by=("micros", "state"))
    changes = (
        events.with_columns(before=before)
        .with_columns(was=nw.col("before").fill_null(1 - nw.col("state")))
        .filter(nw.col("was") != nw.col("state"))
        .with_columns(until=after)
    )
    subscribed, left = nw.col("state") == 1, nw.col("state") == 0
    flows = changes.select(
        "customer_id",
        "day",
        gained=nw.when(subscribed).then(_ONE).otherwise(_ZERO),
        lost=nw.when(left).then(_ONE).otherwise(_ZERO),
        at_start=_ZERO,
    )
    starts = context.engine.small({"start": [period.start for period in context.periods.each]})
    return nw.concat([flows, *(_present(each, starts) for each in _spells(changes))])


def _spells(changes: nw.LazyFrame[Any]) -> list[nw.LazyFrame[Any]]:
    """Return the spells that begin in the history, and those that began before it."""
    nothing = nw.lit(None).cast(nw.Date)
    began = changes.filter(nw.col("state") == 1).select(
        "customer_id", first=nw.col("day"), until=nw.col("until")
    )
    earlier = changes.filter((nw.col("state") == 0) & nw.col("before").is_null()).select(
        "customer_id", first=nothing, until=nw.col("day")
    )
    return [began, earlier]


def _present(spells: nw.LazyFrame[Any], starts: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a row for each period at whose start a spell holds."""
    there = (nw.col("first").is_null() | (nw.col("first") < nw.col("start"))) & (
        nw.col("until").is_null() | (nw.col("until") >= nw.col("start"))
    )
    return (
        spells.join(starts, how="cross")
        .filter(there)
        .select(
            "customer_id", nw.col("start").alias("day"), gained=_ZERO, lost=_ZERO, at_start=_ONE
        )
    )
