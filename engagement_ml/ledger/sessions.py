"""The daily ledger of sessions: a row per entity and day, by window expressions over the events.

A session is a run of an entity's events with no pause longer than the gap. It ends at midnight UTC,
so that what is told of a day depends on that day's events alone and ledgers of days add up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.ledger.daily import REPEATED
from engagement_ml.windows import DAY

VERSION = 2
"""Of what the ledger of sessions holds and how it is made: another version is made anew."""
OUTBOUND = "outbound"
SUMS = ("sessions", "events", "duration", "bounces")
_MINUTE = 60_000_000


@dataclass(frozen=True)
class SessionRule:
    """What makes events a session.

    Attributes
    ----------
    gap : int
        Microseconds; a longer pause ends a session, one of just this length does not.
    only : tuple of str or None
        The event types that count; None means all.
    never : tuple of str
        Event types that do not count.
    """

    gap: int
    only: tuple[str, ...] | None
    never: tuple[str, ...]

    @classmethod
    def of(cls, config: PipelineConfig) -> SessionRule | None:
        """Return the rule that a configuration asks for, None where it asks for no sessions.

        Examples
        --------
        >>> asked = {"name": "shop", "features": {"sessions": {"gap_minutes": 10}}}
        >>> SessionRule.of(PipelineConfig.model_validate(asked)).gap
        600000000
        """
        asked = config.features.sessions
        if asked is None:
            return None
        ignored = {name for name, told in config.behaviours.items() if told.role == "ignore"}
        never = ignored | ({config.churn.event_type} - {None})
        only = None if asked.event_types is None else tuple(sorted(asked.event_types))
        return cls(asked.gap_minutes * _MINUTE, only, tuple(sorted(map(str, never))))


def visits(
    events: nw.LazyFrame[Any], rule: SessionRule, days: Sequence[dt.date] | None = None
) -> nw.LazyFrame[Any]:
    """Return the events that make sessions, in the columns that tell them.

    Left out are rows without customer, timestamp or event type, repeats of an event, what the
    company sent (``direction`` is ``outbound``: a letter is no visit), and event types that the
    rule does not count.

    Parameters
    ----------
    events : LazyFrame
        Under the contract's names; ``repeated_``, where it is there, tells repeats of an event.
    rule : SessionRule
    days : sequence of date, optional
        Only events of these days, sorted.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``timestamp``, ``day`` and, where the events have it, ``session_id``.
    """
    present = events.collect_schema().names()
    kind, moment = nw.col("event_type"), nw.col("timestamp")
    counted = ~nw.col("customer_id").is_null() & ~moment.is_null() & ~kind.is_null() & (kind != "")
    if REPEATED in present:
        counted = counted & ~nw.col(REPEATED)
    if rule.only is not None:
        counted = counted & kind.is_in(rule.only)
    if rule.never:
        counted = counted & ~kind.is_in(rule.never)
    if "direction" in present:
        direction = nw.col("direction").cast(nw.String)
        counted = counted & (direction.is_null() | (direction.str.to_lowercase() != OUTBOUND))
    if days is not None:
        # The bounds spare the engine files and row groups; only holes take a look at each day.
        first, last = (dt.datetime.combine(day, dt.time()) for day in (days[0], days[-1]))
        counted = counted & (moment >= first) & (moment < last + DAY)
        if len(days) <= (last - first).days:
            counted = counted & moment.dt.date().is_in(days)
    named = ["session_id"] if "session_id" in present else []
    return events.filter(counted).select(
        "customer_id", "timestamp", *named, moment.dt.date().alias("day")
    )


def sessions_by_day(visited: nw.LazyFrame[Any], gap: int) -> nw.LazyFrame[Any]:
    """Return the sessions per entity and day.

    Where there is a ``session_id``, events of different ids are never of one session: two devices
    used at once are two sessions, however their events alternate. Within an id, and among events
    without one, the gap decides.

    Parameters
    ----------
    visited : LazyFrame
        As ``visits`` returns it; ``micros_``, where it is there, is the timestamp in microseconds
        since 1970, for engines that cannot tell the length of a pause.
    gap : int
        Microseconds.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day``, ``sessions``, ``events`` in them, ``duration`` (from first to
        last event of each session, added up; microseconds), ``bounces`` (sessions of one event),
        all int64, and ``last``, the last event's timestamp.

    Examples
    --------
    >>> import pandas as pd
    >>> moments = pd.to_datetime(["2024-02-29 23:50", "2024-02-29 23:55", "2024-03-01 00:05"])
    >>> days = pd.Series(moments).dt.floor("D")
    >>> table = pd.DataFrame({"customer_id": 1, "timestamp": moments, "day": days})
    >>> from engagement_ml.engine import Engine, open_duckdb
    >>> from engagement_ml.engine import open_duckdb
    >>> with open_duckdb() as engine:
    ...     found = sessions_by_day(engine.scan(engine.register(table)), 30 * 60_000_000)
    ...     found.sort("day").select("sessions", "duration", "bounces").collect().rows()
    [(1, 300000000, 0), (1, 0, 1)]
    """
    moment = nw.col("timestamp")
    present = visited.collect_schema().names()
    keys = ("customer_id", "day", *(["session_id"] if "session_id" in present else []))
    told = nw.col("micros_") if "micros_" in present else moment
    before = told - told.shift(1).over(*keys, order_by="timestamp")
    after = told.shift(-1).over(*keys, order_by="timestamp") - told
    if told is moment:
        before, after = before.dt.total_microseconds(), after.dt.total_microseconds()
    one, none = nw.lit(1), nw.lit(0)
    # At the first event there is nothing before, a null, which lies within no gap.
    begins = nw.when(nw.col("before_") <= gap).then(none).otherwise(one)
    ends = nw.when(nw.col("after_") <= gap).then(none).otherwise(one)
    paused = nw.when(nw.col("before_") <= gap).then(nw.col("before_")).otherwise(none)
    return (
        visited.with_columns(before_=before, after_=after)
        .with_columns(begins_=begins, paused_=paused, bounced_=begins * ends)
        .group_by("customer_id", "day")
        .agg(
            nw.col("begins_").sum().cast(nw.Int64).alias("sessions"),
            nw.len().cast(nw.Int64).alias("events"),
            nw.col("paused_").sum().cast(nw.Int64).alias("duration"),
            nw.col("bounced_").sum().cast(nw.Int64).alias("bounces"),
            moment.max().alias("last"),
        )
    )
