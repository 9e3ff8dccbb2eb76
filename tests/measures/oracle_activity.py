"""Measures of activity, sessions, audiences and care by hand, in plain Python over rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from tests.measures.oracle_trials import DAY, Period, Row, midnight, of_type, ratio

GAP = dt.timedelta(minutes=30)


def active_rows(rows: Sequence[Row], channel: str | None = None) -> list[Row]:
    """Return what customers did: not sent to them, and not the churn event."""
    return [
        r
        for r in rows
        if r.get("direction") != "outbound"
        and r["event_type"] != "churned"
        and (channel is None or r.get("channel") == channel)
    ]


def days_of(rows: Sequence[Row]) -> set[tuple[str, dt.date]]:
    """Return customers and the days on which they have a row."""
    return {(r["customer_id"], r["timestamp"].date()) for r in rows}


def mean_active(rows: Sequence[Row], spans: Sequence[Sequence[Period]]) -> list[float | None]:
    """Return the mean number of distinct customers over the spans of each period."""
    active = days_of(rows)
    values = []
    for each in spans:
        counts = [len({c for c, d in active if first <= d < after}) for first, after in each]
        values.append(sum(counts) / len(counts) if sum(counts) else None)
    return values


def days_in(period: Period) -> list[Period]:
    """Return the days of a period."""
    n = (period[1] - period[0]).days
    return [(period[0] + i * DAY, period[0] + (i + 1) * DAY) for i in range(n)]


def weeks_in(period: Period, start: dt.date) -> list[Period]:
    """Return the weeks, from Monday, that end in a period and begin in the history."""
    ends = [last for last, _ in days_in(period) if last.weekday() == 6]
    return [(e - 6 * DAY, e + DAY) for e in ends if e - 6 * DAY >= start]


def sessions(rows: Sequence[Row]) -> list[Row]:
    """Return sessions: runs of a customer, day and session id without a pause beyond the gap."""
    groups: dict[Any, list[Row]] = {}
    for row in active_rows(rows):
        key = (row["customer_id"], row["timestamp"].date(), row.get("session_id"))
        groups.setdefault(key, []).append(row)
    found = []
    for (who, day, _), events in groups.items():
        events.sort(key=lambda r: (r["timestamp"], r.get("channel") or "", r.get("section") or ""))
        runs: list[list[Row]] = []
        for event in events:
            if runs and event["timestamp"] - runs[-1][-1]["timestamp"] <= GAP:
                runs[-1].append(event)
            else:
                runs.append([event])
        found += [
            {
                "customer_id": who, "day": day, "events": len(run),
                "pages": sum(r["event_type"] == "page_view" for r in run),
                "goals": sum(r["event_type"] == "login" for r in run),
                "seconds": (run[-1]["timestamp"] - run[0]["timestamp"]).total_seconds(),
                "channel": run[0].get("channel"), "section": run[0].get("section"),
            }
            for run in runs
        ]  # fmt: skip
    return found


def login_weeks(
    logins: Sequence[Row], entries: dict[str, dt.datetime], exits: dict[str, dt.datetime],
    periods: Sequence[Period], start: dt.date,
) -> list[float | None]:  # fmt: skip
    """Return the share of whole weeks on board with a log-in."""
    active = days_of(logins)
    values = []
    for period in periods:
        weeks, used = 0, 0
        for first, after in weeks_in(period, start):
            for who, entry in entries.items():
                exit_ = exits.get(who)
                if entry.date() > first or (exit_ is not None and exit_.date() < after):
                    continue
                weeks += 1
                used += any(c == who and first <= d < after for c, d in active)
        values.append(ratio(used, weeks))
    return values


def subscriber_growth(rows: Sequence[Row], periods: Sequence[Period]) -> list[float | None]:
    """Return gains less losses by the subscribers at the start, following each customer's state."""
    changes: list[tuple[str, dt.date, int]] = []
    before: dict[str, bool] = {}
    for who in {r["customer_id"] for r in rows}:
        own = of_type([r for r in rows if r["customer_id"] == who], "subscribed", "unsubscribed")
        own.sort(key=lambda r: (r["timestamp"], r["event_type"] == "subscribed"))
        if not own:
            continue
        state = before[who] = own[0]["event_type"] == "unsubscribed"
        for row in own:
            new = row["event_type"] == "subscribed"
            if new != state:
                changes.append((who, row["timestamp"].date(), 1 if new else -1))
            state = new
    values = []
    for first, after in periods:
        at_start = sum(before.values()) + sum(step for _, day, step in changes if day < first)
        net = sum(step for _, day, step in changes if first <= day < after)
        values.append(ratio(net, at_start))
    return values


def appointments(
    rows: Sequence[Row], periods: Sequence[Period], end: dt.date
) -> list[float | None]:
    """Return the share of due appointments that were attended."""
    latest: dict[Any, Row] = {}
    for row in of_type(rows, "appointment_booked", "appointment_moved"):
        if row["ref"] is None or row["due"] is None:
            continue
        key = (row["customer_id"], row["ref"])
        known = latest.get(key)
        if known is None or (row["timestamp"], row["due"]) > (known["timestamp"], known["due"]):
            latest[key] = row
    values = []
    for first, after in periods:
        due, attended = 0, 0
        for key, row in latest.items():
            if not first <= row["due"].date() < after or row["due"] + DAY > midnight(end):
                continue
            own = [r for r in rows if (r["customer_id"], r["ref"]) == key]
            if any(
                row["timestamp"] <= r["timestamp"] <= row["due"]
                for r in of_type(own, "appointment_cancelled_by_provider")
            ):
                continue
            due += 1
            attended += bool(of_type(own, "appointment_attended"))
        values.append(ratio(attended, due))
    return values


def supply(
    rows: Sequence[Row], exits: dict[str, dt.datetime], periods: Sequence[Period], end: dt.date
) -> tuple[list[float | None], list[float | None]]:
    """Return days covered by days observed, and the share of customers with 80%, day by day."""
    covered: dict[Any, set[dt.date]] = {}
    firsts: dict[Any, dt.date] = {}
    for row in of_type(rows, "refill"):
        if not row["value"]:
            continue
        key, day = (row["customer_id"], row["object"]), row["timestamp"].date()
        firsts.setdefault(key, day)
        have = covered.setdefault(key, set())
        left = int(row["value"])
        while left:
            if day not in have:
                have.add(day)
                left -= 1
            day += DAY
    days_covered, adherent = [], []
    for first, after in periods:
        by_customer: dict[str, list[int]] = {}
        for key, start in firsts.items():
            exit_ = exits.get(key[0])
            stop = min(end, exit_.date()) if exit_ is not None else end
            days = [d for d, _ in days_in((first, after)) if start <= d < stop]
            if days:
                totals = by_customer.setdefault(key[0], [0, 0])
                totals[0] += sum(d in covered[key] for d in days)
                totals[1] += len(days)
        above, below = (sum(t[i] for t in by_customer.values()) for i in (0, 1))
        days_covered.append(ratio(above, below))
        full = sum(10 * a >= 8 * b for a, b in by_customer.values())
        adherent.append(ratio(full, len(by_customer)))
    return days_covered, adherent
