"""Measures of starts and goals by hand, in plain Python over rows; shares no code with the package.

Every function returns the value in each period, None for no data, for the rows of one channel if
`channel` is given.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Row = dict[str, Any]
Period = tuple[dt.date, dt.date]
DAY = dt.timedelta(days=1)


def of_type(rows: Iterable[Row], *types: str) -> list[Row]:
    """Return the rows of some event types, in the order of time."""
    return sorted((r for r in rows if r["event_type"] in types), key=lambda r: r["timestamp"])


def ratio(above: float, below: float, scale: float = 100.0) -> float | None:
    """Return a ratio, None without a denominator."""
    return scale * above / below if below else None


def midnight(day: dt.date) -> dt.datetime:
    """Return the first moment of a day."""
    return dt.datetime(day.year, day.month, day.day)


def per_person(
    starts: Sequence[Row], goals: Sequence[Row], periods: Sequence[Period], end: dt.date,
    limit: dt.timedelta, channel: str | None = None,
) -> list[float | None]:  # fmt: skip
    """Share of the customers with a mature start in a period of whom one was followed in time."""
    values = []
    for first, after in periods:
        started, reached = set(), set()
        for start in starts:
            moment, who = start["timestamp"], start["customer_id"]
            if not (first <= moment.date() < after) or moment + limit >= midnight(end):
                continue
            if channel is not None and start.get("channel") != channel:
                continue
            started.add(who)
            if any(
                g["customer_id"] == who and moment <= g["timestamp"] <= moment + limit
                for g in goals
            ):
                reached.add(who)
        values.append(ratio(len(reached), len(started)))
    return values


def per_trial(
    starts: Sequence[Row], goals: Sequence[Row], periods: Sequence[Period], end: dt.date,
    limit: dt.timedelta, unit: Callable[[Row], Any], link: Callable[[Row], Any],
    channel: str | None = None,
) -> list[float | None]:  # fmt: skip
    """Share of the trials (the first start of each unit) that were followed in time."""
    trials: dict[Any, Row] = {}
    for row in starts:
        if unit(row) is None or row["timestamp"] >= midnight(end):
            continue
        known = trials.get(unit(row))
        if known is None or (row["timestamp"], str(row.get("channel") or "~")) < (
            known["timestamp"],
            str(known.get("channel") or "~"),
        ):
            trials[unit(row)] = row
    values = []
    for first, after in periods:
        inside = [
            t
            for t in trials.values()
            if first <= t["timestamp"].date() < after
            and t["timestamp"] + limit < midnight(end)
            and (channel is None or t.get("channel") == channel)
        ]
        reached = [
            t
            for t in inside
            if any(
                link(g) is not None
                and link(g) == link(t)
                and t["timestamp"] <= g["timestamp"] <= t["timestamp"] + limit
                for g in goals
            )
        ]
        values.append(ratio(len(reached), len(inside)))
    return values


def by_ref(row: Row) -> Any:
    """Return what links events of one ref."""
    return (row["customer_id"], row["ref"]) if row.get("ref") is not None else None


def requests(
    starts: Sequence[Row], goals: Sequence[Row], end: dt.date, period: Period
) -> list[tuple[int, bool]]:
    """Return seconds from the first start of each ref in a period to its answer or to the end."""
    firsts: dict[Any, dt.datetime] = {}
    for row in starts:
        key = by_ref(row)
        if key is not None and row["timestamp"] < midnight(end):
            firsts[key] = min(firsts.get(key, row["timestamp"]), row["timestamp"])
    found = []
    for key, start in firsts.items():
        if not period[0] <= start.date() < period[1]:
            continue
        after = [g["timestamp"] for g in goals if by_ref(g) == key and g["timestamp"] >= start]
        answered = bool(after) and min(after) < midnight(end)
        until = min(after) if answered else midnight(end)
        found.append((int((until - start).total_seconds()), answered))
    return found


def influence(
    contacts: Sequence[Row], actions: Sequence[Row], entries: dict[str, dt.datetime],
    exits: dict[str, dt.datetime], periods: Sequence[Period], end: dt.date, days: int,
) -> tuple[list[float | None], list[float | None]]:  # fmt: skip
    """Return the difference to matched weeks, and the raw share, in each period."""
    limit, last = days * DAY, midnight(end)
    moments: dict[str, set[dt.datetime]] = {}
    for row in contacts:
        if row["timestamp"] < last:
            moments.setdefault(row["customer_id"], set()).add(row["timestamp"])

    def acted(who: str, moment: dt.datetime) -> bool:
        return any(
            a["customer_id"] == who and moment <= a["timestamp"] < moment + limit for a in actions
        )

    weeks = -(-days // 7)
    differences, raw = [], []
    for first, after in periods:
        matched, own, everything, responses = 0, 0.0, 0, 0
        for who, times in moments.items():
            for time in times:
                if not first <= time.date() < after or time + limit > last:
                    continue
                everything += 1
                responses += acted(who, time)
                controls = []
                for week in (weeks, weeks + 1):
                    for moment in (time - 7 * week * DAY, time + 7 * week * DAY):
                        near = any(moment - limit < t < moment + limit for t in times)
                        there = entries[who] <= moment and moment + limit <= min(
                            last, exits.get(who, last)
                        )
                        if there and not near:
                            controls.append(acted(who, moment))
                if controls:
                    matched += 1
                    own += acted(who, time) - sum(controls) / len(controls)
        differences.append(ratio(own, matched))
        raw.append(ratio(responses, everything))
    return differences, raw
