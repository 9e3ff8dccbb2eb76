"""Slow oracle of cohorts: plain loops over plain rows, no code shared with the package."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
Month = tuple[int, int]


def month_of(moment: dt.date) -> Month:
    return moment.year, moment.month


def later(month: Month, by: int) -> Month:
    years, place = divmod(month[1] - 1 + by, 12)
    return month[0] + years, place + 1


def months(first: dt.date, end: dt.date) -> list[Month]:
    """The complete months of the days from `first` to before `end`."""
    month, found = month_of(first) if first.day == 1 else later(month_of(first), 1), []
    while dt.date(*later(month, 1), 1) <= end:
        found.append(month)
        month = later(month, 1)
    return found


def entries(
    events: Iterable[Row], transactions: Iterable[Row], customers: Iterable[Row]
) -> dict[str, dt.datetime]:
    """Sign-up or, without one, the first event or transaction."""
    found: dict[str, dt.datetime] = {}
    for row in [*events, *transactions]:
        known = found.get(row["customer_id"], row["timestamp"])
        found[row["customer_id"]] = min(known, row["timestamp"])
    for row in customers:
        if row.get("signup") is not None:
            found[row["customer_id"]] = row["signup"]
    return found


def cell(
    what: str,
    members: Iterable[str],
    month: Month,
    transactions: Iterable[Row],
    exits: Mapping[str, dt.datetime] | None = None,
    scores: Mapping[tuple[str, Month], float] | None = None,
) -> tuple[float, int]:
    """Sum of the quantity over members in a month, and the members who count."""
    total, n = 0.0, 0
    for member in members:
        own = [
            row["margin"]
            for row in transactions
            if row["customer_id"] == member and month_of(row["timestamp"]) == month
        ]
        if what == "score":
            assert scores is not None
            if (member, month) in scores:
                total, n = total + scores[member, month], n + 1
            continue
        n += 1
        if what == "margin":
            total += sum(own)
        elif exits is None:
            total += 100.0 * any(margin > 0 for margin in own)
        else:
            left = exits.get(member)
            total += 100.0 * (left is None or month_of(left) > month)
    return total, n
