"""Session features: frequency, depth, duration, bounce rate and recency of sessions."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig, SessionsConfig
from engagement_ml.features.family import OBSERVATION, Feature, FeatureContext, FeatureFamily
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.ledger.sessions import SessionRule, session_events, sessions_by_day

_SESSIONS = Total("sessions", "sessions", "sum", OBSERVATION)
_EVENTS = Total("events", "events", "sum", OBSERVATION)
_DURATION = Total("duration", "duration", "sum", OBSERVATION)
_BOUNCES = Total("bounces", "bounces", "sum", OBSERVATION)
_LAST = Total("last", "last", "max", OBSERVATION)


def daily_sessions(tables: Tables, config: PipelineConfig) -> nw.LazyFrame[Any]:
    """Return the sessions per customer and day; see ``ledger.sessions.sessions_by_day``.

    Raises
    ------
    ValueError
        If the configuration has no ``features.sessions``.
    """
    rule = SessionRule.of(config)
    if rule is None:
        raise ValueError("the configuration has no 'features.sessions'")
    if tables.sessions is not None:
        return tables.sessions
    moments = session_events(tables.events, rule).with_columns(micros_=nw.col("timestamp"))
    visited = tables.engine.micros(moments, "micros_")
    return tables.engine.persist(sessions_by_day(visited, rule.gap))


def _per_session(context: FeatureContext, total: Total, unit: float = 1.0) -> nw.Expr:
    sessions = context.total(_SESSIONS)
    amount = context.total(total).cast(nw.Float64)
    return nw.when(sessions > 0).then(amount / unit / sessions)


def session_definition(sessions: SessionsConfig) -> str:
    """Return the definition of a session under a configuration, in plain English.

    Examples
    --------
    >>> print(session_definition(SessionsConfig(gap_minutes=5))[:77])
    A session is a run of one customer's events with no pause of more than 5 minu
    """
    types = (
        "Events of all types make sessions, except the churn event and types with `role: ignore`"
        if sessions.event_types is None
        else f"Only events of these types make sessions: {', '.join(sessions.event_types)}"
    )
    gap = sessions.gap_minutes
    pause = "a minute" if gap == 1 else f"{gap} minutes"
    return (
        f"A session is a run of one customer's events with no pause of more than {pause}. A "
        "session ends at midnight UTC, so that daily totals add up: one that continues past "
        "midnight counts as two. Events with different `session_id` never belong to one session, "
        f"however they alternate. {types}. Events sent by the company (`direction` is `outbound`) "
        "make no session."
    )


FAMILY = FeatureFamily(
    prefix="session",
    title="Sessions",
    config_key="features.sessions",
    daily=daily_sessions,
    availability=(
        "Computed if `features: {sessions: true}` is set in [the "
        "configuration](configuration.md#features-sessions-and-ratios)."
    ),
    description=lambda config: session_definition(config.features.sessions or SessionsConfig()),
    example={"sessions": {}},
    features=(
        Feature(
            name="frequency",
            formula="number of sessions",
            unit="sessions",
            window="observation window",
            nulls="never null; 0 without sessions",
            totals=(_SESSIONS,),
            expression=lambda context: context.total(_SESSIONS).cast(nw.Float64),
        ),
        Feature(
            name="events_per_session",
            formula="events in sessions / sessions",
            unit="events",
            window="observation window",
            nulls="null without sessions in the window",
            totals=(_SESSIONS, _EVENTS),
            expression=lambda context: _per_session(context, _EVENTS),
        ),
        Feature(
            name="mean_duration_seconds",
            formula="mean over sessions of last event − first event; 0 for a session of one event",
            unit="seconds",
            window="observation window",
            nulls="null without sessions in the window",
            totals=(_SESSIONS, _DURATION),
            expression=lambda context: _per_session(context, _DURATION, 1e6),
        ),
        Feature(
            name="bounce_rate",
            formula="sessions of one event / sessions",
            unit="from 0 to 1",
            window="observation window",
            nulls="null without sessions in the window",
            totals=(_SESSIONS, _BOUNCES),
            expression=lambda context: _per_session(context, _BOUNCES),
        ),
        Feature(
            name="recency_days",
            formula="cutoff − time of the last event in a session",
            unit="days, with fractions",
            window="observation window",
            nulls="null without sessions in the window",
            totals=(_LAST,),
            expression=lambda context: context.days_since(context.total(_LAST)),
        ),
    ),
)
