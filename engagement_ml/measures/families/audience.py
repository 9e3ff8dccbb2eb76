"""Measures of an audience: what it watches, and how the number of subscribers grows."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml._typing import FloatArray
from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.formatting import how_many
from engagement_ml.ledger.daily import MICRO, micro
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import TotalsFunction, divide, ratio, safe_ratio
from engagement_ml.measures.rows.occurrences import CHANNEL, count, events_of, occurrences, touched
from engagement_ml.measures.rows.spells import subscription_rows

WATCHED = ("watch", "video_watched", "video_watch", "watched", "stream", "play")
SUBSCRIBED = ("subscribed", "subscribe", "subscription_started", "follow", "followed")
UNSUBSCRIBED = ("unsubscribed", "unsubscribe", "subscription_cancelled", "unfollow", "unfollowed")
_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)


def _watch_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    names = context.event_types(settings.event, "event")
    context.require("events", "duration_seconds")
    rows, notes = _watched(context, names), []
    unknown, negative = count(
        context,
        rows,
        unknown=nw.col("seconds").is_null(),
        negative=nw.col("seconds") < 0,
    )
    if unknown:
        notes.append(f"{how_many(unknown, 'event')} without a duration left out")
    if negative:
        notes.append(f"{how_many(negative, 'event')} with a negative duration left out")
    known = rows.filter(nw.col("seconds") >= 0)
    columns = {"watched": nw.col("seconds").sum(), "viewers": nw.col("viewer").max()}
    return Rows(f"watched {names}", lambda: known, columns, notes=tuple(notes))


def _completion_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    names = context.event_types(settings.event, "event")
    context.require("events", "duration_seconds", "value")
    rows = _watched(context, names).filter(~nw.col("seconds").is_null())
    [unknown] = count(context, rows, n=~(nw.col("length") > 0) | nw.col("length").is_null())
    known = rows.filter((nw.col("length") > 0) & (nw.col("seconds") >= 0))
    at_most = nw.when(nw.col("seconds") < nw.col("length")).then(nw.col("seconds"))
    columns = {
        "watched": at_most.otherwise(nw.col("length")).sum(),
        "length": nw.col("length").sum(),
    }
    note = f"{how_many(unknown, 'event')} without a length left out"
    return Rows(f"lengths {names}", lambda: known, columns, notes=(note,) if unknown else ())


def _watched(context: MeasureContext, names: tuple[str, ...]) -> nw.LazyFrame[Any]:
    length = micro(nw.col("value")) if context.has("events", "value") else nw.lit(None)
    return events_of(context, names).select(
        "customer_id",
        nw.col("timestamp").dt.date().alias("day"),
        *(nw.col(CHANNEL).alias(name) for name in touched(context)),
        seconds=micro(nw.col("duration_seconds")),
        length=length,
        viewer=_ONE,
    )


def _subscriber_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    gained = occurrences(context, settings.start, "start")
    lost = occurrences(context, settings.cancelled, "cancelled")
    key, frame = subscription_rows(context, gained, lost)
    columns = {name: nw.col(name).sum() for name in ("gained", "lost", "at_start")}
    return Rows(key, lambda: frame, columns)


def _growth(sums: FloatArray) -> FloatArray:
    return safe_ratio(sums[..., 0] - sums[..., 1], sums[..., 2])


FAMILY = (
    MeasureDefinition(
        name="watch_minutes",
        title="Minutes watched per viewer",
        kind=ratio("watched", "viewers", scale=1 / (60 * MICRO), bounds=(0.0, float("inf"))),
        unit="minutes",
        better="more",
        formula="sum of `duration_seconds` / viewers in the period",
        needs="events of watching, with `duration_seconds`",
        rows=_watch_rows,
        edge_cases="A viewer is a customer with an event of a known duration in the period. Events "
        "without a duration are left out and counted.",
        keys=("event",),
        defaults={"event": WATCHED},
    ),
    MeasureDefinition(
        name="watch_completion",
        title="Completion",
        kind=TotalsFunction(("watched", "length"), divide, scale=100.0, bounds=(0.0, 100.0)),
        unit="percent",
        better="more",
        formula="sum of `duration_seconds`, of each event at most its length / sum of the lengths",
        needs="events of watching, with `duration_seconds` and the length in seconds as `value`",
        rows=_completion_rows,
        edge_cases="Events without a length are left out and counted.",
        keys=("event",),
        defaults={"event": WATCHED},
    ),
    MeasureDefinition(
        name="subscriber_growth",
        title="Growth of subscribers",
        kind=TotalsFunction(("gained", "lost", "at_start"), _growth, scale=100.0),
        unit="percent",
        better="more",
        formula="(new − lost subscribers) / subscribers at the start of the period",
        needs="events of subscriptions and of cancellations",
        rows=_subscriber_rows,
        edge_cases="Without subscribers at the start there is no value. A repeated subscription or "
        "cancellation counts once. Who cancels first was subscribed before the history. A customer "
        "who leaves and comes back in a period is new and lost.",
        keys=("start", "cancelled"),
        defaults={"start": SUBSCRIBED, "cancelled": UNSUBSCRIBED},
    ),
)
