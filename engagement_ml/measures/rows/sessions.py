"""Sessions by customer and day, with the touchpoint and section in which they began."""

from __future__ import annotations

from collections.abc import Sequence
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
CODES = 1024
"""Combinations of touchpoint and section that are numbered; beyond it, all events are sorted."""
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
        each = _sessions(context, rule, splits, pages, goals)
        single = nw.when(nw.col("events") == 1).then(_ONE).otherwise(_ZERO)
        bounced = single
        if engaged_seconds is not None:
            engaged = nw.col("duration") > round(engaged_seconds * SECOND)
            engaged = engaged | (nw.col("pages") >= 2) | (nw.col("goals") >= 1)
            bounced = nw.when(engaged).then(_ZERO).otherwise(_ONE)
        marked = each.with_columns(
            *map(_known, splits), sessions=_ONE, single=single, bounces=bounced
        )
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
    """Return a row for each session.

    Events of a customer, day and session id whose first and last are no pause apart are one
    session: only the others are sorted, which is what takes time.
    """
    events = _events(context, rule, splits, pages, goals)
    codes = _codes(context, events, splits)
    if codes is None:
        return _split_at_pauses(events, rule, splits)
    keys = session_keys(events)
    coded = events.join(codes, on=list(splits), how="inner") if splits else events
    code = nw.col("code") if splits else _ZERO
    # The smallest is that of the first event, and of the first touchpoint by name in a tie.
    ranked = coded.with_columns(rank_=nw.col("micros_") * CODES + code)
    groups = context.engine.persist(
        ranked.group_by(*keys).agg(
            nw.len().cast(nw.Int64).alias("events"),
            *(nw.col(name).sum().cast(nw.Int64) for name in ("pages", "goals")),
            nw.col("rank_").min().alias("first"),
            nw.col("micros_").max().alias("last"),
        )
    )
    lasted = nw.col("last") - nw.col("first") // CODES
    groups = groups.with_columns(duration=lasted, code=nw.col("first") % CODES)
    short = groups.filter(nw.col("duration") <= rule.gap)
    if splits:
        short = short.join(codes, on="code", how="inner")
    longer = groups.filter(nw.col("duration") > rule.gap).select(*keys)
    others = _split_at_pauses(events.join(longer, on=list(keys), how="semi"), rule, splits)
    columns = ("customer_id", "day", *splits, "events", "pages", "goals", "duration")
    return nw.concat([short.select(*columns), others.select(*columns)])


def _events(
    context: MeasureContext,
    rule: SessionRule,
    splits: dict[str, str],
    pages: Sequence[str],
    goals: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Return the events that form sessions; an empty text stands for null, which joins nothing."""
    columns = {
        **{name: nw.col(c).cast(nw.String).fill_null("") for name, c in splits.items()},
        "pages": _is_one_of(pages) if pages else _ONE,
        "goals": _is_one_of(goals) if goals else _ZERO,
        "micros_": nw.col("timestamp"),
    }
    events = context.engine.micros(
        session_events(context.tables.events, rule, columns=columns), "micros_"
    )
    if "session_id" in session_keys(events):
        events = events.with_columns(nw.col("session_id").cast(nw.String).fill_null(""))
    return events


def _codes(
    context: MeasureContext, events: nw.LazyFrame[Any], splits: dict[str, str]
) -> nw.LazyFrame[Any] | None:
    """Return a number for each combination of touchpoint and section; None for too many."""
    if not splits:
        return events
    rows = context.engine.rows(events.select(*splits).unique().head(CODES + 1), source="events")
    if len(rows) > CODES:
        return None
    ordered = sorted(tuple(row[name] for name in splits) for row in rows) or [("",) * len(splits)]
    columns: dict[str, Any] = {
        name: [each[place] for each in ordered] for place, name in enumerate(splits)
    }
    return context.engine.small({**columns, "code": list(range(len(ordered)))})


def _split_at_pauses(
    events: nw.LazyFrame[Any], rule: SessionRule, splits: dict[str, str]
) -> nw.LazyFrame[Any]:
    """Return a row for each session, by the pauses between events."""
    marked = mark_sessions(events, rule.gap, tuple(splits))
    # Of the events of one moment, that with which the session begins is the first.
    order = ("micros_", "continues_", *splits)
    numbered = marked.with_columns(continues_=1 - nw.col("begins_")).with_columns(
        session_=nw.col("begins_").cum_sum().over(*session_keys(marked), order_by=order)
    )
    first = {
        name: nw.when(nw.col("begins_") == 1).then(nw.col(name)).alias(name) for name in splits
    }
    return (
        (numbered.with_columns(**first) if first else numbered)
        .group_by(*session_keys(marked), "session_")
        .agg(
            *(nw.col(name).max() for name in splits),
            nw.len().cast(nw.Int64).alias("events"),
            nw.col("pages").sum().cast(nw.Int64),
            nw.col("goals").sum().cast(nw.Int64),
            nw.col("paused_").sum().cast(nw.Int64).alias("duration"),
        )
    )


def _known(name: str) -> nw.Expr:
    """Return a text column in which null stands for an empty text."""
    return nw.when(nw.col(name) != "").then(nw.col(name)).alias(name)


def _is_one_of(names: Sequence[str]) -> nw.Expr:
    return nw.when(nw.col("event_type").is_in(list(names))).then(_ONE).otherwise(_ZERO)
