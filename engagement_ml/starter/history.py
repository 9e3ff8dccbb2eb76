"""Windows that the history of the tables allows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from engagement_ml.config import WindowsConfig
from engagement_ml.errors import EngagementError
from engagement_ml.windows import DAY, history_of, plan_windows

LENGTHS = (84, 56, 28, 14, 7)
"""Lengths that are tried, in days: whole weeks, the default first."""
MIN_TRAIN = 2
"""Training cutoffs that a length must leave."""


@dataclass(frozen=True)
class Days:
    """First and last day of a table."""

    first: dt.date
    last: dt.date


@dataclass(frozen=True)
class WindowChoice:
    """Windows for a history.

    Attributes
    ----------
    config : WindowsConfig
    first, last : date or None
        The days that events and transactions cover together; None if they are unknown.
    train, test : int
        Number of cutoffs.
    enough : bool
        Whether the history allows training and an evaluation with these windows.
    """

    config: WindowsConfig
    first: dt.date | None = None
    last: dt.date | None = None
    train: int = 0
    test: int = 0
    enough: bool = False


def choose_windows(events: Days | None, transactions: Days | None) -> WindowChoice:
    """Return the longest windows that leave cutoffs for training and for an evaluation.

    Parameters
    ----------
    events, transactions : Days or None
        None if there is no such table, or its days are unknown.

    Examples
    --------
    >>> day = dt.date
    >>> year = Days(day(2023, 1, 1), day(2023, 12, 31))
    >>> choose_windows(year, year).config.observation_days
    84
    >>> half = Days(day(2023, 1, 1), day(2023, 6, 30))
    >>> choose_windows(half, half).config.observation_days
    28
    """
    if events is None or transactions is None:
        return WindowChoice(WindowsConfig())
    for length in LENGTHS:
        config = WindowsConfig(
            observation_days=length, outcome_days=length, every_days=min(28, length)
        )
        try:
            history = history_of(
                events.first, transactions.first, transactions.last + DAY, config, events.last
            )
            windows = plan_windows(history, config)
        except EngagementError:
            continue
        train, test = len(windows.train), len(windows.test)
        first, last = history.start, history.end - DAY
        if test and train >= MIN_TRAIN:
            return WindowChoice(config, first, last, train, test, enough=True)
    first = max(events.first, transactions.first)
    return WindowChoice(config, first, min(events.last, transactions.last))
