"""Occurrences: when customers did what a setting names, in events or in other tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.errors import nearest
from engagement_ml.features.daily_totals import content_key, daily_events
from engagement_ml.measures.context import (
    SIGNUP,
    TOUCHPOINT,
    TRANSACTION,
    AbsentError,
    MeasureContext,
)

CHANNEL = "channel"
DAY = 86_400_000_000
HOUR = 3_600_000_000
"""In microseconds."""
_EVENT_COLUMNS = {TOUCHPOINT: CHANNEL}
Names = str | tuple[str, ...] | None


@dataclass(frozen=True)
class Occurrences:
    """What customers did, and when.

    Attributes
    ----------
    names : tuple of str
        The event types, `TRANSACTION` or `SIGNUP`, of those that are in the tables.
    frame : LazyFrame
        ``customer_id``, ``day`` (date), ``micros`` (since 1970, int64) and the columns that were
        asked for, null in tables that lack them.
    """

    names: tuple[str, ...]
    frame: nw.LazyFrame[Any]


def occurrences(
    context: MeasureContext,
    names: Names,
    key: str,
    columns: Sequence[str] = (),
    where: nw.Expr | None = None,
) -> Occurrences:
    """Return the occurrences of what a setting names.

    Parameters
    ----------
    context : MeasureContext
    names : str or tuple of str
        Event types; `TRANSACTION` and `SIGNUP` stand for rows of other tables unless there is an
        event type of that name.
    key : str
        The setting, for messages.
    columns : sequence of str
        Columns of the events to keep; `TOUCHPOINT` is their ``channel``.
    where : Expr, optional
        Condition of the events that count.

    Raises
    ------
    AbsentError
        If nothing of it is in the tables.
    """
    wanted = (names,) if isinstance(names, str) else tuple(names or ())
    in_events = tuple(name for name in wanted if name in context.tables.event_counts)
    elsewhere = tuple(n for n in wanted if n not in in_events and _in_other_table(context, n))
    if not in_events and not elsewhere:
        _refuse(context, wanted, key)
    frames = [_of_events(context, in_events, columns, where)] if in_events else []
    frames += [_of_table(context, name, columns) for name in elsewhere]
    frame = frames[0] if len(frames) == 1 else nw.concat(frames)
    return Occurrences((*in_events, *elsewhere), frame)


def first_and_last(
    context: MeasureContext, names: Sequence[str], columns: Sequence[str] = ()
) -> nw.LazyFrame[Any] | None:
    """Return the first and the last event of a customer, type and day, from the daily totals.

    Returns
    -------
    LazyFrame or None
        ``customer_id``, ``day``, ``micros`` and ``last`` (of the first and the last event) and
        `columns` (null); None if events have a channel, or if a name is not an event type.
    """
    if touched(context) or not set(names) <= context.tables.event_counts.keys():
        return None
    daily = daily_events(context.tables).filter(nw.col("event_type").is_in(list(names)))
    chosen = (nothing().alias(name) for name in columns)
    selected = daily.select(
        "customer_id", "day", *chosen, micros=nw.col("first"), last=nw.col("last")
    )
    return context.engine.micros(selected, "micros", "last")


def events_of(context: MeasureContext, names: Iterable[str]) -> nw.LazyFrame[Any]:
    """Return the events of some types, with all of their columns."""
    chosen: nw.LazyFrame[Any] = context.tables.events.filter(
        nw.col("event_type").is_in(list(names))
    )
    return chosen


def end_of_history(context: MeasureContext) -> int:
    """Return the end of the history in microseconds since 1970."""
    return (context.tables.history.end.toordinal() - EPOCH_ORDINAL) * DAY


def kept(
    context: MeasureContext, key: str, make: Callable[[], nw.LazyFrame[Any]]
) -> nw.LazyFrame[Any]:
    """Return rows that are computed once for all measures and dimensions.

    Their key has the content of the tables and all of the configuration that rows depend on.
    """
    tables, config = context.tables, context.config
    columns = config.columns
    ignored = sorted(name for name, b in config.behaviours.items() if b.role == "ignore")
    rules = f"{ignored} {config.churn.event_type} {config.features.sessions}"
    content = content_key(tables, "events", "transactions", "customers")
    mapped = {name: sorted(columns.get(name, {}).items()) for name in sorted(columns)}
    span = context.periods.span
    return context.engine.once(
        f"measures {content} {mapped} {rules} {context.periods.every} {span.start} {span.end} "
        f"{key}",
        make,
    )


def nothing(kind: Any = nw.String) -> nw.Expr:
    """Return a null of a type."""
    return nw.lit(None).cast(kind)


def present_columns(context: MeasureContext, *columns: str) -> tuple[str, ...]:
    """Return those of the columns that the events have; `TOUCHPOINT` is their ``channel``."""
    return tuple(c for c in columns if context.has("events", _EVENT_COLUMNS.get(c, c)))


def touched(context: MeasureContext) -> tuple[str, ...]:
    """Return `TOUCHPOINT` if the events have a channel, else nothing."""
    return present_columns(context, TOUCHPOINT)


def count(context: MeasureContext, frame: nw.LazyFrame[Any], **conditions: nw.Expr) -> list[int]:
    """Return how many rows meet each condition."""
    counted = (
        nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum().alias(name)
        for name, condition in conditions.items()
    )
    row = context.engine.rows(frame.select(*counted), source="measures")[0]
    return [int(row[name] or 0) for name in conditions]


EPOCH_ORDINAL = 719_163
"""Ordinal of 1970-01-01."""


def _in_other_table(context: MeasureContext, name: str) -> bool:
    return name == TRANSACTION or (name == SIGNUP and context.has("customers", "signup"))


def _refuse(context: MeasureContext, wanted: tuple[str, ...], key: str) -> None:
    if not wanted:
        raise AbsentError(f"'{key}' in its settings: the event type")
    types = [name for name in wanted if name not in (TRANSACTION, SIGNUP)]
    needs = ["column signup of customers"] if SIGNUP in wanted else []
    needs += [f"events of type {' or '.join(types)}"] if types else []
    # Alternatives, as the defaults are, resemble some type by chance.
    hint = nearest(wanted[0], context.tables.event_counts) if len(wanted) == 1 else ""
    raise AbsentError(f"{' or '.join(needs)}{hint} (setting '{key}')")


def _of_events(
    context: MeasureContext,
    names: Sequence[str],
    columns: Sequence[str],
    where: nw.Expr | None,
) -> nw.LazyFrame[Any]:
    present = present_columns(context, *columns)
    # An id column may be of numbers, and other tables have nulls of text in its place.
    chosen = {
        c: nw.col(_EVENT_COLUMNS.get(c, c)).cast(nw.String) if c in present else nothing()
        for c in columns
    }
    events = events_of(context, names)
    events = events if where is None else events.filter(where)
    return _timed(context, events, "timestamp", chosen)


def _of_table(context: MeasureContext, name: str, columns: Sequence[str]) -> nw.LazyFrame[Any]:
    chosen = {c: nothing() for c in columns}
    if name == TRANSACTION:
        return _timed(context, context.tables.transactions, "timestamp", chosen)
    customers = context.frame("customers").filter(~nw.col("signup").is_null())
    return _timed(context, customers, "signup", chosen)


def _timed(
    context: MeasureContext, frame: nw.LazyFrame[Any], moment: str, columns: dict[str, nw.Expr]
) -> nw.LazyFrame[Any]:
    selected = frame.select(
        "customer_id",
        nw.col(moment).dt.date().alias("day"),
        nw.col(moment).alias("micros"),
        *(expression.alias(name) for name, expression in columns.items()),
    )
    return context.engine.micros(selected, "micros")
