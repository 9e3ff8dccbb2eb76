"""What an entity did lately, seen from the moment at which somebody leaves."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array, LagGroups
from engagement_ml.features.period_panel import Periods


def recent_counts(
    periods: Periods,
    columns: list[int],
    groups: LagGroups,
    cells: BoolArray,
    churned: BoolArray,
) -> Float32Array:
    """Sum counts over each group of lags before a moment of each cell, shape (N, B, G).

    Who leaves does so on some day of a period, and what it did in the days before belongs to the
    last lag, not to no lag at all. So where days are known, lags are counted back from that day.
    Those who stay are looked at on days of their period that are drawn from those on which others
    leave, so that both have had as many days to do something.

    Before the record starts, entities that were there already are taken to have done as much as
    since then up to the moment in question, never what they did later.

    Parameters
    ----------
    periods : Periods
        Without ``days`` the moment is the start of each cell's period.
    columns : list of int
        Behaviours.
    groups : tuple of (first, last)
        Inclusive lags in periods, from 1.
    cells, churned : bool arrays (n, T)
        The cells, and those in which the entity left.
    """
    entity, period = np.nonzero(cells)
    length = 1 if periods.days is None else periods.period_days
    moment = _moments(periods, entity, period, churned[cells])
    old = periods.entry[entity] <= 0
    sums = np.empty((entity.size, len(columns), len(groups)), dtype=np.float32)
    for k, column in enumerate(columns):
        total = _cumulated(periods, column)
        usual = np.where(old, total[entity, moment] / np.maximum(moment, 1), 0.0)
        for g, (first, last) in enumerate(groups):
            start, stop = moment - last * length, moment - (first - 1) * length
            unknown = np.clip(-start, 0, stop - start)
            inside = total[entity, np.maximum(stop, 0)] - total[entity, np.maximum(start, 0)]
            sums[:, k, g] = inside + usual * unknown
    return sums


def _moments(
    periods: Periods, entity: Int64Array, period: Int64Array, gone: BoolArray
) -> Int64Array:
    """Return the day (without days the period) from which each cell looks back."""
    if periods.days is None:
        return period
    length = periods.period_days
    into = np.clip(periods.days.exit[entity] - period * length, 0, length - 1)
    rng = np.random.default_rng([0, 7])
    if gone.any():
        into = np.where(gone, into, rng.choice(into[gone], size=entity.size))
    return np.asarray(period * length + into, dtype=np.int64)


def _cumulated(periods: Periods, column: int) -> FloatArray:
    """Return the events of a behaviour before each moment, shape (n, moments + 1)."""
    n, n_periods, _ = periods.counts.shape
    if periods.days is None:
        counts = periods.counts[..., column].astype(np.float64)
    else:
        known, n_days = periods.days, n_periods * periods.period_days
        own = known.behaviour == column
        place = known.entity[own].astype(np.int64) * n_days + known.day[own]
        by_day = np.bincount(place, known.n[own], minlength=n * n_days)
        counts = by_day.astype(np.float64).reshape(n, n_days)
    total = np.zeros((n, counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=total[:, 1:])
    return total
