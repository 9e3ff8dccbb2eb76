"""Faults of logging: repeated ids, identical rows, bursts in one second, a few busy customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.formatting import percent, quantity
from engagement_ml.lifecycle.monitoring.rows import MonitorRow

LEAST_WEEKS = 8
"""Weeks before the last one that a share is compared with."""
ERRORS = 4.0
"""Standard errors of a share in the last week that are allowed for on top."""


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: its name, the smallest rise that is an alarm, and its sentence."""

    name: str
    rise: float
    text: str


KINDS = {
    each.name: each
    for each in (
        FaultKind("repeated_ids", 0.05, "of the rows repeat the event_id of another row"),
        FaultKind(
            "identical_rows", 0.05, "of the events equal another one in customer, type and time"
        ),
        FaultKind("same_second", 0.10, "of the events lie in one second"),
        FaultKind("few_customers", 0.15, "of the events are one customer's"),
    )
}


@dataclass(frozen=True)
class LoggingShares:
    """Shares of the rows of each week, by kind of fault and subject.

    Attributes
    ----------
    starts : tuple of date
        First day of each of T weeks.
    rows : mapping of (kind, subject) to array of shape (T,)
        Number of rows that the share is of.
    shares : mapping of (kind, subject) to array of shape (T,)
        0 to 1; NaN in weeks without rows.
    """

    starts: tuple[dt.date, ...]
    rows: Mapping[tuple[str, str], FloatArray]
    shares: Mapping[tuple[str, str], FloatArray]


def logging_rows(logged: LoggingShares) -> list[MonitorRow]:
    """Compare each share of the last week with the weeks before it.

    The limit is as far above the largest share of the history as that is above the median, plus
    the smallest rise of the kind, plus four standard errors of a share of that many rows.
    """
    return [
        row
        for (kind, subject), shares in logged.shares.items()
        if (row := _row(KINDS[kind], subject, logged, shares)) is not None
    ]


def _row(
    kind: FaultKind, subject: str, logged: LoggingShares, shares: FloatArray
) -> MonitorRow | None:
    value, past = float(shares[-1]), shares[:-1][np.isfinite(shares[:-1])]
    if not np.isfinite(value):
        return None
    period = logged.starts[-1]
    if len(past) < LEAST_WEEKS:
        return MonitorRow(
            kind.name, subject, period, value, None, None, None, "unknown",
            f"{percent(value, 1)} {kind.text}; {quantity(len(past), 'week')} before the last one "
            f"are too few to compare with, {LEAST_WEEKS} are needed.",
        )  # fmt: skip
    usual, largest = float(np.median(past)), float(past.max())
    rows = max(float(logged.rows[kind.name, subject][-1]), 1.0)
    base = min(max(2 * largest - usual, 0.0), 1.0)
    chance = ERRORS * np.sqrt(max(base * (1 - base), 1 / rows) / rows)
    high = min(base + kind.rise + float(chance), 1.0)
    alarm = value > high
    text = f"{percent(value, 1)} {kind.text} in the last week; usual are {percent(usual, 1)}."
    return MonitorRow(
        kind.name, subject, period, value, usual, None, high, "alarm" if alarm else "ok", text
    )
