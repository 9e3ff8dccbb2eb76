"""Contacts by the company, compared with moments of the same customer without one.

A contact at t is compared with the moments t ± whole weeks of the same customer: the same weekday
and time of day, in weeks on both sides, so that a steady trend cancels. A moment is matched if it
lies between entry and exit, its days are over at the end of the history, and no contact is less
than the days of the response before or after it. Contacts without a matched moment are left out.
"""

from __future__ import annotations

import math
from typing import Any

import narwhals as nw

from engagement_ml.features.daily_totals import entities
from engagement_ml.formatting import how_many
from engagement_ml.ledger.daily import MICRO
from engagement_ml.ledger.sessions import OUTBOUND
from engagement_ml.measures.context import TOUCHPOINT, AbsentError, MeasureContext
from engagement_ml.measures.rows.activity import SENT
from engagement_ml.measures.rows.occurrences import (
    DAY,
    Names,
    Occurrences,
    count,
    end_of_history,
    kept,
    occurrences,
    touched,
)
from engagement_ml.measures.rows.trials import NEVER

WEEK = 7 * DAY
WEEKS_EACH_SIDE = 2
"""Matched moments before and after a contact, at most."""
_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)


def contacts_of(context: MeasureContext, names: Names) -> Occurrences:
    """Return the contacts: events of the named types or, by default, all outbound ones.

    Raises
    ------
    AbsentError
        If there are none.
    """
    if names is not None:
        return occurrences(context, names, "start", (TOUCHPOINT,))
    if context.has("events", "direction"):
        outbound = nw.col("direction").cast(nw.String).str.to_lowercase() == OUTBOUND
        [found] = count(context, context.tables.events, n=outbound)
        if not found:
            raise AbsentError("outbound events (column direction)")
        types = tuple(context.tables.event_counts)
        return occurrences(context, types, "start", (TOUCHPOINT,), where=outbound)
    types = tuple(name for name in SENT if name in context.tables.event_counts)
    if not types:
        raise AbsentError("column direction of events, or 'start': the event types of contacts")
    return occurrences(context, types, "start", (TOUCHPOINT,))


def contact_rows(
    context: MeasureContext, contacts: Occurrences, actions: Occurrences, days: float
) -> tuple[str, nw.LazyFrame[Any], tuple[str, ...]]:
    """Return each contact with its response and that of its matched moments.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day`` of the contact, ``touchpoint`` if events have a channel;
        ``contact`` (1), ``acted`` (1 or 0), ``matched`` (1 if it has matched moments, else 0),
        ``expected`` (share of its matched moments with an action, millionths; 0 without any),
        int64. Only contacts whose days are over.
    notes : tuple of str
    """
    limit = round(days * DAY)
    key = f"contacts {contacts.names} {actions.names} {limit}"

    def make() -> nw.LazyFrame[Any]:
        return _rows(context, contacts, actions, limit)

    frame = kept(context, key, make)
    mature = frame.filter(nw.col("mature") == 1)
    alone = (nw.col("matched") == 0) & (nw.col("mature") == 1)
    early, unmatched = count(context, frame, early=nw.col("mature") == 0, alone=alone)
    notes = []
    if early:
        notes.append(
            f"{how_many(early, 'contact')} left out: the days of the response are not over yet"
        )
    if unmatched:
        notes.append(f"{how_many(unmatched, 'contact')} without a matched day without a contact")
    return key, mature, tuple(notes)


def _rows(
    context: MeasureContext, contacts: Occurrences, actions: Occurrences, limit: int
) -> nw.LazyFrame[Any]:
    touch, end = touched(context), end_of_history(context)
    # Contacts of one moment are one contact; the touchpoint is the first by name.
    each = contacts.frame.group_by("customer_id", "micros").agg(
        nw.col("day").min(), *(nw.col(name).min() for name in touch)
    )
    each = each.filter(nw.col("micros") < end)
    shifts = context.engine.small({"shift": _shifts(limit)})
    moments = each.join(shifts, how="cross").select(
        "customer_id",
        "day",
        *touch,
        "shift",
        contact_at=nw.col("micros"),
        micros=nw.col("micros") + nw.col("shift"),
    )
    seen = _surroundings(moments, each, actions.frame, touch)
    present = context.engine.micros(
        entities(context.tables, context.config).select("customer_id", "entry", "exit"),
        "entry",
        "exit",
    )
    over = nw.col("micros") + limit <= end
    there = (nw.col("micros") >= nw.col("entry")) & (
        nw.col("exit").is_null() | (nw.col("micros") + limit <= nw.col("exit"))
    )
    clear = (nw.col("micros") - nw.col("contact_before") >= limit) & (
        nw.col("contact_after") - nw.col("micros") >= limit
    )
    acted = nw.col("action_after") - nw.col("micros") < limit
    control = (nw.col("shift") != 0) & over & there & clear
    judged = seen.join(present, on="customer_id", how="inner").with_columns(
        own=_flag((nw.col("shift") == 0) & acted),
        mature=_flag((nw.col("shift") == 0) & over),
        controls=_flag(control),
        controls_acted=_flag(control & acted),
    )
    grouped = judged.group_by("customer_id", "day", *touch, "contact_at").agg(
        nw.col(name).sum().cast(nw.Int64)
        for name in ("own", "mature", "controls", "controls_acted")
    )
    share = nw.col("controls_acted").cast(nw.Float64) / nw.col("controls")
    expected = nw.when(nw.col("controls") > 0).then((share * MICRO).round(0)).otherwise(0.0)
    return grouped.select(
        "customer_id",
        "day",
        *touch,
        "mature",
        contact=_ONE,
        acted=nw.col("own"),
        matched=_flag(nw.col("controls") > 0),
        expected=expected.cast(nw.Int64),
    )


def _surroundings(
    moments: nw.LazyFrame[Any],
    contacts: nw.LazyFrame[Any],
    actions: nw.LazyFrame[Any],
    touch: tuple[str, ...],
) -> nw.LazyFrame[Any]:
    """Add the contact before, and the contact and the action at or after each moment."""
    none = nw.lit(None)
    empty = {
        "day": none.cast(nw.Date),
        **{name: none.cast(nw.String) for name in touch},
        "shift": none.cast(nw.Int64),
        "contact_at": none.cast(nw.Int64),
    }
    columns = ("customer_id", *empty, "micros")
    before, never = nw.lit(-NEVER // 2), nw.lit(NEVER)
    parts = [
        moments.select(*columns, order=nw.lit(1), past=before, contact=never, action=never),
        contacts.select("customer_id", "micros").select(
            *_filled(columns, empty), order=nw.lit(2),
            past=nw.col("micros"), contact=nw.col("micros"), action=never,
        ),
        actions.select("customer_id", "micros").select(
            *_filled(columns, empty), order=nw.lit(2),
            past=before, contact=never, action=nw.col("micros"),
        ),
    ]  # fmt: skip
    over: dict[str, Any] = {"order_by": ("micros", "order")}
    keys = "customer_id"
    together = nw.concat(parts).with_columns(
        contact_before=nw.col("past").cum_max().over(keys, **over),
        contact_after=nw.col("contact").cum_min(reverse=True).over(keys, **over),
        action_after=nw.col("action").cum_min(reverse=True).over(keys, **over),
    )
    return together.filter(nw.col("order") == 1)


def _filled(columns: tuple[str, ...], empty: dict[str, nw.Expr]) -> list[nw.Expr]:
    return [empty[name].alias(name) if name in empty else nw.col(name) for name in columns]


def _shifts(limit: int) -> list[int]:
    """Return 0 and the whole weeks, before and after, that are not shorter than the response."""
    first = math.ceil(limit / WEEK)
    weeks = range(first, first + WEEKS_EACH_SIDE)
    return [0, *(sign * week * WEEK for week in weeks for sign in (-1, 1))]


def _flag(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(_ONE).otherwise(_ZERO)
