"""Appointments with their last due time, and days with a supply of medicine."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.features.daily_totals import entities
from engagement_ml.measures.context import TOUCHPOINT, MeasureContext
from engagement_ml.measures.rows.occurrences import (
    CHANNEL,
    DAY,
    EPOCH_ORDINAL,
    end_of_history,
    events_of,
    kept,
    touched,
)

INBOUND = "inbound"
_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)
_APPOINTMENT = ("customer_id", "ref")


def appointment_rows(
    context: MeasureContext,
    booked: tuple[str, ...],
    attended: tuple[str, ...],
    cancelled: tuple[str, ...],
    notice: int,
) -> tuple[str, nw.LazyFrame[Any]]:
    """Return the appointments, a row for each ``ref`` of a customer.

    The due time is that of the last event of `booked`, so a moved appointment is one. It is
    cancelled by the provider if an event of `cancelled` that is not inbound follows that event, and
    lies at least `notice` microseconds before the due time.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day`` on which it was due, ``touchpoint`` if events have a channel;
        ``attended``, ``cancelled``, ``mature`` (due at least a day before the end of the history),
        1 or 0, int64.
    """
    key = f"appointments {booked} {attended} {cancelled} {notice}"

    def make() -> nw.LazyFrame[Any]:
        touch = touched(context)
        latest = _latest(context, booked)
        came = _with_ref(context, attended).group_by(*_APPOINTMENT).agg(came=nw.len())
        frame = latest.join(came, on=list(_APPOINTMENT), how="left")
        withdrawn = nw.lit(False)
        if cancelled:
            frame = frame.join(
                _cancellations(context, cancelled, latest, notice),
                on=list(_APPOINTMENT),
                how="left",
            )
            withdrawn = ~nw.col("withdrawn").is_null()
        return frame.select(
            "customer_id",
            "day",
            *touch,
            attended=_flag(~nw.col("came").is_null()),
            cancelled=_flag(withdrawn),
            mature=_flag(nw.col("due") + DAY <= end_of_history(context)),
        )

    return key, kept(context, key, make)


def _latest(context: MeasureContext, booked: tuple[str, ...]) -> nw.LazyFrame[Any]:
    """Return each appointment with the due time of its last booking or move."""
    touch = touched(context)
    rows = _with_ref(context, booked).filter(~nw.col("due").is_null())
    last = nw.col("micros").max().over(*_APPOINTMENT)
    return (
        rows.with_columns(last=last)
        .filter(nw.col("micros") == nw.col("last"))
        .group_by(*_APPOINTMENT)
        .agg(
            nw.col("due").max(),
            nw.col("due_day").max().alias("day"),
            nw.col("micros").max().alias("booked"),
            *(nw.col(name).min() for name in touch),
        )
    )


def _cancellations(
    context: MeasureContext, names: tuple[str, ...], latest: nw.LazyFrame[Any], notice: int
) -> nw.LazyFrame[Any]:
    events = _with_ref(context, names)
    if context.has("events", "direction"):
        direction = nw.col("direction").cast(nw.String).fill_null("").str.to_lowercase()
        events = events.filter(direction != INBOUND)
    in_time = (nw.col("at") >= nw.col("booked")) & (nw.col("at") + notice <= nw.col("due"))
    return (
        events.select(*_APPOINTMENT, at=nw.col("micros"))
        .join(latest.select(*_APPOINTMENT, "due", "booked"), on=list(_APPOINTMENT), how="inner")
        .filter(in_time)
        .group_by(*_APPOINTMENT)
        .agg(withdrawn=nw.len())
    )


def _with_ref(context: MeasureContext, names: tuple[str, ...]) -> nw.LazyFrame[Any]:
    direction = ["direction"] if context.has("events", "direction") else []
    rows = events_of(context, names).filter(~nw.col("ref").is_null())
    selected = rows.select(
        "customer_id",
        "ref",
        *direction,
        *(nw.col(CHANNEL).alias(TOUCHPOINT) for _ in touched(context)),
        micros=nw.col("timestamp"),
        due=nw.col("due"),
        due_day=nw.col("due").dt.date(),
    )
    return context.engine.micros(selected, "micros", "due")


def supply_rows(context: MeasureContext, refills: tuple[str, ...]) -> tuple[str, nw.LazyFrame[Any]]:
    """Return days with a supply of medicine, and days observed, by customer and period.

    A refill's supply begins when that of the refills before it ends, if it overlaps. A customer is
    observed from the first refill to the end of the history, or to the churn event. Medicines with
    different ``object`` are added up.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day`` (the period's first), ``covered``, ``observed`` (days, int64) and
        ``adherent`` (1 if at least 80% of the days are covered, else 0).
    """
    key = f"supply {refills}"

    def make() -> nw.LazyFrame[Any]:
        drug = ["object"] if context.has("events", "object") else []
        spells = _spells(context, refills, drug)
        observed = _observed(context, spells, drug)
        parts = [
            _within_periods(context, spells, "covered", "observed"),
            _within_periods(context, observed, "observed", "covered"),
        ]
        both = nw.concat(parts).group_by("customer_id", "day")
        totals = both.agg(nw.col("covered").sum(), nw.col("observed").sum())
        # At least 80%, in whole days.
        adherent = _flag(nw.col("covered") * 5 >= nw.col("observed") * 4)
        return totals.with_columns(
            nw.col("covered").cast(nw.Int64), nw.col("observed").cast(nw.Int64), adherent=adherent
        )

    return key, kept(context, key, make)


def _spells(
    context: MeasureContext, refills: tuple[str, ...], drug: list[str]
) -> nw.LazyFrame[Any]:
    """Return the days of each refill's supply, half-open, as days since 1970."""
    keys = ("customer_id", *drug)
    selected = events_of(context, refills).select(
        *keys, micros=nw.col("timestamp"), supply=nw.col("value").round(0)
    )
    fills = (
        context.engine.micros(selected, "micros")
        .filter(nw.col("supply") >= 1)
        .with_columns(nw.col("supply").cast(nw.Int64), filled=nw.col("micros") // DAY)
        .group_by(*keys, "filled")
        .agg(nw.col("supply").sum().cast(nw.Int64))
    )
    if drug:
        fills = fills.with_columns(nw.col("object").fill_null(""))
    order = {"order_by": "filled"}
    total = nw.col("supply").cum_sum().over(*keys, **order)
    # The supply ends at the latest of: any earlier refill, and all supplies from it on.
    return (
        fills.with_columns(total=total)
        .with_columns(offset=nw.col("filled") - nw.col("total") + nw.col("supply"))
        .with_columns(reach=nw.col("offset").cum_max().over(*keys, **order))
        .with_columns(end=nw.col("total") + nw.col("reach"))
        .with_columns(first=nw.col("end") - nw.col("supply"))
        .join(_stops(context), on="customer_id", how="inner")
        .select(*keys, "first", "end", "filled", "stop")
    )


def _observed(
    context: MeasureContext, spells: nw.LazyFrame[Any], drug: list[str]
) -> nw.LazyFrame[Any]:
    grouped = spells.group_by("customer_id", *drug)
    return grouped.agg(
        nw.col("filled").min().alias("first"),
        nw.col("stop").max().alias("end"),
        nw.col("stop").max(),
    )


def _stops(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return the day until which each customer is observed, as days since 1970."""
    end = context.tables.history.end.toordinal() - EPOCH_ORDINAL
    present = entities(context.tables, context.config).select("customer_id", "exit")
    left = nw.col("exit") // DAY
    return context.engine.micros(present, "exit").select(
        "customer_id", stop=nw.when(left < end).then(left).otherwise(nw.lit(end)).cast(nw.Int64)
    )


def _within_periods(
    context: MeasureContext, spells: nw.LazyFrame[Any], name: str, other: str
) -> nw.LazyFrame[Any]:
    """Return the days of spells in each period, before the customer's stop."""
    periods = context.periods.each
    table = context.engine.small(
        {
            "day": [period.start for period in periods],
            "start": [period.start.toordinal() - EPOCH_ORDINAL for period in periods],
            "after": [period.end.toordinal() - EPOCH_ORDINAL for period in periods],
        }
    )
    ends = nw.min_horizontal("end", "after", "stop")
    days = ends - nw.max_horizontal("first", "start")
    return (
        spells.join(table, how="cross")
        .select("customer_id", "day", days=days)
        .filter(nw.col("days") > 0)
        .select("customer_id", "day", **{name: nw.col("days").cast(nw.Int64), other: _ZERO})
        .select("customer_id", "day", "covered", "observed")
    )


def _flag(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(_ONE).otherwise(_ZERO)
