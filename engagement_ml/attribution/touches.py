"""Touches and conversions of the tables, as the engine's frames."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import AttributionConfig, PipelineConfig
from engagement_ml.errors import InputError
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import micro

DAY_MICROS = 86_400_000_000
MOST_TOUCHPOINTS = 100
"""Touchpoints of their own; the rarer ones are one."""
OTHERS = "(all others)"
_EPOCH_ORDINAL = 719_163
_KEY = "attribution"


@dataclass(frozen=True)
class Touches:
    """The touches of a history.

    Attributes
    ----------
    frame : LazyFrame
        ``customer_id``, ``micros`` (microseconds since 1970) and ``code``, the place of the
        touchpoint.
    touchpoints : tuple of str
        Sorted; `OTHERS` is the last, if there is one.
    counts : tuple of int
        Touches of each touchpoint.
    begin, end : int
        Moment of the first touch, and end of the history, in microseconds since 1970.
    n_unnamed : int
        Events that would be touches, if they named their touchpoint.
    n_merged : int
        Touchpoints within `OTHERS`.
    since : date
        The first day whose touches count.
    n_early : int
        Events before it that would be touches.
    """

    frame: nw.LazyFrame[Any]
    touchpoints: tuple[str, ...]
    counts: tuple[int, ...]
    begin: int
    end: int
    since: dt.date
    n_unnamed: int = 0
    n_merged: int = 0
    n_early: int = 0


def touch_types(tables: Tables, config: PipelineConfig) -> tuple[str, ...]:
    """Return the event types that are touchpoints, sorted: by default all but consequences.

    Raises
    ------
    InputError
        If none is left.
    """
    settings = config.attribution or AttributionConfig()
    by_default = (n for n in tables.behaviours if config.behaviour(n).role != "consequence")
    left = set(settings.event_types or by_default) - {settings.conversion}
    if not left:
        raise InputError(
            f"{tables.source('events')}: key '{_KEY}.event_types': no event type is left that "
            "could be a touchpoint; name those that are"
        )
    return tuple(sorted(left))


def read_touches(tables: Tables, config: PipelineConfig) -> Touches:
    """Return the touches from the first one that could be followed by a conversion.

    Raises
    ------
    InputError
        If the events lack the column of touchpoints, or it is empty in all touches.
    """
    settings = config.attribution or AttributionConfig()
    column = settings.touchpoint
    if column not in tables.columns("events"):
        raise InputError(
            f"{tables.source('events')}: column '{column}', which key '{_KEY}.touchpoint' asks "
            "for, is missing; map it under 'columns.events', or set "
            f"'{_KEY}.touchpoint' to event_type or to a column that is there"
        )
    since, end = _first_touch_day(tables, settings), _micros(tables.history.end)
    start = _micros(since)
    types = touch_types(tables, config)
    events = tables.events
    if set(types) != set(tables.event_counts):
        events = events.filter(nw.col("event_type").is_in(list(types)))
    chosen = events.select("customer_id", "timestamp", touchpoint_=nw.col(column))
    moments = tables.engine.micros(chosen, "timestamp").rename({"timestamp": "micros"})
    recorded = moments.filter(nw.col("micros") < end)
    inside = recorded.filter(nw.col("micros") >= start)
    totals = _totals(tables, inside)
    early = recorded.filter(nw.col("micros") < start).select(n=nw.len().cast(nw.Int64))
    unnamed = sum(n for name, n, _ in totals if not name)
    named = [row for row in totals if row[0]]
    if not named:
        raise InputError(
            f"{tables.source('events')}: column '{column}', which key '{_KEY}.touchpoint' names, "
            f"is empty in all {unnamed:,} events of the history that could be touches; set "
            f"'{_KEY}.touchpoint' to another column, or fill it"
        )
    # The most frequent first; names settle ties, so that the same data give the same touchpoints.
    named.sort(key=lambda row: (-row[1], row[0]))
    own, rest = sorted(named[:MOST_TOUCHPOINTS]), named[MOST_TOUCHPOINTS:]
    names, counts = [row[0] for row in own], [row[1] for row in own]
    codes = tables.engine.small({"touchpoint_": names, "code": list(range(len(names)))})
    kept = inside.filter(~nw.col("touchpoint_").is_null() & (nw.col("touchpoint_") != ""))
    coded = kept.join(codes, on="touchpoint_", how="left" if rest else "inner")
    code = nw.col("code").cast(nw.Int64)
    return Touches(
        coded.select("customer_id", "micros", code.fill_null(len(names)) if rest else code),
        (*names, *([OTHERS] if rest else [])),
        (*counts, *([sum(row[1] for row in rest)] if rest else [])),
        min(row[2] for row in named),
        end,
        since,
        unnamed,
        len(rest),
        int(tables.engine.rows(early, source="events")[0]["n"]),
    )


def read_conversions(tables: Tables, config: PipelineConfig, touches: Touches) -> nw.LazyFrame[Any]:
    """Return the conversions of the history, one a customer and moment.

    Rows of transactions with one ``order_id`` are one purchase, at the moment of the first; those
    without are one if they have the same moment. A purchase has a positive margin or revenue.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``micros``, and ``value``: the margin in millionths, 0 for events.
    """
    settings = config.attribution or AttributionConfig()
    nothing = nw.lit(0).cast(nw.Int64)
    if settings.conversion is not None:
        rows = tables.events.filter(nw.col("event_type") == settings.conversion)
        moments = tables.engine.micros(rows.select("customer_id", "timestamp"), "timestamp")
        bought = moments.rename({"timestamp": "micros"}).with_columns(value=nothing)
    else:
        bought = _purchases(tables)
    inside = bought.filter(
        (nw.col("micros") < touches.end) & (nw.col("micros") >= _first_day(touches.begin))
    )
    return inside.group_by("customer_id", "micros").agg(nw.col("value").sum().cast(nw.Int64))


def _purchases(tables: Tables) -> nw.LazyFrame[Any]:
    present = tables.columns("transactions")
    revenue = nw.col("revenue").fill_null(0.0) if "revenue" in present else nw.lit(0.0)
    order = nw.col("order_id") if "order_id" in present else nw.lit(None)
    rows = tables.transactions.select(
        "customer_id",
        "timestamp",
        value=micro(nw.col("margin")),
        revenue_=micro(revenue),
        order_=order.cast(nw.String).fill_null(""),
    )
    moments = tables.engine.micros(rows, "timestamp").rename({"timestamp": "micros"})
    alone = nw.when(nw.col("order_") == "").then(nw.col("micros")).otherwise(nw.lit(0))
    orders = (
        moments.with_columns(alone_=alone.cast(nw.Int64))
        .group_by("customer_id", "order_", "alone_")
        .agg(
            nw.col("micros").min(),
            nw.col("value").sum().cast(nw.Int64),
            nw.col("revenue_").sum().cast(nw.Int64),
        )
    )
    positive = (nw.col("value") > 0) | (nw.col("revenue_") > 0)
    return orders.filter(positive).select("customer_id", "micros", "value")


def _first_touch_day(tables: Tables, settings: AttributionConfig) -> dt.date:
    """Return from when on a touch could be followed by a conversion."""
    history = tables.history
    if settings.conversion is not None or history.paid_from is None:
        return dt.date.min
    # Earlier purchases are unknown, so that paths would seem not to convert.
    return history.paid_from - dt.timedelta(days=settings.lookback_days)


def _totals(tables: Tables, touches: nw.LazyFrame[Any]) -> list[tuple[str, int, int]]:
    """Return name, number and first moment of each touchpoint; the name of none is empty."""
    grouped = touches.group_by("touchpoint_").agg(
        nw.len().cast(nw.Int64).alias("n"), nw.col("micros").min()
    )
    rows = tables.engine.rows(grouped, source="events")
    return [(str(r["touchpoint_"] or ""), int(r["n"]), int(r["micros"])) for r in rows]


def _micros(day: dt.date) -> int:
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY_MICROS


def _first_day(micros: int) -> int:
    return micros // DAY_MICROS * DAY_MICROS
