"""Window aggregates: daily totals added up over the windows of one cutoff, in one grouping."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.windows import DAY, Window

WORD_WEEKS = 19
"""Weeks in one 64-bit integer: an octal digit counts the active days (0 to 7) of each."""


@dataclass(frozen=True)
class Total:
    """One aggregate of daily totals over the window of a kind.

    Attributes
    ----------
    name : str
    column : str
        Column of the daily totals; not read for days and weeks.
    how : {"sum", "max", "days", "weeks"}
        Sum or largest value of `column`; number of days with a row; number of weeks with a row
        (7-day periods counted back from the window's end, whole ones only: days left over at the
        window's start are ignored).
    kind : str
        Which of the windows around a cutoff.
    """

    name: str
    column: str
    how: Literal["sum", "max", "days", "weeks"]
    kind: str


def window_totals(
    engine: Engine,
    daily: nw.LazyFrame[Any],
    keys: Sequence[str],
    windows: Mapping[str, Window],
    totals: Sequence[Total],
) -> nw.LazyFrame[Any]:
    """Aggregate daily totals over the windows of one cutoff.

    A join with a calendar marks the windows of each day, so the daily totals are read once. Active
    weeks are digits of integers, which add up without a distinct count.

    Parameters
    ----------
    engine : Engine
    daily : LazyFrame
        One row per `keys` and ``day``.
    keys : sequence of str
    windows : mapping of kind to Window
    totals : sequence of Total

    Returns
    -------
    LazyFrame
        One row per `keys` with a row in any window; sums and counts are int64, 0 for an empty
        window; largest values are null for an empty window.
    """
    kinds = sorted({total.kind for total in totals})
    weekly = sorted({total.kind for total in totals if total.how == "weeks"})
    first = min(windows[kind].start for kind in kinds)
    last = max(windows[kind].end for kind in kinds)
    inside = daily.filter((nw.col("day") >= first) & (nw.col("day") < last)).join(
        _calendar(engine, windows, kinds, weekly), on="day", how="inner"
    )
    aggregates: list[nw.Expr] = []
    for total in totals:
        if total.how == "weeks":
            words = (_word(total.kind, i) for i in range(_n_words(windows[total.kind])))
            aggregates += [_int_sum(nw.col(w)).alias(f"{total.name}_{w}") for w in words]
        else:
            aggregates.append(_total(total))
    grouped = inside.group_by(*keys).agg(*aggregates)
    columns = [nw.col(t.name) if t.how != "weeks" else _weeks(t, windows[t.kind]) for t in totals]
    return grouped.select(*keys, *columns)


def _total(total: Total) -> nw.Expr:
    inside = nw.when(nw.col(f"in_{total.kind}"))
    if total.how == "days":
        return _int_sum(inside.then(nw.lit(1))).alias(total.name)
    column = inside.then(nw.col(total.column))
    return (column.max() if total.how == "max" else _int_sum(column)).alias(total.name)


def _int_sum(column: nw.Expr) -> nw.Expr:
    return column.sum().cast(nw.Int64)


def _weeks(total: Total, window: Window) -> nw.Expr:
    active = []
    for week in range(window.days // 7):
        word, place = divmod(week, WORD_WEEKS)
        # Modulo leaves the week's octal digit as the highest one: it is 0 if the rest is smaller.
        rest = nw.col(f"{total.name}_{_word(total.kind, word)}") % 8 ** (place + 1)
        active.append(nw.when(rest >= 8**place).then(nw.lit(1)).otherwise(nw.lit(0)))
    return (nw.sum_horizontal(*active) if active else nw.lit(0)).alias(total.name)


def _n_words(window: Window) -> int:
    return -(-(window.days // 7) // WORD_WEEKS)


def _word(kind: str, number: int) -> str:
    return f"weeks_{kind}_{number}"


def _calendar(
    engine: Engine, windows: Mapping[str, Window], kinds: Sequence[str], weekly: Sequence[str]
) -> nw.LazyFrame[Any]:
    first = min(windows[kind].start for kind in kinds)
    last = max(windows[kind].end for kind in kinds)
    span = (first + i * DAY for i in range((last - first).days))
    days = [day for day in span if any(_inside(day, windows[kind]) for kind in kinds)]
    columns: dict[str, list[Any]] = {"day": days}
    for kind in kinds:
        columns[f"in_{kind}"] = [_inside(day, windows[kind]) for day in days]
    for kind in weekly:
        for word in range(_n_words(windows[kind])):
            columns[_word(kind, word)] = [_digit(day, windows[kind], word) for day in days]
    return engine.small(columns)


def _inside(day: dt.date, window: Window) -> bool:
    return window.start <= day < window.end


def _digit(day: dt.date, window: Window, word: int) -> int:
    """Return 1 in the octal digit of the day's week, counted back from the window's end."""
    week = ((window.end - day).days - 1) // 7
    if not _inside(day, window) or week >= window.days // 7:
        return 0
    week_word, place = divmod(week, WORD_WEEKS)
    return 8**place if week_word == word else 0
