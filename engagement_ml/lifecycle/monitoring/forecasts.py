"""Weekly volumes against a forecast: expected counts, and how surprising the counts are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.lifecycle.monitoring.common_movement import explained
from engagement_ml.lifecycle.monitoring.composition import expected_events
from engagement_ml.lifecycle.monitoring.count_errors import scales, surprise, without_yearly
from engagement_ml.lifecycle.monitoring.holidays import same_weeks
from engagement_ml.lifecycle.monitoring.levels import levels
from engagement_ml.lifecycle.monitoring.weekly import WeeklyTotals

ALL_EVENTS, ACTIVE = "all events", "active customers"


@dataclass(frozen=True)
class VolumeForecast:
    """Counts of each week and series, with what was expected of them from the weeks before.

    Attributes
    ----------
    subjects : tuple of str
        The event types, then all events and active customers.
    counts, expected : array of shape (T, K)
    scale_low, scale_high : array of shape (T, K)
        Standard deviation of the logarithm, below and above the forecast.
    low, high : array of shape (T, K)
        How surprising a count is as too low, and as too high: standard normal deviations.
    """

    subjects: tuple[str, ...]
    counts: FloatArray
    expected: FloatArray
    scale_low: FloatArray
    scale_high: FloatArray
    low: FloatArray
    high: FloatArray


def forecast_volumes(
    totals: WeeklyTotals,
    *,
    weeks: int = 1,
    holidays: Mapping[str, Collection[dt.date]] | None = None,
) -> VolumeForecast:
    """Predict the counts of every week from the weeks before it.

    A type is compared with its own past, given which customers are active, and with what the other
    types do in the same week. The totals are compared with their past alone.

    Parameters
    ----------
    totals : WeeklyTotals
    weeks : {1, 2}
        Whether each week is judged alone, or together with the week before it.
    holidays : mapping of str to dates, optional
        Days of each holiday in all years of the history.
    """
    counts = totals.events.sum(axis=1)
    same = same_weeks(totals.starts, holidays)
    parts = [_expected(totals, counts, same, ahead) for ahead in range(weeks)]
    columns = np.column_stack([counts, counts.sum(axis=1), totals.active.sum(axis=1)])
    if weeks == 2:
        columns = columns + np.vstack([np.full((1, columns.shape[1]), np.nan), columns[:-1]])
        first = np.vstack([np.full((1, columns.shape[1]), np.nan), parts[0][:-1]])
        expected = parts[1] + first
    else:
        expected = parts[0]
    errors = np.log(columns + 0.5) - np.log(expected + 0.5)
    low_scale = scales(errors, ahead=weeks - 1)
    high_scale = scales(-errors, ahead=weeks - 1)
    low = surprise(columns, expected, low_scale)
    high = -surprise(columns, expected, high_scale)
    return VolumeForecast(
        (*totals.event_types, ALL_EVENTS, ACTIVE),
        columns,
        expected,
        low_scale,
        high_scale,
        low,
        high,
    )


def _expected(
    totals: WeeklyTotals, counts: FloatArray, same: list[tuple[int, ...]], ahead: int
) -> FloatArray:
    """Return expected counts of the types, of all events, and of active customers."""
    composed = expected_events(totals.events, totals.active, ahead=ahead)
    ratio = np.log(counts + 0.5) - np.log(composed + 0.5)
    predicted = _log_level(ratio, totals, same, ahead, common=True)
    types = np.exp(np.log(composed + 0.5) + predicted) - 0.5
    everything = composed.sum(axis=1)
    total = np.log(counts.sum(axis=1) + 0.5) - np.log(everything + 0.5)
    active = np.log(totals.active.sum(axis=1) + 0.5)
    both = np.column_stack([total, active])
    predicted = _log_level(both, totals, same, ahead, common=False)
    events = (everything + 0.5) * np.exp(predicted[:, 0]) - 0.5
    active_customers = np.exp(predicted[:, 1]) - 0.5
    expected: FloatArray = np.maximum(np.column_stack([types, events, active_customers]), 0.0)
    return expected


def _log_level(
    values: FloatArray,
    totals: WeeklyTotals,
    same: list[tuple[int, ...]],
    ahead: int,
    *,
    common: bool,
) -> FloatArray:
    """Predict logarithms, given the common movement of the week and the years before."""
    level = levels(values, totals.starts, ahead=ahead)
    errors = values - level
    if common:
        by_loading, one_to_one = explained(errors, ahead=ahead)
        rests = np.stack([errors - by_loading, errors - one_to_one])
        # A common movement that was never seen moves all types alike; the nearer one counts.
        nearer = np.take_along_axis(rests, np.abs(rests).argmin(axis=0)[None], 0)[0]
        rest = np.where(np.sign(rests[0]) == np.sign(rests[1]), nearer, 0.0)
        rest = np.where(np.isfinite(errors), rest, np.nan)
    else:
        rest = errors
    usual = np.maximum(scales(rest, ahead=ahead), scales(-rest, ahead=ahead))
    left = without_yearly(rest, same, usual)
    prediction: FloatArray = values - left
    return prediction
