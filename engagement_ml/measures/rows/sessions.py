"""Sessions by customer and day, with the touchpoint and section in which they began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw

from engagement_ml.config import SessionsConfig
from engagement_ml.features.sessions import daily_sessions
from engagement_ml.formatting import percent
from engagement_ml.ledger.sessions import (
    SessionRule,
    mark_sessions,
    session_events,
    session_keys,
)
from engagement_ml.measures.context import TOUCHPOINT, AbsentError, MeasureContext
from engagement_ml.measures.rows.occurrences import CHANNEL, kept

SECTION = "entry_section"
SECOND = 1_000_000
"""In microseconds."""
SUMS = ("sessions", "events", "pages", "duration", "single", "bounces")
_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)


def session_rows(
    context: MeasureContext,
    pages: Sequence[str],
    goals: Sequence[str] = (),
    engaged_seconds: float | None = None,
) -> tuple[str, nw.LazyFrame[Any]]:
    """Return the sessions of each customer and day, and their key.

    Sessions are defined as in ``ledger.sessions``; the touchpoint and the section are those of the
    first event.

    Parameters
    ----------
    context : MeasureContext
    pages : sequence of str
        Event types that are pages; empty for all.
    goals : sequence of str
        Event types that make a session engaged.
    engaged_seconds : float, optional
        A session is a bounce unless it lasts longer, has two pages or a goal; by default, a session
        of one event is a bounce.

    Returns
    -------
    key : str
    frame : LazyFrame
        ``customer_id``, ``day``, the columns of `SUMS` (int64): ``sessions``, their ``events``,
        ``pages`` and ``duration`` (microseconds), those of a ``single`` event, and ``bounces``;
        ``touchpoint`` and `SECTION` if events have a channel and a section.

    Raises
    ------
    AbsentError
        If sessions are not configured and events have no ``session_id``.
    """
    rule = _rule(context)
    splits = _splits(context)
    key = f"sessions {list(pages)} {list(goals)} {engaged_seconds}"
    if not (splits or pages or engaged_seconds is not None) and SessionRule.of(context.config):
        daily = daily_sessions(context.tables, context.config)
        return key, daily.select(
            "customer_id", "day", "sessions", "events", nw.col("events").alias("pages"),
            "duration", nw.col("bounces").alias("single"), "bounces",
        )  # fmt: skip

    def make() -> nw.LazyFrame[Any]:
        if not splits and engaged_seconds is None:
            return _by_day(context, rule, pages)
        each = _sessions(context, rule, splits, pages, goals)
        single = nw.when(nw.col("events") == 1).then(_ONE).otherwise(_ZERO)
        bounced = single
        if engaged_seconds is not None:
            engaged = nw.col("duration") > round(engaged_seconds * SECOND)
            engaged = engaged | (nw.col("pages") >= 2) | (nw.col("goals") >= 1)
            bounced = nw.when(engaged).then(_ZERO).otherwise(_ONE)
        marked = each.with_columns(sessions=_ONE, single=single, bounces=bounced)
        return marked.group_by("customer_id", "day", *splits).agg(
            nw.col(name).sum().cast(nw.Int64) for name in SUMS
        )

    return key, kept(context, key, make)


def single_note(context: MeasureContext, frame: nw.LazyFrame[Any]) -> str:
    """Say what share of the sessions has a single event, and thus no duration."""
    totals = frame.select(nw.col("single").sum(), nw.col("sessions").sum())
    row = context.engine.rows(totals, source="sessions")[0]
    if not row["sessions"]:
        return ""
    share = percent(float(row["single"]) / float(row["sessions"]))
    return f"{share} of the sessions have one event, and count 0 minutes"


def _rule(context: MeasureContext) -> SessionRule:
    rule = SessionRule.of(context.config)
    if rule is not None:
        return rule
    if not context.has("events", "session_id"):
        raise AbsentError(
            "'features: {sessions: true}' in the configuration, or column session_id of events"
        )
    features = context.config.features.model_copy(update={"sessions": SessionsConfig()})
    made = SessionRule.of(context.config.model_copy(update={"features": features}))
    assert made is not None
    return made


def _splits(context: MeasureContext) -> dict[str, str]:
    """Return the columns by which sessions are split, and their columns of the events."""
    wanted = {TOUCHPOINT: CHANNEL, SECTION: "section"}
    return {name: c for name, c in wanted.items() if context.has("events", c)}


def _sessions(
    context: MeasureContext,
    rule: SessionRule,
    splits: dict[str, str],
    pages: Sequence[str],
    goals: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Return a row for each session."""
    page = _is_one_of(pages) if pages else _ONE
    goal = _is_one_of(goals) if goals else _ZERO
    columns = {name: nw.col(c).cast(nw.String) for name, c in splits.items()}
    marked = _marked(context, rule, {**columns, "pages": page, "goals": goal}, tuple(splits))
    # Of the events of one moment, that with which the session begins is the first.
    order = ("micros_", "continues_", *splits)
    numbered = marked.with_columns(continues_=1 - nw.col("begins_")).with_columns(
        session_=nw.col("begins_").cum_sum().over(*session_keys(marked), order_by=order)
    )
    first = {
        name: nw.when(nw.col("begins_") == 1).then(nw.col(name)).alias(name) for name in splits
    }
    return (
        numbered.with_columns(**first)
        .group_by(*session_keys(marked), "session_")
        .agg(
            *(nw.col(name).max() for name in splits),
            nw.len().cast(nw.Int64).alias("events"),
            nw.col("pages").sum(),
            nw.col("goals").sum(),
            nw.col("paused_").sum().alias("duration"),
        )
    )


def _by_day(context: MeasureContext, rule: SessionRule, pages: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return sessions by customer and day, which need not be separated."""
    marked = _marked(context, rule, {"pages": _is_one_of(pages) if pages else _ONE})
    return marked.group_by("customer_id", "day").agg(
        nw.col("begins_").sum().cast(nw.Int64).alias("sessions"),
        nw.len().cast(nw.Int64).alias("events"),
        nw.col("pages").sum().cast(nw.Int64),
        nw.col("paused_").sum().cast(nw.Int64).alias("duration"),
        nw.col("bounced_").sum().cast(nw.Int64).alias("single"),
        nw.col("bounced_").sum().cast(nw.Int64).alias("bounces"),
    )


def _marked(
    context: MeasureContext,
    rule: SessionRule,
    columns: Mapping[str, nw.Expr],
    ties: Sequence[str] = (),
) -> nw.LazyFrame[Any]:
    events = session_events(context.tables.events, rule, columns=columns)
    events = context.engine.micros(events.with_columns(micros_=nw.col("timestamp")), "micros_")
    return mark_sessions(events, rule.gap, ties)


def _is_one_of(names: Sequence[str]) -> nw.Expr:
    return nw.when(nw.col("event_type").is_in(list(names))).then(_ONE).otherwise(_ZERO)
