"""Rows of the monitor: one comparison of a value with what was expected."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["alarm", "warning", "ok", "unknown"]
STATUSES: tuple[Status, ...] = ("alarm", "warning", "unknown", "ok")
"""In the order of what people must read first."""

COLUMNS = (
    "kind",
    "subject",
    "period",
    "value",
    "expected",
    "low",
    "high",
    "status",
    "sentence",
)

RATE_SHARES: Mapping[str, float] = {
    "events": 0.60,
    "shapes": 0.15,
    "links": 0.15,
    "calibration": 0.10,
}
"""Each family of checks may spend this share of the false alarm rate of a run."""


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """One comparison of the monitor.

    Attributes
    ----------
    kind : str
        The check, for example ``volume``, ``event_type``, ``duplicates``, ``link``.
    subject : str
        What was checked: an event type, ``score``, the name of a model or of a table.
    period : date
        The first day of the week, or of the outcome window, that was checked.
    value, expected : float or None
        What was found and what was predicted; None if it could not be measured.
    low, high : float or None
        The value is no alarm between them, both included; None if the side has no limit.
    status : {"alarm", "warning", "ok", "unknown"}
        ``unknown``: it could not be checked, and the sentence says why.
    sentence : str
        What was found, in plain words.
    """

    kind: str
    subject: str
    period: dt.date
    value: float | None
    expected: float | None
    low: float | None
    high: float | None
    status: Status
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**asdict(self), "period": self.period.isoformat()}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a family of checks found.

    Attributes
    ----------
    rows : tuple of MonitorRow
    notes : tuple of str
        Sentences on what was not checked, dropped or assumed.
    details : mapping
        Plain JSON types for ``monitor.json``; for example a backtest.
    """

    rows: tuple[MonitorRow, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def in_order(rows: Iterable[MonitorRow]) -> list[MonitorRow]:
    """Return rows with alarms first, then warnings; the order within a status stays.

    Examples
    --------
    >>> import datetime as dt
    >>> row = lambda status: MonitorRow("k", "s", dt.date(2024, 1, 1), 1, 1, 0, 2, status, "")
    >>> [each.status for each in in_order([row("ok"), row("alarm"), row("warning")])]
    ['alarm', 'warning', 'ok']
    """
    return sorted(rows, key=lambda row: STATUSES.index(row.status))
