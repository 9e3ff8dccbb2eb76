"""Measures of the journey's loop: what advocates do brings newcomers."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.features.daily_totals import entities
from engagement_ml.measures.context import AbsentError, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.families.counts import REFERRALS
from engagement_ml.measures.kinds.functions import ratio, share
from engagement_ml.measures.rows.activity import event_rows

_ONE, _ZERO = nw.lit(1), nw.lit(0)
_UNKNOWN_ENTRY = (
    "Customers without a sign-up count as new at their first event or transaction, so the first "
    "periods of the history have too many newcomers."
)


def _newcomers(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return each customer at the day of entry: ``customer_id``, ``day``, ``referred`` (0 or 1)."""
    came_by = _came_by(context)
    wanted = context.config.scorecard.referred_by.lower()
    referred = nw.col("came_by").fill_null("").str.to_lowercase() == wanted
    known = came_by.filter(nw.col("came_by").str.to_lowercase() == wanted).select(n=nw.len())
    if not context.engine.rows(known, source="customers")[0]["n"]:
        raise AbsentError(
            f"customers who came by '{wanted}' (key 'scorecard.referred_by'), and there are none"
        )
    entry = entities(context.tables, context.config).select(
        "customer_id", day=nw.col("entry").dt.date()
    )
    return entry.join(came_by, on="customer_id", how="left").select(
        "customer_id", "day", referred=nw.when(referred).then(_ONE).otherwise(_ZERO)
    )


def _came_by(context: MeasureContext) -> nw.LazyFrame[Any]:
    """Return ``customer_id`` and ``came_by``: the column of acquisition, or the first channel."""
    column = context.config.scorecard.acquired_by
    if column is not None:
        context.require("customers", column)
        return context.frame("customers").select(
            "customer_id", came_by=nw.col(column).cast(nw.String)
        )
    if not context.has("events", "channel"):
        raise AbsentError(
            "column channel of events, or 'scorecard.acquired_by': how customers came"
        )
    events = context.tables.events.select("customer_id", "timestamp", came_by=nw.col("channel"))
    first = events.group_by("customer_id").agg(nw.col("timestamp").min())
    # Of several events at the first moment, the first channel by name counts.
    return (
        events.join(first, on=["customer_id", "timestamp"], how="inner")
        .group_by("customer_id")
        .agg(nw.col("came_by").min())
    )


def _share_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    frame = _newcomers(context)
    columns = {"referred": nw.col("referred").max(), "newcomers": nw.len()}
    return Rows("newcomers", lambda: frame, columns, notes=_notes(context))


def _conversion_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    names = context.event_types(settings.event, "event")
    made = event_rows(context)[1].filter(nw.col("event_type").is_in(list(names)))
    none = _ZERO.cast(nw.Int64)
    referrals = made.select(
        "customer_id", "day", referrals=nw.col("n").cast(nw.Int64), referred=none
    )
    came = _newcomers(context).select(
        "customer_id", "day", referrals=none, referred=nw.col("referred").cast(nw.Int64)
    )
    frame = nw.concat([referrals, came])
    columns = {"referred": nw.col("referred").sum(), "referrals": nw.col("referrals").sum()}
    return Rows(f"referrals and newcomers {names}", lambda: frame, columns, notes=_notes(context))


def _notes(context: MeasureContext) -> tuple[str, ...]:
    return () if context.has("customers", "signup") else (_UNKNOWN_ENTRY,)


FAMILY = (
    MeasureDefinition(
        name="referred_newcomers",
        title="Newcomers by referral",
        kind=share("referred", "newcomers"),
        unit="percent",
        better="more",
        formula="customers who entered in the period and came by referral / who entered",
        needs="customers with 'scorecard.acquired_by', or events with `channel`",
        rows=_share_rows,
        edge_cases="Without a column of acquisition, a customer came by the channel of the first "
        "event; 'scorecard.referred_by' is its value for referrals.",
    ),
    MeasureDefinition(
        name="referral_conversion",
        title="Newcomers per 100 referrals",
        kind=ratio("referred", "referrals", scale=100.0, bounds=(0.0, float("inf"))),
        unit="count",
        better="more",
        formula="100 × customers who entered in the period by referral / referrals in the period",
        needs="events of referrals, and how customers came as for `referred_newcomers`",
        rows=_conversion_rows,
        edge_cases="Those who come need not be those who were referred in the same period, so it "
        "may be above 100.",
        keys=("event",),
        defaults={"event": REFERRALS},
    ),
)
