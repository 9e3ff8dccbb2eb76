"""Volumes of the last week against their forecast, with one error rate for all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.formatting import number, percent
from engagement_ml.lifecycle.monitoring.count_errors import LEAST_WEEKS as LEAST_ERRORS
from engagement_ml.lifecycle.monitoring.forecasts import ACTIVE, VolumeForecast, forecast_volumes
from engagement_ml.lifecycle.monitoring.holidays import is_special
from engagement_ml.lifecycle.monitoring.limits import LEAST_WEEKS, limit
from engagement_ml.lifecycle.monitoring.rows import MonitorRow, Status
from engagement_ml.lifecycle.monitoring.weekly import WEEK, WeeklyTotals

KIND = "volume"
HISTORY_WEEKS = 156
"""Weeks before the last one from which limits are learned."""
MANY_TYPES = 0.2
"""A week in which this share of the types is surprising is special: a holiday, or a relaunch."""
SURPRISING = 3.0
LEAST_EVENTS = 10.0
"""A difference of fewer events is never an alarm."""
WARNING_FACTOR = 4.0
"""A warning may be false this many times as often as an alarm."""


@dataclass(frozen=True)
class VolumeLimits:
    """Counts of the last week, or of the last two, between which there is no alarm."""

    forecast: VolumeForecast
    weeks: int
    alarm: tuple[FloatArray, FloatArray]
    warning: tuple[FloatArray, FloatArray]


def check_volumes(
    totals: WeeklyTotals,
    rate: float,
    *,
    smallest_change: float = 0.25,
    holidays: Mapping[str, Collection[dt.date]] | None = None,
) -> tuple[list[MonitorRow], VolumeForecast]:
    """Compare the volumes of the last week with their forecast.

    Parameters
    ----------
    totals : WeeklyTotals
    rate : float
        Probability of any false alarm in the week.
    smallest_change : float, default 0.25
        A smaller change is no alarm, however certain: 0.25 allows for a quarter less, and for a
        third more, which is as much on a logarithmic scale.
    holidays : mapping of str to dates, optional
        Days of each holiday in all years.

    Returns
    -------
    rows : list of MonitorRow
        One per event type, then all events and active customers. If only the last two weeks
        together are an alarm, the row is about both.
    forecast : VolumeForecast
        Of all weeks, each alone.
    """
    options = (rate / 2, smallest_change, holidays, totals.n_weeks - 1)
    forecast = forecast_volumes(totals, holidays=holidays)
    single = judge(totals, 1, *options, forecast)
    if single is None:
        return [_unknown(totals)], forecast
    double = judge(totals, 2, *options)
    rows = []
    for place in range(len(single.forecast.subjects)):
        one = _row(totals, single, place)
        both = None if double is None else _row(totals, double, place)
        rows.append(both if both is not None and one.status == "ok" != both.status else one)
    # With a single event type, it is all events.
    return (rows[1:] if len(totals.event_types) == 1 else rows), forecast


def judge(
    totals: WeeklyTotals,
    weeks: int,
    rate: float,
    smallest_change: float,
    holidays: Mapping[str, Collection[dt.date]] | None,
    last: int,
    forecast: VolumeForecast | None = None,
) -> VolumeLimits | None:
    """Return the limits of week `last`; None if the history is too short."""
    if forecast is None:
        forecast = forecast_volumes(totals, weeks=weeks, holidays=holidays)
    special = special_weeks(totals, forecast, weeks, holidays)
    scores = {}
    for share, factor in (("alarm", 1.0), ("warning", WARNING_FACTOR)):
        for side in ("low", "high"):
            value = _limit(getattr(forecast, side), special, last, rate / 2 * factor)
            if value is None:
                return None
            scores[share, side] = value
    alarm = _bounds(
        forecast, last, scores["alarm", "low"], scores["alarm", "high"], smallest_change
    )
    warning = _bounds(
        forecast, last, scores["warning", "low"], scores["warning", "high"], smallest_change
    )
    return VolumeLimits(forecast, weeks, alarm, warning)


def special_weeks(
    totals: WeeklyTotals,
    forecast: VolumeForecast,
    weeks: int,
    holidays: Mapping[str, Collection[dt.date]] | None,
) -> BoolArray:
    """Return the weeks that are not ordinary: holidays, and weeks that moved many types."""
    n_types = len(totals.event_types)
    moved = np.maximum(forecast.low[:, :n_types], forecast.high[:, :n_types]) > SURPRISING
    special = moved.sum(axis=1) >= max(3, np.ceil(MANY_TYPES * n_types))
    special |= np.array([is_special(start, holidays) for start in totals.starts])
    if weeks == 2:
        special[1:] |= special[:-1].copy()
    return np.asarray(special)


def _limit(scores: FloatArray, special: BoolArray, last: int, rate: float) -> float | None:
    """Return the limit of the largest score in week `last`, from weeks of its kind."""
    if not np.isfinite(scores[last]).any():
        return None
    start = max(0, last - HISTORY_WEEKS)
    largest = np.where(np.isfinite(scores), scores, -np.inf).max(axis=1)
    largest = np.where(np.isfinite(largest), largest, np.nan)[start:last]
    ordinary = largest[~special[start:last]]
    found = limit(ordinary, rate, scores.shape[1])
    if found is None or not special[last]:
        return found
    # Few weeks are special; the largest that there was is the limit.
    return max(found, float(np.nanmax(largest)))


def _bounds(
    forecast: VolumeForecast, last: int, low: float, high: float, smallest_change: float
) -> tuple[FloatArray, FloatArray]:
    """Return the counts at which scores reach their limits, and which are worth an alarm."""
    from scipy import special as functions
    from scipy import stats

    mean = np.maximum(forecast.expected[last], 1e-3)

    def quantile(scale: FloatArray, score: float, upper: bool) -> FloatArray:
        extra = np.clip(scale**2 - 1 / (mean + 0.5), 1e-4, 4.0)
        size = 1 / extra
        at = max(functions.ndtr(-score), 1e-300)
        inverse = stats.nbinom.isf if upper else stats.nbinom.ppf
        found: FloatArray = inverse(at, size, size / (size + mean))
        return found

    lower = np.minimum.reduce(
        [
            quantile(forecast.scale_low[last], low, upper=False),
            mean * (1 - smallest_change),
            mean - LEAST_EVENTS,
        ]
    )
    upper = np.maximum.reduce(
        [
            quantile(forecast.scale_high[last], high, upper=True),
            mean / (1 - smallest_change),
            mean + LEAST_EVENTS,
        ]
    )
    return np.maximum(np.floor(lower), 0.0), np.ceil(upper)


def _row(totals: WeeklyTotals, limits: VolumeLimits, place: int) -> MonitorRow:
    forecast = limits.forecast
    value, expected = forecast.counts[-1, place], forecast.expected[-1, place]
    low, high = limits.alarm[0][place], limits.alarm[1][place]
    status: Status = "ok"
    if value < low or value > high:
        status = "alarm"
    elif value < limits.warning[0][place] or value > limits.warning[1][place]:
        status = "warning"
    subject = forecast.subjects[place]
    start = totals.starts[-1] - (limits.weeks - 1) * WEEK
    text = _sentence(limits.weeks, value, expected, low, subject, status)
    return MonitorRow(
        KIND, subject, start, float(value), float(expected), float(low), float(high), status, text
    )


def _sentence(
    weeks: int, value: float, expected: float, low: float, subject: str, status: Status
) -> str:
    noun = "active customers" if subject == ACTIVE else "events"
    span = "the last week" if weeks == 1 else "the last two weeks together"
    change = value / max(expected, 1e-9) - 1
    text = f"{number(value, 0)} {noun} in {span}, where {number(expected, 0)} were expected"
    if status in ("alarm", "warning"):
        direction = "fewer" if change < 0 else "more"
        size = percent(abs(change)) if abs(change) < 10 else f"{number(abs(change), 0)} times"
        return f"{text}: {size} {direction}, beyond the forecast errors of the history."
    if low <= 0:
        return f"{text}; too few for a fall to show in a single week."
    return f"{text}; fewer than {number(low, 0)} would be an alarm."


def _unknown(totals: WeeklyTotals) -> MonitorRow:
    return MonitorRow(
        KIND, "all events", totals.starts[-1], None, None, None, None, "unknown",
        f"The history has {totals.n_weeks} weeks; volumes are compared with a forecast from about "
        f"{LEAST_ERRORS + LEAST_WEEKS + 2} ordinary weeks on.",
    )  # fmt: skip
