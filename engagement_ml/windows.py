"""Observation and outcome windows around a cutoff: half-open, in whole days, in UTC."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from engagement_ml.config import WindowsConfig
from engagement_ml.errors import ConfigError, NotEnoughDataError

DAY = dt.timedelta(days=1)
# A disjoint pair of test cutoffs needs this multiple of its span before it, for fitting.
_FIT_SPANS = 1.5


@dataclass(frozen=True)
class Window:
    """The half-open time span ``[start, end)``.

    Examples
    --------
    >>> Window(dt.date(2024, 1, 1), dt.date(2024, 1, 29)).days
    28
    """

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days


@dataclass(frozen=True)
class History(Window):
    """The days that the data covers.

    Attributes
    ----------
    paid_from : date or None
        First day with transactions, if events begin before it: earlier margin is unknown. None if
        transactions cover the whole history.

    Examples
    --------
    >>> day = dt.date
    >>> history_of(day(2024, 1, 1), day(2024, 1, 3), day(2024, 6, 1), WindowsConfig())
    History(start=datetime.date(2024, 1, 1), end=datetime.date(2024, 6, 1), \
paid_from=datetime.date(2024, 1, 3))
    """

    paid_from: dt.date | None = None


def history_of(
    first_event: dt.date,
    first_paid: dt.date,
    end: dt.date,
    config: WindowsConfig,
    last_event: dt.date | None = None,
) -> History:
    """Return the days that events and transactions cover together.

    Observation windows need events and outcome windows need transactions. The history begins with
    the first event, or one observation window and gap before the first transaction if that is
    later. It ends with the last transaction, or one gap and outcome window after the last event
    if that is earlier: no observation window may lie behind the events.

    Parameters
    ----------
    first_event, first_paid : date
        The first days with events and with transactions.
    end : date
        The day after the last transaction.
    config : WindowsConfig
    last_event : date, optional
        The last day with events.

    Examples
    --------
    >>> day = dt.date
    >>> history_of(day(2024, 1, 1), day(2024, 1, 1), day(2025, 1, 1), WindowsConfig(),
    ...            last_event=day(2024, 6, 30)).end
    datetime.date(2024, 9, 23)
    """
    back = min((config.observation_days + config.gap_days) * DAY, first_paid - dt.date.min)
    start = max(first_event, first_paid - back)
    if last_event is not None:
        end = min(end, last_event + (1 + config.gap_days + config.outcome_days) * DAY)
    return History(start, end, first_paid if first_paid > start else None)


@dataclass(frozen=True)
class Windows:
    """The cutoffs of a pipeline and the windows around them.

    The observation window of cutoff c is ``[c - observation_days, c)``; its outcome window is
    ``[c + gap_days, c + gap_days + outcome_days)``.

    Attributes
    ----------
    train : tuple of date
        Cutoffs whose outcome windows end no later than `fit_until`.
    test : tuple of date
        The last cutoffs, held out for out-of-time evaluation; their outcome windows begin no
        earlier than `fit_until`. Empty if the history is too short.
    fit_until : date
        Data at or after this day is not used for fitting.
    history : Window
        The days that the data covers.
    """

    observation_days: int
    outcome_days: int
    gap_days: int
    train: tuple[dt.date, ...]
    test: tuple[dt.date, ...]
    fit_until: dt.date
    history: History

    def observation(self, cutoff: dt.date) -> Window:
        """Return ``[cutoff - observation_days, cutoff)``."""
        return Window(cutoff - self.observation_days * DAY, cutoff)

    def outcome(self, cutoff: dt.date) -> Window:
        """Return ``[cutoff + gap_days, cutoff + gap_days + outcome_days)``."""
        start = cutoff + self.gap_days * DAY
        return Window(start, start + self.outcome_days * DAY)

    @property
    def clear_days(self) -> int:
        """Minimum distance between two cutoffs with disjoint windows, in days."""
        return self.observation_days + self.gap_days + self.outcome_days

    @property
    def days_for_test_pair(self) -> int:
        """Days of history needed for two test cutoffs `clear_days` apart, if cutoffs are dense."""
        return math.ceil(_FIT_SPANS * self.clear_days) + self.clear_days + self.outcome_days

    @property
    def cutoffs(self) -> tuple[dt.date, ...]:
        """The train and test cutoffs in time order, without those between the two parts."""
        return tuple(sorted({*self.train, *self.test}))


def plan_windows(history: History, config: WindowsConfig) -> Windows:
    """Place cutoffs with mature outcomes over the history, and hold out the last for evaluation.

    Without exact dates, the last cutoff is the last whose outcome window lies within the history;
    the others precede it at intervals of `every_days`. Evaluation compares two cutoffs with
    disjoint windows, so the held-out part is the first of these that the history allows:

    1. the cutoffs of the last observation + gap + outcome days, if 1.5 times as many days remain
       for fitting;
    2. the cutoffs of the last max(observation, outcome) days, if at least two cutoffs remain to
       train on (a single cutoff shows no change);
    3. the last cutoff, if one remains to train on;
    4. none.

    Parameters
    ----------
    history : History
        From the first day with data to the day after the last.
    config : WindowsConfig

    Raises
    ------
    NotEnoughDataError
        If the history is shorter than one observation, gap and outcome window.
    ConfigError
        If a configured cutoff's windows leave the history.

    Examples
    --------
    >>> history = History(dt.date(2023, 1, 1), dt.date(2024, 2, 25))
    >>> windows = plan_windows(history, WindowsConfig())
    >>> windows.fit_until, [str(c) for c in windows.test]
    (datetime.date(2023, 9, 10), ['2023-09-10', '2023-10-08', '2023-11-05', '2023-12-03'])
    >>> longer = plan_windows(History(history.start, dt.date(2024, 5, 19)), WindowsConfig())
    >>> longer.fit_until, (longer.test[-1] - longer.test[0]).days
    (datetime.date(2023, 9, 10), 168)
    """
    needed = config.observation_days + config.gap_days + config.outcome_days
    if history.days < needed:
        raise NotEnoughDataError(
            f"the data covers {history.days} days ({history.start} to {history.end - DAY}), and "
            f"one observation, gap and outcome window need {needed} ({config.observation_days} + "
            f"{config.gap_days} + {config.outcome_days}); give a longer history or set shorter "
            "windows in 'windows'"
        )
    if config.cutoffs:
        cutoffs = _checked(config.cutoffs, history, config)
    else:
        cutoffs = _regular(history, config)
    train, test = _split(cutoffs, history, config)
    outcome_end = (config.gap_days + config.outcome_days) * DAY
    fit_until = test[0] + config.gap_days * DAY if test else cutoffs[-1] + outcome_end
    return Windows(
        observation_days=config.observation_days,
        outcome_days=config.outcome_days,
        gap_days=config.gap_days,
        train=train,
        test=test,
        fit_until=fit_until,
        history=history,
    )


def _first_cutoff(history: History, config: WindowsConfig) -> dt.date:
    """Return the first day with its observation and outcome windows covered by data."""
    first = history.start + config.observation_days * DAY
    if history.paid_from is None:
        return first
    return max(first, history.paid_from - config.gap_days * DAY)


def _regular(history: History, config: WindowsConfig) -> list[dt.date]:
    first = _first_cutoff(history, config)
    cutoff = history.end - (config.gap_days + config.outcome_days) * DAY
    cutoffs = []
    while cutoff >= first:
        cutoffs.append(cutoff)
        cutoff -= config.every_days * DAY
    return cutoffs[::-1]


def _checked(
    cutoffs: tuple[dt.date, ...], history: History, config: WindowsConfig
) -> list[dt.date]:
    first = _first_cutoff(history, config)
    last = history.end - (config.gap_days + config.outcome_days) * DAY
    for cutoff in cutoffs:
        if not first <= cutoff <= last:
            raise ConfigError(
                f"key 'windows.cutoffs': {cutoff} is not usable: with data from {history.start} to "
                f"{history.end - DAY} a cutoff must lie between {first} and {last}, so that data "
                "covers its observation window and its whole outcome window"
            )
    return list(cutoffs)


def _split(
    cutoffs: list[dt.date], history: History, config: WindowsConfig
) -> tuple[tuple[dt.date, ...], tuple[dt.date, ...]]:
    """Return the train and test cutoffs by the first rule that the history allows."""
    clear_days = config.observation_days + config.gap_days + config.outcome_days
    maturity = (config.gap_days + config.outcome_days) * DAY
    # Days of test cutoffs before the last, days and cutoffs that must remain for fitting.
    rules = (
        (clear_days, _FIT_SPANS * clear_days, 1),
        (max(config.observation_days, config.outcome_days), 0, 2),
        (0, 0, 1),
    )
    for test_days, min_fit_days, min_train in rules:
        for first_test in [c for c in cutoffs if c <= cutoffs[-1] - test_days * DAY][-1:]:
            fit_until = first_test + config.gap_days * DAY
            train = tuple(c for c in cutoffs if c + maturity <= fit_until)
            fit_days = (fit_until - history.start).days
            if len(train) >= min_train and fit_days >= min_fit_days:
                return train, tuple(c for c in cutoffs if c >= first_test)
    return tuple(cutoffs), ()
