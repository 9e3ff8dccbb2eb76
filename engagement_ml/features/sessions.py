"""What is measured of sessions: how often, how long, how deep, how recent."""

from __future__ import annotations

import narwhals as nw

from engagement_ml.config import SessionsConfig
from engagement_ml.features.behaviours import OBSERVATION, Feature, days_since
from engagement_ml.features.window_aggregates import Total

GROUP = "session"

_SESSIONS = Total("sessions", "sessions", "sum", OBSERVATION)
_EVENTS = Total("events", "events", "sum", OBSERVATION)
_DURATION = Total("duration", "duration", "sum", OBSERVATION)
_BOUNCES = Total("bounces", "bounces", "sum", OBSERVATION)
_LAST = Total("last", "last", "max", OBSERVATION)


def _per_session(column: str, unit: float = 1.0) -> nw.Expr:
    sessions = nw.col("sessions")
    return nw.when(sessions > 0).then(nw.col(column).cast(nw.Float64) / unit / sessions)


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="frequency",
        formula="number of sessions",
        unit="sessions",
        window="observation window",
        nulls="never null; 0 where there is none",
        totals=(_SESSIONS,),
        expression=lambda _: nw.col("sessions").cast(nw.Float64),
        absent=0.0,
    ),
    Feature(
        name="events_per_session",
        formula="events in sessions / sessions",
        unit="events",
        window="observation window",
        nulls="null where there is no session in the window",
        totals=(_SESSIONS, _EVENTS),
        expression=lambda _: _per_session("events"),
        absent=None,
    ),
    Feature(
        name="mean_duration_seconds",
        formula="mean over sessions of last event − first event, 0 for a session of one event",
        unit="seconds",
        window="observation window",
        nulls="null where there is no session in the window",
        totals=(_SESSIONS, _DURATION),
        expression=lambda _: _per_session("duration", 1e6),
        absent=None,
    ),
    Feature(
        name="bounce_rate",
        formula="sessions of one event / sessions",
        unit="from 0 to 1",
        window="observation window",
        nulls="null where there is no session in the window",
        totals=(_SESSIONS, _BOUNCES),
        expression=lambda _: _per_session("bounces"),
        absent=None,
    ),
    Feature(
        name="recency_days",
        formula="cutoff − time of the last event of the last session",
        unit="days, with fractions",
        window="observation window",
        nulls="null where there is no session in the window",
        totals=(_LAST,),
        expression=lambda _: days_since(nw.col("last")),
        absent=None,
    ),
)


def in_words(asked: SessionsConfig) -> str:
    """Return what a session is, for people.

    Examples
    --------
    >>> print(in_words(SessionsConfig(gap_minutes=5))[:72])
    A session is a run of one's events with no pause of more than 5 minutes.
    """
    kinds = (
        "Events of all types make sessions, but for the churn event and those with `role: ignore`"
        if asked.event_types is None
        else f"Only events of these types make sessions: {', '.join(asked.event_types)}"
    )
    minutes = "a minute" if asked.gap_minutes == 1 else f"{asked.gap_minutes} minutes"
    return (
        f"A session is a run of one's events with no pause of more than {minutes}. It ends at "
        "midnight UTC, so that days add up: one that goes on past midnight is two. Where events "
        "have a `session_id`, those of different ids are never of one session, however they "
        f"alternate. {kinds}. What the company sent (`direction` is `outbound`) makes none: a "
        "letter is no visit."
    )
