"""Measures that count events: shares, mentions, complaints and referrals."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import Better, MeasureConfig
from engagement_ml.features.daily_totals import entities
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import rate, share
from engagement_ml.measures.rows.activity import event_rows
from engagement_ml.measures.rows.occurrences import occurrences, touched

SHARES = ("share", "shared", "social_share", "content_shared")
MENTIONS = ("mention", "mentioned", "brand_mention")
COMPLAINTS = ("complaint", "complaint_filed", "complained")
REFERRALS = ("referral", "referral_made", "referral_sent", "referred")
_ONE, _ZERO = nw.lit(1), nw.lit(0)


def _per_active(context: MeasureContext, settings: MeasureConfig) -> Rows:
    names = context.event_types(settings.event, "event")
    key, frame = event_rows(context)
    counted = nw.when(nw.col("event_type").is_in(names)).then(nw.col("n")).otherwise(_ZERO)
    # Whoever did what is counted was active.
    active = nw.when(nw.col("event_type").is_in(names)).then(_ONE).otherwise(nw.col("active"))
    columns = {"events": counted.sum(), "active": active.max()}
    return Rows(key, lambda: frame, columns)


def _referral_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    referrals = occurrences(context, settings.event, "event", touched(context))
    stays = entities(context.tables, context.config).select(
        "customer_id", entry=nw.col("entry").dt.date(), exit=nw.col("exit").dt.date()
    )

    def frame() -> nw.LazyFrame[Any]:
        return referrals.frame.join(stays, on="customer_id", how="inner")

    # Only customers on board, so that the share is at most 100%.
    there = (nw.col("entry") < nw.col("period_end")) & (
        nw.col("exit").is_null() | (nw.col("exit") >= nw.col("period_start"))
    )
    did = nw.when(there).then(_ONE).otherwise(_ZERO)
    key = f"referrals {referrals.names}"
    return Rows(key, frame, {"referrers": did.max()}, on_board=True)


def _rate(
    name: str, title: str, noun: str, types: tuple[str, ...], better: Better
) -> MeasureDefinition:
    return MeasureDefinition(
        name=name,
        title=title,
        kind=rate("events", "active", scale=1000.0),
        unit="rate",
        better=better,
        formula=f"{noun} / customers active in the period, per 1,000",
        needs=f"events of {noun}",
        rows=_per_active,
        edge_cases="Activity as for `dau`.",
        keys=("event",),
        defaults={"event": types},
    )


FAMILY = (
    _rate("share_rate", "Shares", "shares", SHARES, "more"),
    _rate("mentions", "Mentions", "mentions", MENTIONS, "more"),
    _rate("complaints", "Complaints", "complaints", COMPLAINTS, "less"),
    MeasureDefinition(
        name="referral_rate",
        title="Referral rate",
        kind=share("referrers", "on_board"),
        unit="percent",
        better="more",
        formula="customers with a referral in the period / customers on board",
        needs="events of referrals",
        rows=_referral_rows,
        edge_cases="Several referrals of a customer in a period count once.",
        keys=("event",),
        defaults={"event": REFERRALS},
    ),
)
