"""The configured windows in whole periods, and the lags between them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import FloatArray
from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.distributed_lags import Lags, plan_lags, reweight_lags
from engagement_ml.features.period_panel import Periods


@dataclass(frozen=True)
class Spans:
    """The windows of a pipeline in whole periods."""

    period_days: int
    observation: int
    outcome: int
    gap: int

    @property
    def lags(self) -> Lags:
        """The groups of lags between an event and the outcome window."""
        return plan_lags(self.observation, self.outcome, self.gap)

    @property
    def burn_in(self) -> int:
        """Periods used only as past: a third of the observation window."""
        return max(1, self.observation // 3)


def tenure_weighted_lags(
    spans: Spans,
    tenure_days: npt.NDArray[np.floating] | None = None,
    level: FloatArray | None = None,
) -> Lags:
    """Return the groups of lags, weighed by how long the entities of each cutoff were there.

    Parameters
    ----------
    spans : Spans
    tenure_days : array (R,), optional
        Of each entity at each cutoff, the days it has been there; without it all were there for
        the whole observation window.
    level : array (Q,), optional
        Of `payment_cycle_profile`.
    """
    there = np.array([spans.observation])
    if tenure_days is not None and len(tenure_days):
        there = np.ceil(np.asarray(tenure_days) / spans.period_days)
    seen = np.clip(there, 1, spans.observation).astype(np.int64)
    return reweight_lags(spans.lags, seen, spans.outcome, spans.gap, level)


def payment_cycle_profile(periods: Periods, spans: Spans, cutoffs: Sequence[dt.date]) -> FloatArray:
    """Return the usual gain of each period of an outcome window, relative to their mean.

    Where everybody pays in the same periods, say each fourth, cutoffs that keep step with the
    payments meet them always at the same place of their windows. So the mean is taken over the
    periods that keep step with the cutoffs; the season, which does not, falls out.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    cutoffs : sequence of date

    Returns
    -------
    array (Q,)
    """
    places = [round((c - periods.start).days / spans.period_days) for c in cutoffs]
    step = int(np.gcd.reduce(np.diff(places))) if len(places) > 1 else 0
    n_periods = periods.gain.shape[1]
    if step < 2 or n_periods < 2 * step:
        return np.ones(spans.outcome)
    mean = periods.gain[:, periods.paid_from :].mean(axis=0)
    phase = np.arange(periods.paid_from, n_periods) % step
    usual = np.array([mean[phase == k].mean() if (phase == k).any() else 0.0 for k in range(step)])
    at = (places[0] + spans.gap + np.arange(spans.outcome)) % step
    level = usual[at]
    return level / level.mean() if level.mean() > 0 else np.ones(spans.outcome)


def period_days(windows: WindowsConfig) -> int:
    """Return the length of a period: a week, or a quarter of the shorter window where that is less.

    Examples
    --------
    >>> period_days(WindowsConfig()), period_days(WindowsConfig(observation_days=14))
    (7, 3)
    """
    return max(1, min(7, windows.observation_days // 4, windows.outcome_days // 4))


def spans_from_config(windows: WindowsConfig) -> Spans:
    """Express the windows in periods, rounded to the nearest whole one."""
    days = period_days(windows)
    return Spans(
        period_days=days,
        observation=max(1, round(windows.observation_days / days)),
        outcome=max(1, round(windows.outcome_days / days)),
        gap=round(windows.gap_days / days),
    )
