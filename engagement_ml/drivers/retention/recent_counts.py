"""Recent event counts before each period at risk, aligned on the day of churn."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array, LagGroups
from engagement_ml.features.period_panel import Periods

REFERENCE_DAY_STREAM = 7
"""Random stream of the days drawn for entities that stay, next to the configured seed."""


def recent_counts(
    periods: Periods,
    columns: list[int],
    groups: LagGroups,
    cells: BoolArray,
    churned: BoolArray,
    *,
    seed: int = 0,
) -> Float32Array:
    """Sum counts over each group of lags before the reference time of each cell, (N, B, G).

    An entity churns on some day of a period, and its events of the days before belong to the last
    lag. So if days are known, lags are counted back from that day. The reference days of entities
    that stay are drawn from the distribution of churn days within the period, so that both have had
    equally many days for events.

    The past of an entity that was present when the record starts is unknown. It is imputed with its
    mean count up to the end of the first lag, never with later counts.

    Parameters
    ----------
    periods : Periods
        Without ``days``, the reference time is the start of each cell's period.
    columns : list of int
        Positions of the behaviours.
    groups : tuple of (first, last)
        Inclusive lags in periods, from 1. The groups need not begin at 1: a notice period is left
        out.
    cells, churned : bool arrays (n, T)
        The risk set, and its cells in which the entity churned.
    seed : int, default 0
        Of the reference days drawn for entities that stay.
    """
    entity, period = np.nonzero(cells)
    period_length = 1 if periods.days is None else periods.period_days
    reference = _reference_times(periods, entity, period, churned[cells], seed)
    end = np.maximum(reference - (groups[0][0] - 1) * period_length, 0)
    left_truncated = periods.entry[entity] <= 0
    sums = np.empty((entity.size, len(columns), len(groups)), dtype=np.float32)
    for k, column in enumerate(columns):
        cumulative = _cumulative_counts(periods, column)
        mean = np.where(left_truncated, cumulative[entity, end] / np.maximum(end, 1), 0.0)
        for g, (first, last) in enumerate(groups):
            start = reference - last * period_length
            stop = reference - (first - 1) * period_length
            n_unknown = np.clip(-start, 0, stop - start)
            at_stop = cumulative[entity, np.maximum(stop, 0)]
            inside = at_stop - cumulative[entity, np.maximum(start, 0)]
            sums[:, k, g] = inside + mean * n_unknown
    return sums


def _reference_times(
    periods: Periods, entity: Int64Array, period: Int64Array, churned: BoolArray, seed: int
) -> Int64Array:
    """Return the day (without days, the period) from which each cell looks back."""
    if periods.days is None:
        return period
    length = periods.period_days
    day_in_period = np.clip(periods.days.exit[entity] - period * length, 0, length - 1)
    rng = np.random.default_rng([seed, REFERENCE_DAY_STREAM])
    if churned.any():
        drawn = rng.choice(day_in_period[churned], size=entity.size)
        day_in_period = np.where(churned, day_in_period, drawn)
    return np.asarray(period * length + day_in_period, dtype=np.int64)


def _cumulative_counts(periods: Periods, column: int) -> FloatArray:
    """Return a behaviour's number of events before each day or period, shape (n, times + 1)."""
    n, n_periods, _ = periods.counts.shape
    if periods.days is None:
        counts = periods.counts[..., column].astype(np.float64)
    else:
        days, n_days = periods.days, n_periods * periods.period_days
        rows = days.behaviour == column
        cell = days.entity[rows].astype(np.int64) * n_days + days.day[rows]
        by_day = np.bincount(cell, days.n[rows], minlength=n * n_days)
        counts = by_day.astype(np.float64).reshape(n, n_days)
    cumulative = np.zeros((n, counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=cumulative[:, 1:])
    return cumulative
