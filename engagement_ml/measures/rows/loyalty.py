"""Rows of retention: who was a customer when a period began, and who stayed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from engagement_ml.features.daily_totals import content_key, entities
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.periods import Period, start_of
from engagement_ml.measures.rows.purchases import purchases
from engagement_ml.windows import DAY

_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)


def stayed_and_bought(context: MeasureContext, days_before: int | None = None) -> nw.LazyFrame[Any]:
    """Return who was a customer when a period began and at its end, with what customers bought.

    With ``churn: {kind: event}``, customers are those on board when the period begins, and those
    with the event in the period are lost. Else customers are those with an order in the days before
    the period, and those without one in the period are lost.

    Parameters
    ----------
    context : MeasureContext
    days_before : int, optional
        Days before a period in which an order makes a customer; by default the period before.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day`` (a day of the period), ``before`` and ``after`` (1 or 0): an order
        before the period and in it or, with a churn event, a contract at its start and at its end.
        Periods of which the days before are not all in the history have no such rows. ``orders``
        and ``margin`` are those of ``rows.purchases``. A row has either, and 0 in the others.
    """
    by_event = context.config.churn.event_type is not None

    def make() -> nw.LazyFrame[Any]:
        rows = _contracts(context) if by_event else _orders(context, days_before)
        customers = rows.select(
            "customer_id", "day", *(nw.col(c).cast(nw.Int64) for c in ("before", "after")),
            orders=_ZERO, margin=_ZERO,
        )  # fmt: skip
        bought = purchases(context).select(
            "customer_id", "day", before=_ZERO, after=_ZERO,
            orders=nw.col("orders"), margin=nw.col("margin"),
        )  # fmt: skip
        return nw.concat([customers, bought])

    return context.engine.once(f"measures {loyalty_key(context, days_before)}", make)


def loyalty_key(context: MeasureContext, days_before: int | None) -> str:
    """Return a key of the rows of ``stayed_and_bought``."""
    span, churn = context.periods.span, context.config.churn.event_type
    content = content_key(context.tables, "events", "transactions", "customers")
    parts = (context.periods.every, span.start, span.end, churn, days_before, content)
    return "loyalty " + " ".join(map(str, parts))


def left_out(context: MeasureContext, days_before: int | None = None) -> tuple[str, ...]:
    """Return a note on the periods of which the days before are not all in the history."""
    if context.config.churn.event_type is not None:
        return ()
    known = {period.label for period, _ in _known(context, days_before)}
    unknown = [period.label for period in context.periods.each if period.label not in known]
    if not unknown:
        return ()
    return (f"no data in {', '.join(unknown)}: the orders before are not all in the history",)


def _known(context: MeasureContext, days_before: int | None) -> list[tuple[Period, dt.date]]:
    """Return the periods of which the days before are known, and the first of these days."""
    history = context.tables.history
    first = max(filter(None, (history.start, history.paid_from)))
    every = context.periods.every
    starts = [
        (period, start_of(period.start - DAY, every))
        if days_before is None
        else (period, period.start - days_before * DAY)
        for period in context.periods.each
    ]
    return [(period, start) for period, start in starts if start >= first]


def _orders(context: MeasureContext, days_before: int | None) -> nw.LazyFrame[Any]:
    """Return rows of orders before and in periods; a day may lie before several periods."""
    columns: dict[str, list[Any]] = {name: [] for name in ("day", "period_day", "before", "after")}
    for period, start in _known(context, days_before):
        for offset in range((period.end - start).days):
            day = start + offset * DAY
            inside = int(day >= period.start)
            for name, value in zip(columns, (day, period.start, 1 - inside, inside), strict=True):
                columns[name].append(value)
    if not columns["day"]:
        columns = {
            "day": [dt.date(1970, 1, 1)], "period_day": [dt.date(1970, 1, 1)], "before": [0],
            "after": [0],
        }  # fmt: skip
    orders = purchases(context).filter(nw.col("orders") > 0).select("customer_id", "day")
    days = context.engine.small(columns)
    return orders.join(days, on="day", how="inner").select(
        "customer_id", nw.col("period_day").alias("day"), "before", "after"
    )


def _contracts(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return a row for each customer and period that begins with the customer on board."""
    starts = context.engine.small(
        {
            "day": [period.start for period in context.periods.each],
            "end": [period.end for period in context.periods.each],
        }
    )
    entry, exit_day = nw.col("entry").dt.date(), nw.col("exit").dt.date()
    spans = entities(context.tables, context.config).select(
        "customer_id", entry_day=entry, exit_day=exit_day
    )
    present = spans.join(starts, how="cross").filter(
        (nw.col("entry_day") < nw.col("day"))
        & (nw.col("exit_day").is_null() | (nw.col("exit_day") >= nw.col("day")))
    )
    kept = nw.col("exit_day").is_null() | (nw.col("exit_day") >= nw.col("end"))
    return present.select(
        "customer_id", "day", before=_ONE, after=nw.when(kept).then(_ONE).otherwise(_ZERO)
    )
