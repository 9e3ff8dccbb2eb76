"""Weekly totals for the monitor, aggregated by the engine that holds the events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.engine import Engine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.lifecycle.monitoring.logging_faults import LoggingShares
from engagement_ml.lifecycle.monitoring.weekly import WEEK, WeeklyTotals

MOST_WEEKS = 220
"""Weeks of history that are read: three years of limits, and a year before them."""
FAULT_WEEKS = 27
"""Weeks in which rows are compared with each other, which is the most costly."""
TENURE_WEEKS = (1, 4, 12)
"""First weeks of the second, third and fourth tenure group."""
UNKNOWN_WEEKS = 4
"""Customers seen in the first weeks of the history were most likely customers before."""
_EPOCH = dt.datetime(1970, 1, 1)
_SECOND = 1_000_000
_WEEK = 7 * 86_400 * _SECOND


@dataclass(frozen=True)
class WeeklyEvents:
    """Events by customer, type and week; `back` counts weeks back from the last, which is 0.

    Attributes
    ----------
    frame : LazyFrame
        ``customer_id``, ``event_type``, ``back``, ``n``; kept by the engine.
    end : date
        End of the last week, exclusive.
    n_weeks : int
        Complete weeks.
    """

    frame: nw.LazyFrame[Any]
    end: dt.date
    n_weeks: int

    @property
    def starts(self) -> tuple[dt.date, ...]:
        """First day of each week."""
        return tuple(self.end - (self.n_weeks - place) * WEEK for place in range(self.n_weeks))


def weekly_events(
    engine: Engine, events: nw.LazyFrame[Any], end: dt.date, *, source: str
) -> WeeklyEvents:
    """Count events by customer, type and week, back from the day `end`.

    Raises
    ------
    NotEnoughDataError
        If there is no complete week.
    """
    frame = _with_weeks_back(engine, events, end).filter(nw.col("back") < MOST_WEEKS)
    counted = frame.group_by("customer_id", "event_type", "back").agg(
        nw.len().cast(nw.Int64).alias("n"), nw.col("timestamp").min().alias("first")
    )
    kept = engine.persist(counted)
    (row,) = engine.rows(kept.select(first=nw.col("first").min()), source=source)
    days = 0 if row["first"] is None else (end - _day_of(row["first"])).days
    if days < 7:
        raise NotEnoughDataError(
            f"{source}: there is no complete week of events before {end}; give a later date "
            "(--as-of), or a longer history"
        )
    weeks = min(days // 7, MOST_WEEKS)
    return WeeklyEvents(kept.filter(nw.col("back") < weeks), end, weeks)


def weekly_totals(
    engine: Engine, weekly: WeeklyEvents, others: str | None, known: Collection[str], source: str
) -> WeeklyTotals:
    """Return events and active customers by week and tenure group.

    Parameters
    ----------
    engine : Engine
    weekly : WeeklyEvents
    others : str or None
        Name under which types that are not `known` are counted together; None leaves them out.
    known : collection of str
    source : str
        Name of the events in messages.
    """
    is_known = nw.col("event_type").is_in(sorted(known))
    frame = weekly.frame
    if others is None:
        frame = frame.filter(is_known)
    else:
        frame = frame.with_columns(
            event_type=nw.when(is_known).then(nw.col("event_type")).otherwise(nw.lit(others))
        )
    first = weekly.frame.group_by("customer_id").agg(nw.col("back").max().alias("oldest"))
    tenure = nw.when(nw.col("oldest") >= weekly.n_weeks - UNKNOWN_WEEKS).then(
        nw.lit(max(TENURE_WEEKS))
    ).otherwise(nw.col("oldest") - nw.col("back"))  # fmt: skip
    group = nw.sum_horizontal(
        *((nw.col("tenure") >= week).cast(nw.Int64()) for week in TENURE_WEEKS)
    )
    grouped = engine.persist(
        frame.join(first, on="customer_id", how="inner")
        .with_columns(tenure=tenure)
        .with_columns(tenure_group=group)
        .select("customer_id", "event_type", "back", "n", "tenure_group")
    )
    counted = grouped.group_by("back", "tenure_group", "event_type").agg(
        nw.col("n").sum().cast(nw.Int64())
    )
    people = (
        grouped.group_by("back", "tenure_group", "customer_id")
        .agg(nw.col("n").sum().cast(nw.Int64()))
        .group_by("back", "tenure_group")
        .agg(nw.len().alias("customers"))
    )
    counts = engine.rows(counted, source=source)
    names = tuple(sorted({row["event_type"] for row in counts}))
    place = {name: i for i, name in enumerate(names)}
    groups = len(TENURE_WEEKS) + 1
    events = np.zeros((weekly.n_weeks, groups, len(names)))
    active = np.zeros((weekly.n_weeks, groups))
    last = weekly.n_weeks - 1
    for row in counts:
        events[last - row["back"], row["tenure_group"], place[row["event_type"]]] += row["n"]
    for row in engine.rows(people, source=source):
        active[last - row["back"], row["tenure_group"]] += row["customers"]
    return WeeklyTotals(weekly.starts, names, events, active)


def last_week_counts(engine: Engine, weekly: WeeklyEvents, source: str) -> dict[str, int]:
    """Return the events of each type in the last week."""
    last = weekly.frame.filter(nw.col("back") == 0)
    rows = engine.rows(
        last.group_by("event_type").agg(nw.col("n").sum().cast(nw.Int64())), source=source
    )
    return {row["event_type"]: int(row["n"]) for row in rows}


def logging_shares(
    engine: Engine,
    weekly: WeeklyEvents,
    events: nw.LazyFrame[Any],
    raw: nw.LazyFrame[Any] | None,
    source: str,
) -> LoggingShares:
    """Return the shares of rows that a fault of logging would raise, in the last half year.

    Parameters
    ----------
    engine : Engine
    weekly : WeeklyEvents
    events : LazyFrame
        Usable events, without repeated ids.
    raw : LazyFrame or None
        The same with repeated ids; None if the events have no ids.
    source : str
    """
    weeks = min(weekly.n_weeks, FAULT_WEEKS)
    starts = weekly.starts[-weeks:]
    recent = _with_weeks_back(engine, events, weekly.end).filter(nw.col("back") < weeks)
    alike = recent.group_by("back", "event_type", "customer_id", "timestamp").agg(
        nw.len().cast(nw.Int64).alias("n")
    )
    alike = engine.persist(alike)
    by_type = alike.group_by("back", "event_type").agg(
        nw.col("n").sum().cast(nw.Int64()).alias("rows"), nw.len().alias("distinct")
    )
    counted = engine.rows(by_type, source=source)
    shares = _Shares(weeks)
    for row in counted:
        key = "identical_rows", row["event_type"]
        shares.add(key, row["back"], row["rows"] - row["distinct"], row["rows"])
    if raw is not None:
        _add_repeats(engine, weekly.end, raw, counted, shares, source)
    second = alike.with_columns(second=nw.col("timestamp") // _SECOND)
    _add_largest(engine, second, "second", ("same_second", "all events"), shares, source)
    recent_weeks = weekly.frame.filter(nw.col("back") < weeks)
    _add_largest(
        engine, recent_weeks, "customer_id", ("few_customers", "all events"), shares, source
    )
    return LoggingShares(starts, shares.rows, shares.shares())


class _Shares:
    """Adds up parts and rows of weeks."""

    def __init__(self, weeks: int) -> None:
        self.weeks = weeks
        self.parts: dict[tuple[str, str], FloatArray] = {}
        self.rows: dict[tuple[str, str], FloatArray] = {}

    def add(self, key: tuple[str, str], back: int, part: float, rows: float) -> None:
        """Add a part of the rows of a week."""
        for values, number in ((self.parts, part), (self.rows, rows)):
            values.setdefault(key, np.zeros(self.weeks))[self.weeks - 1 - back] += number

    def shares(self) -> dict[tuple[str, str], FloatArray]:
        """Return parts as shares of rows, sorted; NaN without rows."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return {key: self.parts[key] / self.rows[key] for key in sorted(self.parts)}


def _add_repeats(
    engine: Engine,
    end: dt.date,
    raw: nw.LazyFrame[Any],
    kept: Sequence[dict[str, Any]],
    shares: _Shares,
    source: str,
) -> None:
    """Add rows that were dropped, as an earlier one has their event_id."""
    before = {(row["back"], row["event_type"]): row["rows"] for row in kept}
    rows = _with_weeks_back(engine, raw, end).filter(nw.col("back") < shares.weeks)
    counted = rows.group_by("back", "event_type").agg(nw.len().alias("rows"))
    for row in engine.rows(counted, source=source):
        unique = before.get((row["back"], row["event_type"]), 0)
        key = "repeated_ids", row["event_type"]
        shares.add(key, row["back"], max(row["rows"] - unique, 0), row["rows"])


def _add_largest(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    by: str,
    key: tuple[str, str],
    shares: _Shares,
    source: str,
) -> None:
    """Add the largest part of each week that belongs to one value of a column."""
    parts = frame.group_by("back", by).agg(nw.col("n").sum().cast(nw.Int64()))
    largest = parts.group_by("back").agg(
        nw.col("n").max().alias("largest"), nw.col("n").sum().cast(nw.Int64()).alias("rows")
    )
    for row in engine.rows(largest, source=source):
        shares.add(key, row["back"], row["largest"], row["rows"])


def _with_weeks_back(engine: Engine, events: nw.LazyFrame[Any], end: dt.date) -> nw.LazyFrame[Any]:
    """Add `back`, the number of weeks before the last; the timestamp is in microseconds then."""
    limit = (end - _EPOCH.date()).days * (_WEEK // 7)
    moments = engine.micros(events, "timestamp").filter(nw.col("timestamp") < limit)
    back = ((limit - 1 - nw.col("timestamp")) // _WEEK).cast(nw.Int64())
    return moments.select("customer_id", "event_type", "timestamp", back=back)


def _day_of(moment: int) -> dt.date:
    return (_EPOCH + dt.timedelta(microseconds=int(moment))).date() if moment else _EPOCH.date()
