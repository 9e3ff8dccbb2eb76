"""Periods of the scorecard: whole weeks, months or quarters, and the days of each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import Every
from engagement_ml.engine import Engine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.windows import DAY, Window


@dataclass(frozen=True)
class Period(Window):
    """A whole week, month or quarter.

    Attributes
    ----------
    label : str
        ``2025-03``, ``2025-Q1`` or, for a week, its Monday.
    """

    label: str


@dataclass(frozen=True)
class Periods:
    """Consecutive complete periods; their place in `every` order is the column ``period``.

    Examples
    --------
    >>> day = dt.date
    >>> periods = Periods.within(Window(day(2024, 1, 10), day(2024, 4, 3)), "month", at_most=13)
    >>> [period.label for period in periods.each]
    ['2024-02', '2024-03']
    """

    each: tuple[Period, ...]
    every: Every

    @classmethod
    def within(cls, history: Window, every: Every, at_most: int) -> Periods:
        """Return the last complete periods of a history.

        Raises
        ------
        NotEnoughDataError
            If no period is complete.
        """
        found: list[Period] = []
        end = start_of(history.end, every)
        while len(found) < at_most:
            start = start_of(end - DAY, every)
            if start < history.start:
                break
            found.append(Period(start, end, _label(start, every)))
            end = start
        if not found:
            raise NotEnoughDataError(
                f"scorecard: the history from {history.start} to {history.end - DAY} has no "
                f"complete {every}; set 'scorecard: {{every: week}}', or give a longer history"
            )
        return cls(tuple(reversed(found)), every)

    @property
    def span(self) -> Window:
        """From the first day of the first period to the end of the last."""
        return Window(self.each[0].start, self.each[-1].end)

    def calendar(self, engine: Engine) -> nw.LazyFrame[Any]:
        """Return the periods' days.

        Returns
        -------
        LazyFrame
            A row for each day: ``day`` (date), ``period`` (place of its period), ``period_days``,
            ``period_start`` and ``period_end`` (dates, half-open).
        """
        rows = [
            (period.start + offset * DAY, place, period.days, period.start, period.end)
            for place, period in enumerate(self.each)
            for offset in range(period.days)
        ]
        names = ("day", "period", "period_days", "period_start", "period_end")
        return engine.small(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def start_of(day: dt.date, every: Every) -> dt.date:
    """Return the first day of the week (Monday), month or quarter that holds a day.

    Examples
    --------
    >>> start_of(dt.date(2024, 5, 31), "quarter").isoformat()
    '2024-04-01'
    """
    if every == "week":
        return day - day.weekday() * DAY
    if every == "month":
        return day.replace(day=1)
    return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)


def _label(start: dt.date, every: Every) -> str:
    if every == "week":
        return start.isoformat()
    if every == "month":
        return f"{start:%Y-%m}"
    return f"{start.year}-Q{(start.month + 2) // 3}"
