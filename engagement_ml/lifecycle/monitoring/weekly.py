"""Weekly totals of events, the input of all checks of volumes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from engagement_ml._typing import FloatArray

WEEK = dt.timedelta(days=7)


@dataclass(frozen=True)
class WeeklyTotals:
    """Events and active customers per week, by how long customers have been known.

    Weeks are blocks of seven days without gaps, the last of them ends at the date of the monitor.

    Attributes
    ----------
    starts : tuple of date
        First day of each of T weeks.
    event_types : tuple of str
        K event types.
    events : array of shape (T, B, K)
        Events per week, tenure group of the customer, and event type.
    active : array of shape (T, B)
        Customers with an event of any type in the week.
    """

    starts: tuple[dt.date, ...]
    event_types: tuple[str, ...]
    events: FloatArray
    active: FloatArray

    @property
    def n_weeks(self) -> int:
        """Number of weeks."""
        return len(self.starts)

    def until(self, n_weeks: int) -> WeeklyTotals:
        """Return the first weeks only."""
        return WeeklyTotals(
            self.starts[:n_weeks],
            self.event_types,
            self.events[:n_weeks],
            self.active[:n_weeks],
        )
