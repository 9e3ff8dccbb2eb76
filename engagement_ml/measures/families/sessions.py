"""Measures of sessions: how long they last, how many pages they have, how many bounce."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import ratio, share
from engagement_ml.measures.rows.sessions import SECTION, session_rows, single_note

PAGES = ("page_view", "pageview", "page_viewed", "screen_view")
MICROS_OF_MINUTE = 60_000_000
SESSION = (
    "Sessions are those of the [features](features.md#sessions): without `features: {sessions: "
    "…}`, a pause of 30 minutes ends one. Touchpoint and entry section are those of the first "
    "event."
)


def _rows(
    context: MeasureContext,
    settings: MeasureConfig,
    columns: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> Rows:
    goals = () if settings.goal is None else context.event_types(settings.goal, "goal")
    key, frame = session_rows(context, _pages(context, settings), goals, settings.engaged_seconds)
    sums = {name: nw.col(column).sum() for name, column in columns.items()}
    sectioned = SECTION in frame.collect_schema().names()
    splits = {SECTION: lambda: frame} if sectioned else {}
    return Rows(key, lambda: frame, sums, notes=notes, splits=splits)


def _pages(context: MeasureContext, settings: MeasureConfig) -> tuple[str, ...]:
    """Return the event types that are pages; none if all events are."""
    if settings.event is not None:
        return context.event_types(settings.event, "event")
    return tuple(name for name in PAGES if name in context.tables.event_counts)


def _minutes_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    rows = _rows(context, settings, {"duration": "duration", "sessions": "sessions"})
    note = single_note(context, rows.frame())
    return dataclasses.replace(rows, notes=(note,) if note else ())


def _pages_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    notes = () if _pages(context, settings) else ("every event counts as a page",)
    return _rows(context, settings, {"pages": "pages", "sessions": "sessions"}, notes)


def _bounce_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    return _rows(context, settings, {"bounces": "bounces", "sessions": "sessions"})


_NEEDS = "events; `features: {sessions: true}` or column `session_id`"
FAMILY = (
    MeasureDefinition(
        name="session_minutes",
        title="Minutes per session",
        kind=ratio("duration", "sessions", scale=1 / MICROS_OF_MINUTE, bounds=(0.0, 1440.0)),
        unit="minutes",
        better="more",
        formula="sum of last event − first event of sessions / sessions",
        needs=_NEEDS,
        rows=_minutes_rows,
        edge_cases=f"A session of one event lasts 0 s; a note tells their share. {SESSION}",
    ),
    MeasureDefinition(
        name="pages_per_session",
        title="Pages per session",
        kind=ratio("pages", "sessions", bounds=(0.0, float("inf"))),
        unit="count",
        better="more",
        formula="pages in sessions / sessions",
        needs=_NEEDS,
        rows=_pages_rows,
        edge_cases="`event` names the types that are pages; by default page views or, without any, "
        f"all events. {SESSION}",
        keys=("event",),
    ),
    MeasureDefinition(
        name="bounce_rate",
        title="Bounce rate",
        kind=share("bounces", "sessions"),
        unit="percent",
        better="less",
        formula="sessions of one event / sessions",
        needs=f"{_NEEDS}; `section` for entry sections",
        rows=_bounce_rows,
        edge_cases="Also by the section in which a session began. With `engaged_seconds: 10` it is "
        "1 − the engagement rate of Google Analytics 4: a session that lasts longer, has two pages "
        f"or an event of `goal` is no bounce. {SESSION}",
        source="Google Analytics 4: engaged session",
        keys=("event", "goal", "engaged_seconds"),
    ),
)
