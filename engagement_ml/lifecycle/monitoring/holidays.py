"""Weeks of earlier years that lie at the same place of the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

WEEK = dt.timedelta(days=7)


def same_weeks(
    starts: Sequence[dt.date], holidays: Mapping[str, Collection[dt.date]] | None = None
) -> list[tuple[int, ...]]:
    """Return, for each week, the earlier weeks that a yearly holiday may have moved alike.

    These are the weeks one and two years before and their neighbours, those at the same distance
    from Easter if it is at most a week away, and those with a day of the same `holidays`.

    Examples
    --------
    >>> first = dt.date(2023, 1, 2)
    >>> starts = [first + i * WEEK for i in range(60)]
    >>> same_weeks(starts)[55]
    (2, 3, 4)
    >>> same_weeks(starts, {"fair": [dt.date(2023, 3, 1), dt.date(2024, 1, 24)]})[55]
    (2, 3, 4, 8)
    """
    named = [_names(start, holidays or {}) for start in starts]
    easter = [_weeks_from_easter(start) for start in starts]
    found = []
    for week in range(len(starts)):
        same = {week - 52 * years + shift for years in (1, 2) for shift in (-1, 0, 1)}
        if abs(easter[week]) <= 1:
            same.update(w for w in range(week - 40) if easter[w] == easter[week])
        if named[week]:
            same.update(w for w in range(week) if named[w] & named[week] and week - w > 1)
        found.append(tuple(sorted(w for w in same if 0 <= w < week)))
    return found


def easter_sunday(year: int) -> dt.date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher).

    Examples
    --------
    >>> easter_sunday(2024).isoformat()
    '2024-03-31'
    """
    golden = year % 19
    century, rest = divmod(year, 100)
    leap, leap_rest = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    quarter, quarter_rest = divmod(rest, 4)
    weekday = (32 + 2 * leap_rest + 2 * quarter - moon - quarter_rest) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)


def _weeks_from_easter(start: dt.date) -> int:
    """Return 0 for the week that contains Good Friday or Easter Sunday."""
    sunday = easter_sunday(start.year)
    return (sunday - start).days // 7


def _names(start: dt.date, holidays: Mapping[str, Collection[dt.date]]) -> set[str]:
    return {
        name for name, days in holidays.items() if any(start <= day < start + WEEK for day in days)
    }


def is_special(start: dt.date, holidays: Mapping[str, Collection[dt.date]] | None = None) -> bool:
    """Return whether a week has a day of `holidays`, of Christmas, Easter or Black Friday.

    Examples
    --------
    >>> [is_special(dt.date(2024, 12, day)) for day in (9, 23, 30)]
    [False, True, True]
    """
    days = [start + dt.timedelta(days=i) for i in range(7)]
    return bool(_names(start, holidays or {})) or any(
        (day.month, day.day) >= (12, 24)
        or (day.month, day.day) == (1, 1)
        or -2 <= (day - easter_sunday(day.year)).days <= 1
        or (day.month == 11 and day.weekday() == 4 and 23 <= day.day <= 29)
        for day in days
    )
