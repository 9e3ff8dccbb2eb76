"""Days whose rows can be used: plausible ones, where the data are dense, with known margin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import narwhals as nw

from engagement_ml.config import HistoryConfig
from engagement_ml.formatting import quantity
from engagement_ml.tables.dense_span import DenseSpan
from engagement_ml.yaml_line import yaml_line

AFTER_TRANSACTIONS = "after the last day of transactions"
FAR = "far from all other days"


class DayReason(NamedTuple):
    """A reason to drop rows by their day: those before `first`, or those after `last`."""

    name: str
    first: dt.date | None = None
    last: dt.date | None = None

    def sql(self, moment: str) -> str:
        """Return the condition in SQL; `moment` is SQL of a date or a timestamp."""
        if self.first is not None:
            return f"{moment} < DATE '{self.first}'"
        return f"{moment} >= DATE '{self.last}' + 1"

    def expression(self, day: nw.Expr) -> nw.Expr:
        """Return the condition as an expression."""
        return day < self.first if self.first is not None else day > self.last


@dataclass(frozen=True)
class DayLimits:
    """The days whose rows can be used.

    Attributes
    ----------
    earliest : date
        First plausible day.
    latest : date or None
        Last plausible day; None if later ones are refused as lying in the future.
    drop_distant : bool
        Whether the rows beyond `dense` are dropped.
    dense : DenseSpan or None
        The days between which rows are dense; None if that is not known.
    end : date or None
        Last day of transactions, for events; None for other tables.
    """

    earliest: dt.date
    latest: dt.date | None = None
    drop_distant: bool = True
    dense: DenseSpan | None = None
    end: dt.date | None = None

    @classmethod
    def of(cls, config: HistoryConfig) -> DayLimits:
        """Return the plausible days that are configured.

        Examples
        --------
        >>> DayLimits.of(HistoryConfig()).first
        datetime.date(1990, 1, 1)
        """
        return cls(config.earliest, config.latest, config.drop_distant)

    def within(self, dense: DenseSpan | None) -> DayLimits:
        """Return the limits, given where the rows are dense."""
        return replace(self, dense=dense)

    def until(self, end: dt.date) -> DayLimits:
        """Return the limits without the rows after the last day of transactions."""
        return replace(self, end=end)

    @property
    def plausible(self) -> tuple[DayReason, ...]:
        """The reasons that do not depend on other rows."""
        reasons = [DayReason(f"before {self.earliest} (history.earliest)", first=self.earliest)]
        if self.latest is not None:
            reasons.append(DayReason(f"after {self.latest} (history.latest)", last=self.latest))
        return tuple(reasons)

    @property
    def distant(self) -> tuple[DayReason, ...]:
        """The reasons for rows that lie far from all others."""
        span = self.dense
        if span is None or not self.drop_distant:
            return ()
        reasons = []
        if span.before:
            reasons.append(DayReason(f"before {span.first}, {FAR}", first=span.first))
        if span.after:
            reasons.append(DayReason(f"after {span.last}, {FAR}", last=span.last))
        return tuple(reasons)

    @property
    def reasons(self) -> tuple[DayReason, ...]:
        """All reasons to drop a row by its day; the first that applies counts."""
        late = () if self.end is None else (DayReason(AFTER_TRANSACTIONS, last=self.end),)
        return (*self.plausible, *late, *self.distant)

    @property
    def first(self) -> dt.date:
        """First day whose rows are kept."""
        return max(reason.first for reason in self.reasons if reason.first is not None)

    @property
    def last(self) -> dt.date | None:
        """Last day whose rows are kept; None if there is no limit."""
        return min((r.last for r in self.reasons if r.last is not None), default=None)

    def cover(self, days: Sequence[dt.date]) -> bool:
        """Return whether rows of all days, which are sorted, are kept."""
        return not days or (self.first <= days[0] and (self.last is None or days[-1] <= self.last))

    def kept(self, rows_by_day: Mapping[dt.date, int]) -> dict[dt.date, int]:
        """Return the days that are kept, with their rows."""
        last = self.last
        return {
            day: rows
            for day, rows in rows_by_day.items()
            if self.first <= day and (last is None or day <= last)
        }

    def usable_sql(self, moment: str) -> str:
        """Return the condition in SQL that a date or timestamp is kept; null if it is null."""
        return " AND ".join(f"NOT ({reason.sql(moment)})" for reason in self.reasons)

    def usable(self, day: nw.Expr) -> nw.Expr:
        """Return the condition that a date is kept; null if it is null."""
        return nw.all_horizontal(
            *(~reason.expression(day) for reason in self.reasons), ignore_nulls=False
        )

    def notes(self, table: str, dropped: Mapping[str, int]) -> tuple[str, ...]:
        """Return sentences on the rows that were dropped by their day, and on days apart.

        Parameters
        ----------
        table : str
        dropped : mapping of str to int
            Number of rows by reason.
        """
        found = [
            _dropped(table, dropped[reason.name], reason)
            for reason in self.plausible
            if reason.name in dropped
        ]
        found += [
            _dropped(table, dropped[reason.name], reason)
            + "; if the dates are right, set 'history: {drop_distant: false}'"
            for reason in self.distant
            if reason.name in dropped
        ]
        span = self.dense
        if span is not None and span.second is not None:
            found.append(_apart(table, "first", span.first, span.second, "earliest"))
        if span is not None and span.second_last is not None:
            found.append(_apart(table, "last", span.last, span.second_last, "latest"))
        return tuple(found)


MAY_BE_IMPLAUSIBLE = {"signup": "signup", "sent": "sending"}
"""Optional columns of times without which a row can be used, and what one of them is called."""


def implausible_notes(limits: DayLimits, table: str, column: str, implausible: int) -> list[str]:
    """Return what was done with optional times on days that are not plausible."""
    if not implausible:
        return []
    names = " or ".join(reason.name for reason in limits.plausible)
    return [
        f"{quantity(implausible, MAY_BE_IMPLAUSIBLE[column])} of {table} {names} "
        f"{'was' if implausible == 1 else 'were'} treated as missing"
    ]


PLAUSIBLE = DayLimits.of(HistoryConfig())
"""The plausible days without a configuration."""


def _dropped(table: str, n: int, reason: DayReason) -> str:
    return f"{quantity(n, 'row')} of {table} {'was' if n == 1 else 'were'} dropped: {reason.name}"


def _apart(table: str, which: str, day: dt.date, nearest: dt.date, key: str) -> str:
    return (
        f"the {which} day of {table}, {day}, is {abs((day - nearest).days)} days from the nearest "
        f"other one, {nearest}; if it is a mistake, set '{yaml_line('history', {key: nearest})}'"
    )
