"""Activity: events by customer and day, and on which days, weeks and months customers were active."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import narwhals as nw

from engagement_ml.features.daily_totals import daily_events
from engagement_ml.ledger.sessions import OUTBOUND
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.periods import Every, start_of
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
        excluded |= {*SENT, *filter(None, [config.churn.event_type])}
        active = ~event_type.is_in(sorted(excluded))
    if "direction" in present:
        direction = nw.col("direction").cast(nw.String).fill_null("").str.to_lowercase()
        active = active & (direction != OUTBOUND)
    return active


def active_spans(context: MeasureContext, names: Names = None) -> tuple[str, nw.LazyFrame[Any]]:
    """Return on which days, in which weeks and in which months customers were active.

    Weeks run from Monday to Sunday and months are those of the calendar; each counts in the period
    in which it ends. If periods are weeks, the month is the 28 days that end with the week. Weeks
    and months that begin before the history are left out.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day`` (the last one of the week or month), ``day_``, ``week_`` and
        ``month_`` (`WEIGHT` divided by the number of such spans in the period, else 0), and
        ``touchpoint`` if events have a channel.
    """
    key = f"active spans {names}"
    touch = touched(context)

    def days() -> nw.LazyFrame[Any]:
        rows = event_rows(context, names)[1].filter(nw.col("active") == 1)
        return rows.group_by("customer_id", "day", *touch).agg(nw.len().alias("n"))

    def make() -> nw.LazyFrame[Any]:
        active = kept(context, f"active days {names}", days)
        spans = context.engine.small(_spans(context))
        weights = ("day_", "week_", "month_")
        rows = active.join(spans, on="day", how="inner").group_by("customer_id", "end", *touch)
        return (
            rows.agg(nw.col(weight).max() for weight in weights)
            .rename({"end": "day"})
            .select("customer_id", "day", *touch, *weights)
        )

    return key, kept(context, key, make)


def distinct_spans(context: MeasureContext, span: str) -> nw.Expr:
    """Return the weight of a customer's distinct days, weeks or months in a period.

    Parameters
    ----------
    context : MeasureContext
    span : {"day", "week", "month"}
    """
    weight = nw.col(f"{span}_")
    if not touched(context):
        return weight.sum()
    # Several touchpoints of a day are one active day; null stands for the days without the span.
    ends = nw.when(weight > 0).then(nw.col("day"))
    others = nw.when(weight > 0).then(_ZERO).otherwise(_ONE)
    return (ends.n_unique() - others.max()) * weight.max()


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


def _spans(context: MeasureContext) -> dict[str, list[Any]]:
    """Return the days of each span, its end and its weight, as columns."""
    columns: dict[str, list[Any]] = {n: [] for n in ("day", "end", "day_", "week_", "month_")}

    def add(first: dt.date, last: dt.date, **weights: int) -> None:
        for offset in range((last - first).days + 1):
            columns["day"].append(first + offset * DAY)
            columns["end"].append(last)
            for name in ("day_", "week_", "month_"):
                columns[name].append(weights.get(name, 0))

    for period in context.periods.each:
        for offset in range(period.days):
            day = period.start + offset * DAY
            add(day, day, day_=WEIGHT // period.days)
    monthly: Every | None = None if context.periods.every == "week" else "month"
    for name, every in (("week_", "week"), ("month_", monthly)):
        spans = list(span_ends(context, every))  # type: ignore[arg-type]
        for period in context.periods.each:
            inside = [s for s in spans if period.start <= s[1] < period.end]
            for first, last in inside:
                add(first, last, **{name: WEIGHT // len(inside)})
    return columns
