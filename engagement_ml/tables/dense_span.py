"""Where the data are dense: a few rows far from all others are no history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine

MIN_GAP = 28
"""Days without rows that set a stretch of days apart."""
MAX_SHARE = 0.01
"""Largest share of the rows in a stretch that is not part of the history."""
MAX_RATE = 0.01
"""Largest number of rows a day in such a stretch and its gap, relative to the dense days."""


@dataclass(frozen=True)
class DenseSpan:
    """The days between which rows are dense.

    Attributes
    ----------
    first, last : date
        Both inclusive.
    before, after : int
        Rows before `first` and after `last`: few, and far from all others.
    second, second_last : date or None
        The day with rows after `first` if `first` stands apart; the day before `last` likewise.
    """

    first: dt.date
    last: dt.date
    before: int = 0
    after: int = 0
    second: dt.date | None = None
    second_last: dt.date | None = None


def dense_span(rows_by_day: Mapping[dt.date, int]) -> DenseSpan | None:
    """Return the days between which rows are dense; None without rows.

    Left out at each end are the days beyond a gap of at least `MIN_GAP` days, if they hold at
    most `MAX_SHARE` of all rows, and at most `MAX_RATE` as many rows a day as the dense days.

    Examples
    --------
    >>> days = {dt.date(2024, 1, 1) + dt.timedelta(days=i): 5 for i in range(60)}
    >>> span = dense_span({**days, dt.date(2025, 12, 24): 1})
    >>> span.first, span.last, span.after
    (datetime.date(2024, 1, 1), datetime.date(2024, 2, 29), 1)
    """
    days = sorted(rows_by_day)
    if not days:
        return None
    total = sum(rows_by_day.values())
    starts = _candidates(days, rows_by_day, total)
    ends = [len(days) - start for start in _candidates(days[::-1], rows_by_day, total) if start > 0]
    core = days[max(starts, default=0) : min(ends, default=len(days))]
    rate = sum(rows_by_day[day] for day in core) / ((core[-1] - core[0]).days + 1)
    start = next((i for i in starts[::-1] if _sparse(days[: i + 1], rows_by_day, rate)), 0)
    end = next((i for i in ends[::-1] if _sparse(days[i - 1 :][::-1], rows_by_day, rate)), None)
    kept = days[start:end]
    apart = [abs((b - a).days) > MIN_GAP for a, b in (kept[:2], kept[:-3:-1])] if kept[1:] else []
    return DenseSpan(
        first=kept[0],
        last=kept[-1],
        before=sum(rows_by_day[day] for day in days[:start]),
        after=sum(rows_by_day[day] for day in days[start + len(kept) :]),
        second=kept[1] if apart and apart[0] else None,
        second_last=kept[-2] if apart and apart[1] else None,
    )


def has_gap(days: Sequence[dt.date]) -> bool:
    """Return whether any of the sorted days stands apart from the next."""
    return any((later - earlier).days > MIN_GAP for earlier, later in pairwise(days))


def rows_by_day(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    day: nw.Expr,
    rows: nw.Expr,
    first: dt.date,
    *,
    source: str,
) -> dict[dt.date, int]:
    """Return the number of rows of each day from `first` on.

    Parameters
    ----------
    engine : Engine
    frame : LazyFrame
    day, rows : Expr
        The day of a row, and the aggregate that counts rows.
    first : date
        Earlier days are left out: Python's calendar begins with year 1, that of engines before.
    source : str
        Name in messages.
    """
    counted = (
        frame.with_columns(day_=day)
        .filter(nw.col("day_") >= first)
        .group_by("day_")
        .agg(rows.cast(nw.Int64).alias("n_"))
    )
    return {row["day_"]: row["n_"] for row in engine.rows(counted, source=source)}


def _candidates(
    days: Sequence[dt.date], rows_by_day: Mapping[dt.date, int], total: int
) -> list[int]:
    """Return the positions after a gap, with few rows before them; days run inwards."""
    found, outside = [], 0
    for i, (outer, inner) in enumerate(pairwise(days), start=1):
        outside += rows_by_day[outer]
        if outside > MAX_SHARE * total:
            break
        if abs((inner - outer).days) > MIN_GAP:
            found.append(i)
    return found


def _sparse(days: Sequence[dt.date], rows_by_day: Mapping[dt.date, int], rate: float) -> bool:
    """Return whether few rows a day lie on all but the last of `days`, which run inwards."""
    rows = sum(rows_by_day[day] for day in days[:-1])
    return rows <= MAX_RATE * rate * abs((days[-1] - days[0]).days)
