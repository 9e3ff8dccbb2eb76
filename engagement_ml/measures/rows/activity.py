"""Activity: events by customer and day, and the days, weeks and months of active customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import Every
from engagement_ml.features.daily_totals import daily_events
from engagement_ml.inputs.derived_events import ACTIVE
from engagement_ml.ledger.sessions import OUTBOUND
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.periods import start_of
from engagement_ml.measures.rows.occurrences import CHANNEL, Names, kept, touched
from engagement_ml.windows import DAY

WEIGHT = 338_689_260
"""A multiple of every number of days, weeks and months in a period (7, 28 to 31, 90 to 92), so that
means over the days of a period are sums of whole numbers."""
SENT = (
    "email_sent",
    "email_delivered",
    "message_sent",
    "message_delivered",
    "push_sent",
    "sms_sent",
)
"""Event types of what companies send: no activity even if the events have no ``direction``."""
TRAILING_DAYS = 28
"""Days of the month that ends with a week, if periods are weeks."""
_ONE, _ZERO = nw.lit(1), nw.lit(0)
_NONE = nw.lit(0).cast(nw.Int64)


def event_rows(
    context: MeasureContext, names: Names = None, columns: Sequence[str] = ()
) -> tuple[str, nw.LazyFrame[Any]]:
    """Return the events of a customer on a day, for counts by type, and their key.

    Parameters
    ----------
    context : MeasureContext
    names : str or tuple of str, optional
        Event types that are activity; by default all that the customer does.
    columns : sequence of str
        Further columns of the events.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day``, ``event_type``, ``n`` events, ``active`` (1 if they are activity,
        else 0), `columns`, and ``touchpoint`` if events have a channel.
    """
    direction = ["direction"] if context.has("events", "direction") else []
    if not columns and not direction and not touched(context):
        rows = daily_events(context.tables).select("customer_id", "day", "event_type", "n")
    else:
        rows = context.tables.events.select(
            "customer_id",
            nw.col("timestamp").dt.date().alias("day"),
            "event_type",
            *columns,
            *direction,
            *(nw.col(CHANNEL).alias(name) for name in touched(context)),
            n=nw.lit(1).cast(nw.Int64),
        )
    active = is_active(context, rows.collect_schema().names(), names)
    kept_columns = ("customer_id", "day", "event_type", "n", *columns, *touched(context))
    key = f"events {names} {list(columns)}"
    return key, rows.select(*kept_columns, active=nw.when(active).then(_ONE).otherwise(_ZERO))


def is_active(context: MeasureContext, present: Iterable[str], names: Names = None) -> nw.Expr:
    """Return whether an event is activity: done by the customer, of a type that counts.

    Types with ``role: ignore``, the churn event and what the company sends are none.
    """
    config, event_type = context.config, nw.col("event_type")
    if names is not None:
        active = event_type.is_in([names] if isinstance(names, str) else list(names))
    else:
        excluded = {name for name, b in config.behaviours.items() if b.role == "ignore"}
        excluded |= {*SENT, *filter(None, [config.churn.event_type]), *_of_others(context)}
        active = ~event_type.is_in(sorted(excluded))
    if "direction" in present:
        direction = nw.col("direction").cast(nw.String).fill_null("").str.to_lowercase()
        active = active & (direction != OUTBOUND)
    return active


def _of_others(context: MeasureContext) -> set[str]:
    """Return derived event types that are not what the customer does.

    What partners and sales people do is none of its activity; what its users do is, but for the
    breadth, which would count them twice.
    """
    ours = tuple(f"{role}." for role in context.config.links.breadth)
    return {
        name
        for name in context.tables.derived_types
        if not name.startswith(ours) or name.endswith(f".{ACTIVE}")
    }


def active_spans(
    context: MeasureContext, names: Names = None
) -> tuple[str, nw.LazyFrame[Any], nw.LazyFrame[Any] | None]:
    """Return on which days, in which weeks and in which months customers were active.

    Weeks run from Monday to Sunday and months are those of the calendar; each counts in the period
    in which it ends. If periods are weeks, the month is the 28 days that end with the week. Weeks
    and months that begin before the history are left out.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day`` (the last one of the week or month), ``day_``, ``week_`` and
        ``month_``: `WEIGHT` divided by the number of such spans in the period, else 0.
    by_touchpoint : LazyFrame or None
        The same for each ``touchpoint``, if events have a channel.
    """
    key = f"active spans {names}"
    touch = touched(context)

    def days() -> nw.LazyFrame[Any]:
        rows = event_rows(context, names)[1].filter(nw.col("active") == 1)
        return rows.group_by("customer_id", "day", *touch).agg(nw.len().alias("n"))

    active = kept(context, f"active days {names}", days)
    frame = kept(context, key, lambda: _distinct(context, active, ()))
    if not touch:
        return key, frame, None
    return key, frame, kept(context, f"{key} {touch}", lambda: _distinct(context, active, touch))


def _distinct(
    context: MeasureContext, active: nw.LazyFrame[Any], split: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return distinct days, weeks and months, with their weights, one below the other."""
    monthly: Every | None = None if context.periods.every == "week" else "month"
    spans = {"week_": list(span_ends(context, "week")), "month_": list(span_ends(context, monthly))}
    singles = [
        (each.start + i * DAY,) * 2 for each in context.periods.each for i in range(each.days)
    ]
    parts = []
    for name, each in {"day_": singles, **spans}.items():
        calendar = context.engine.small(_weighted(context, each))
        # A day of one touchpoint is there once already.
        rows = active.join(calendar, on="day", how="inner")
        if name != "day_" or len(split) < len(touched(context)):
            rows = rows.group_by("customer_id", "end", *split).agg(nw.col("weight").max())
        weights = {w: nw.col("weight") if w == name else _NONE for w in ("day_", *spans)}
        parts.append(rows.select("customer_id", nw.col("end").alias("day"), *split, **weights))
    return nw.concat(parts)


def span_ends(context: MeasureContext, every: Every | None) -> Iterator[tuple[dt.date, dt.date]]:
    """Yield first and last day of each whole span that ends in a period and in the history.

    Parameters
    ----------
    context : MeasureContext
    every : {"week", "month", "quarter"} or None
        None is the trailing month of each week.
    """
    span, day = context.periods.span, context.periods.span.start
    while day < span.end:
        after = day + DAY
        if every is None:
            ends, first = after.weekday() == 0, after - TRAILING_DAYS * DAY
        else:
            ends, first = start_of(after, every) == after, start_of(day, every)
        if ends and first >= context.tables.history.start:
            yield first, day
        day = after


def _weighted(
    context: MeasureContext, spans: Sequence[tuple[dt.date, dt.date]]
) -> dict[str, list[Any]]:
    """Return the days of each span, its end and its weight, as columns."""
    columns: dict[str, list[Any]] = {"day": [], "end": [], "weight": []}
    for period in context.periods.each:
        inside = [s for s in spans if period.start <= s[1] < period.end]
        for first, last in inside:
            for offset in range((last - first).days + 1):
                columns["day"].append(first + offset * DAY)
                columns["end"].append(last)
                columns["weight"].append(WEIGHT // len(inside))
    return columns
