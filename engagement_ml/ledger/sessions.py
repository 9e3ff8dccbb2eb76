"""Daily ledger of sessions (sessionisation): one row per customer and day.

A session is a run of a customer's events without a pause longer than the gap. Sessions end at
midnight UTC, so that the sessions of a day depend only on the events of that day, and ledgers of
days can be combined.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.tables.duplicates import DUPLICATE_MARK
from engagement_ml.windows import DAY

VERSION = 3
"""Version of the ledger's content and definition; a cached ledger of another version is rebuilt."""
OUTBOUND = "outbound"
SUMS = ("sessions", "events", "duration", "bounces")
_MINUTE = 60_000_000


@dataclass(frozen=True)
class SessionRule:
    """Rule that says which events form a session.

    Attributes
    ----------
    gap : int
        Microseconds. A longer pause ends a session; a pause of exactly this length does not.
    included : tuple of str or None
        Event types that count; None means all.
    excluded : tuple of str
        Event types that do not count.
    """

    gap: int
    included: tuple[str, ...] | None
    excluded: tuple[str, ...]

    @classmethod
    def of(cls, config: PipelineConfig) -> SessionRule | None:
        """Return the rule that a configuration defines; None if it has no sessions.

        Examples
        --------
        >>> raw = {"name": "shop", "features": {"sessions": {"gap_minutes": 10}}}
        >>> SessionRule.of(PipelineConfig.model_validate(raw)).gap
        600000000
        """
        sessions = config.features.sessions
        if sessions is None:
            return None
        ignored = {name for name, b in config.behaviours.items() if b.role == "ignore"}
        excluded = ignored | ({config.churn.event_type} - {None})
        included = None if sessions.event_types is None else tuple(sorted(sessions.event_types))
        return cls(sessions.gap_minutes * _MINUTE, included, tuple(sorted(map(str, excluded))))


def session_events(
    events: nw.LazyFrame[Any],
    rule: SessionRule,
    days: Sequence[dt.date] | None = None,
    columns: Mapping[str, nw.Expr] | None = None,
) -> nw.LazyFrame[Any]:
    """Return the events that form sessions, in the columns that define sessions.

    Dropped are rows without customer, timestamp or event type, duplicates, events that the company
    sent (``direction`` is ``outbound``), and event types that the rule excludes.

    Parameters
    ----------
    events : LazyFrame
        Under the names of the input columns; ``repeated_``, if present, marks duplicates.
    rule : SessionRule
    days : sequence of date, optional
        Sorted; only events of these days are returned.
    columns : mapping of str to Expr, optional
        Further columns to return.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``timestamp``, ``day``, if the events have it ``session_id``, and
        `columns`.
    """
    present = events.collect_schema().names()
    moment = nw.col("timestamp")
    counted = _counts(present, rule)
    if days is not None:
        # The bounds let the engine skip files and row groups; gaps need a test of each day.
        first, last = (dt.datetime.combine(day, dt.time()) for day in (days[0], days[-1]))
        counted = counted & (moment >= first) & (moment < last + DAY)
        if len(days) <= (last - first).days:
            counted = counted & moment.dt.date().is_in(days)
    session_id = ["session_id"] if "session_id" in present else []
    return events.filter(counted).select(
        "customer_id", "timestamp", *session_id, moment.dt.date().alias("day"), **(columns or {})
    )


def _counts(present: Sequence[str], rule: SessionRule) -> nw.Expr:
    """Return the condition of events that count, given the columns that they have."""
    event_type, moment = nw.col("event_type"), nw.col("timestamp")
    counted = ~nw.col("customer_id").is_null() & ~moment.is_null()
    counted = counted & ~event_type.is_null() & (event_type != "")
    if DUPLICATE_MARK in present:
        counted = counted & ~nw.col(DUPLICATE_MARK)
    if rule.included is not None:
        counted = counted & event_type.is_in(rule.included)
    if rule.excluded:
        counted = counted & ~event_type.is_in(rule.excluded)
    if "direction" in present:
        direction = nw.col("direction").cast(nw.String)
        counted = counted & (direction.is_null() | (direction.str.to_lowercase() != OUTBOUND))
    return counted


def sessions_by_day(events: nw.LazyFrame[Any], gap: int) -> nw.LazyFrame[Any]:
    """Return the sessions per customer and day.

    If there is a ``session_id``, events of different ids never share a session: two devices used
    at the same time are two sessions, even if their events alternate. Within an id, and among
    events without one, the gap separates sessions.

    Parameters
    ----------
    events : LazyFrame
        As ``session_events`` returns it. ``micros_``, if present, is the timestamp in microseconds
        since 1970, for engines that cannot subtract timestamps.
    gap : int
        Microseconds.

    Returns
    -------
    LazyFrame
        ``customer_id``, ``day``, ``sessions``, ``events`` in them, ``duration`` (from the first to
        the last event of each session, summed; microseconds), ``bounces`` (sessions with a single
        event), all int64, and ``last``, the timestamp of the last event.

    Examples
    --------
    >>> import pandas as pd
    >>> moments = pd.to_datetime(["2024-02-29 23:50", "2024-02-29 23:55", "2024-03-01 00:05"])
    >>> days = pd.Series(moments).dt.floor("D")
    >>> table = pd.DataFrame({"customer_id": 1, "timestamp": moments, "day": days})
    >>> from engagement_ml.engine import open_duckdb
    >>> with open_duckdb() as engine:
    ...     sessions = sessions_by_day(engine.scan(engine.register(table)), 30 * 60_000_000)
    ...     sessions.sort("day").select("sessions", "duration", "bounces").collect().rows()
    [(1, 300000000, 0), (1, 0, 1)]
    """
    return (
        mark_sessions(events, gap)
        .group_by("customer_id", "day")
        .agg(
            nw.col("begins_").sum().cast(nw.Int64).alias("sessions"),
            nw.len().cast(nw.Int64).alias("events"),
            nw.col("paused_").sum().cast(nw.Int64).alias("duration"),
            nw.col("bounced_").sum().cast(nw.Int64).alias("bounces"),
            nw.col("timestamp").max().alias("last"),
        )
    )


def session_keys(events: nw.LazyFrame[Any]) -> tuple[str, ...]:
    """Return the columns within which pauses separate sessions."""
    session_id = ["session_id"] if "session_id" in events.collect_schema().names() else []
    return ("customer_id", "day", *session_id)


def mark_sessions(
    events: nw.LazyFrame[Any], gap: int, ties: Sequence[str] = ()
) -> nw.LazyFrame[Any]:
    """Mark where sessions begin; parameters and definition as in ``sessions_by_day``.

    Parameters
    ----------
    ties : sequence of str
        Columns that order events of the same moment.

    Returns
    -------
    LazyFrame
        The events with ``begins_`` (1 for the first event of a session, else 0), ``paused_``
        (microseconds since the event before it in the session, else 0) and ``bounced_`` (1 for the
        only event of a session, else 0).
    """
    keys, order = session_keys(events), ("timestamp", *ties)
    moment = nw.col("timestamp")
    clock = nw.col("micros_") if "micros_" in events.collect_schema().names() else moment
    before = clock - clock.shift(1).over(*keys, order_by=order)
    after = clock.shift(-1).over(*keys, order_by=order) - clock
    if clock is moment:
        before, after = before.dt.total_microseconds(), after.dt.total_microseconds()
    one, zero = nw.lit(1), nw.lit(0)
    # The first event has no pause before it: null, which is within no gap.
    begins = nw.when(nw.col("before_") <= gap).then(zero).otherwise(one)
    ends = nw.when(nw.col("after_") <= gap).then(zero).otherwise(one)
    paused = nw.when(nw.col("before_") <= gap).then(nw.col("before_")).otherwise(zero)
    return events.with_columns(before_=before, after_=after).with_columns(
        begins_=begins, paused_=paused, bounced_=begins * ends
    )
