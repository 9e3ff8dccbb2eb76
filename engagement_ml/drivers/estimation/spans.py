"""Observation window, gap and outcome window in whole periods, with the lags between them.

A period is a week, or shorter if the configured windows are short. All estimators count time in
periods.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import FloatArray
from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.distributed_lags import Lags, plan_lags, reweight_lags

if TYPE_CHECKING:
    from engagement_ml.features.period_panel import Periods

MAX_PERIOD_DAYS = 7
"""Longest period, in days: a week keeps the days of the week out of the comparison."""

PERIODS_PER_WINDOW = 4
"""Number of periods that the shorter window has at least, if its length in days allows it."""

BURN_IN_DIVISOR = 3
"""The burn-in is the observation window divided by this number."""


@dataclass(frozen=True)
class Spans:
    """Lengths of the configured windows, in whole periods.

    Attributes
    ----------
    period_days : int
        Length of a period, in days.
    observation, outcome, gap : int
        Lengths in periods: of the window in which behaviours are counted, of the window in which
        margin is counted, and of the gap between them.
    """

    period_days: int
    observation: int
    outcome: int
    gap: int

    @property
    def lags(self) -> Lags:
        """Groups of lags between an event and the outcome window, with their weights."""
        return plan_lags(self.observation, self.outcome, self.gap)

    @property
    def burn_in(self) -> int:
        """First periods of the record, used as past only: a third of the observation window."""
        return max(1, self.observation // BURN_IN_DIVISOR)


def tenure_weighted_lags(
    spans: Spans,
    tenure_days: npt.NDArray[np.floating] | None = None,
    level: FloatArray | None = None,
) -> Lags:
    """Return the groups of lags, weighted by the entities' exposure before each cutoff.

    Parameters
    ----------
    spans : Spans
    tenure_days : array (R,), optional
        Days since the entry of each entity at each cutoff. Without it, all entities are taken to
        have been present for the whole observation window.
    level : array (Q,), optional
        The profile that `payment_cycle_profile` returns.

    Returns
    -------
    Lags
        The groups of ``spans.lags`` with new weights, see `reweight_lags`.
    """
    tenure = np.array([spans.observation])
    if tenure_days is not None and len(tenure_days):
        tenure = np.ceil(np.asarray(tenure_days) / spans.period_days)
    exposure = np.clip(tenure, 1, spans.observation).astype(np.int64)
    return reweight_lags(spans.lags, exposure, spans.outcome, spans.gap, level)


def payment_cycle_profile(periods: Periods, spans: Spans, cutoffs: Sequence[dt.date]) -> FloatArray:
    """Return the mean gain of each period of an outcome window, relative to their mean.

    If all entities pay in the same periods, for instance in every fourth one, and the cutoffs are
    a multiple of that apart, each outcome window meets the payments at the same places. The mean
    is therefore taken over all periods at the same phase of the cycle between cutoffs. Seasons,
    which do not follow this cycle, average out.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    cutoffs : sequence of date

    Returns
    -------
    array (Q,)
        Mean 1. All ones if cutoffs are one period apart, if there are fewer than two, if the record
        is shorter than two cycles, or if there is no gain.
    """
    cutoff_periods = [round((c - periods.start).days / spans.period_days) for c in cutoffs]
    cycle = int(np.gcd.reduce(np.diff(cutoff_periods))) if len(cutoff_periods) > 1 else 0
    n_periods = periods.gain.shape[1]
    if cycle < 2 or n_periods < 2 * cycle:
        return np.ones(spans.outcome)
    mean_gain = periods.gain[:, periods.paid_from :].mean(axis=0)
    phase = np.arange(periods.paid_from, n_periods) % cycle
    by_phase = np.array(
        [mean_gain[phase == k].mean() if (phase == k).any() else 0.0 for k in range(cycle)]
    )
    outcome_phase = (cutoff_periods[0] + spans.gap + np.arange(spans.outcome)) % cycle
    level = by_phase[outcome_phase]
    return level / level.mean() if level.mean() > 0 else np.ones(spans.outcome)


def period_days(windows: WindowsConfig) -> int:
    """Return the length of a period: a week, or a quarter of the shorter window if that is less.

    Examples
    --------
    >>> period_days(WindowsConfig()), period_days(WindowsConfig(observation_days=14))
    (7, 3)
    """
    shorter_window = min(windows.observation_days, windows.outcome_days)
    return max(1, min(MAX_PERIOD_DAYS, shorter_window // PERIODS_PER_WINDOW))


def spans_from_config(windows: WindowsConfig) -> Spans:
    """Return the configured windows in periods, each rounded to the nearest whole number.

    Examples
    --------
    >>> spans_from_config(WindowsConfig())
    Spans(period_days=7, observation=12, outcome=12, gap=0)
    """
    days = period_days(windows)
    return Spans(
        period_days=days,
        observation=max(1, round(windows.observation_days / days)),
        outcome=max(1, round(windows.outcome_days / days)),
        gap=round(windows.gap_days / days),
    )
