"""Days at risk of a first purchase: all days of purchase, and a sample of the others.

Sampling days without a purchase leaves the odds ratios of a logistic hazard as they are (Prentice
and Pyke 1979; nested case-control sampling), and makes a fit's cost depend on purchases, not on
days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.retention.latent_affinity import ShrunkRates, affinity_scores
from engagement_ml.drivers.retention.risk_set import dummies
from engagement_ml.outcomes.first_purchase.prospects import Prospects

DAYS_PER_PURCHASE = 8
"""Sampled days without a purchase, for each purchase."""

MIN_DAYS, MAX_DAYS = 10_000, 120_000
"""Least and most of them."""

MIN_AGE_PURCHASES = 12
"""Purchases at one age from which it has an effect of its own, as the end of a trial has."""

MAX_OWN_AGES = 30
"""Most ages with an effect of their own."""

AGE_BOUNDS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 60, 90, 180, 360, 720)
"""Ages in days at which the other steps of age begin."""

MAX_CALENDAR_STEPS = 26
"""Most steps of calendar time; each has a week or more."""

RATE_PRIOR_BOUNDS = (0.02, 20.0)
"""Range of the variance of long-run rates between prospects, relative to the mean rate."""

MAX_GROUPS = 20
"""Segment combinations beyond which segments are no control."""


@dataclass(frozen=True)
class RiskRows:
    """Days at risk with what came before them; rows are sorted by prospect.

    Attributes
    ----------
    entity, day, age : int arrays (N,)
        `day` counts from the start of the record, `age` from the day the prospect came.
    event : bool array (N,)
        Whether the first purchase is on this day.
    groups : tuple of (first, last)
        Inclusive lags in days.
    counts : float32 array (N, B, G)
        Events at each group of lags before the day.
    older : float32 array (N, B)
        Events in as many days before those lags as the groups after the preparation span.
    same_day : float32 array (N, B)
        Events on the day itself; no regressor.
    levels : float32 array (N, B)
        Log of the long-run rate before all lags, shrunk.
    controls : float32 array (N, C)
        Affinity scores and steps of age, calendar time, weekday and segment.
    n_entities : int
    drawn : float
        Share of the days without a purchase that were drawn.
    """

    entity: Int64Array
    day: Int64Array
    age: Int64Array
    event: BoolArray
    groups: LagGroups
    counts: Float32Array
    older: Float32Array
    same_day: Float32Array
    levels: Float32Array
    controls: Float32Array
    n_entities: int
    drawn: float = 1.0

    def window(self, groups: slice = slice(None)) -> FloatArray:
        """Return the events over some groups of lags together, shape (N, B)."""
        return np.asarray(self.counts[:, :, groups].sum(axis=2), dtype=np.float64)


def risk_rows(
    prospects: Prospects, columns: list[int], groups: LagGroups, *, seed: int = 0
) -> RiskRows:
    """Draw the days at risk and count what came before each.

    Parameters
    ----------
    prospects : Prospects
    columns : list of int
        Positions of the behaviours.
    groups : tuple of (first, last)
        Inclusive lags in days, ascending.
    seed : int, default 0
    """
    entity, day = sampled_days(prospects, seed)
    age = day - prospects.entry[entity]
    event = prospects.bought[entity] == day
    reach = groups[-1][1]
    shape = (entity.size, len(columns))
    counts = np.zeros((*shape, len(groups)), dtype=np.float32)
    older, same_day, levels, weights = (np.zeros(shape, dtype=np.float32) for _ in range(4))
    for k, column in enumerate(columns):
        total = cumulative(prospects, column)

        def before(lag: int, total: Float32Array = total) -> Float32Array:
            return np.asarray(total[entity, np.maximum(day - lag, 0)])

        for g, (first, last) in enumerate(groups):
            counts[:, k, g] = before(first - 1) - before(last)
        older[:, k] = before(reach) - before(2 * reach)
        same_day[:, k] = total[entity, day + 1] - total[entity, day]
        levels[:, k], weights[:, k] = _long_run_rate(prospects, total, entity, day, ~event, reach)
    observed = np.maximum(age - reach, 0)
    rates = ShrunkRates(
        levels[:, None, :].astype(np.float64),
        weights[:, None, :].astype(np.float64),
        observed[:, None].astype(np.float64) / 7.0,
    )
    affinity = affinity_scores(rates, np.ones((entity.size, 1), dtype=np.bool_))[:, 0]
    parts = [affinity, *_steps(prospects, entity, day, age, event)]
    controls = np.concatenate([part.astype(np.float32) for part in parts], axis=1)
    return RiskRows(
        entity=entity,
        day=day,
        age=age,
        event=event,
        groups=groups,
        counts=counts,
        older=older,
        same_day=same_day,
        levels=levels,
        controls=controls,
        n_entities=len(prospects.ids),
        drawn=float((~event).sum()) / max(int(_quiet_days(prospects).sum()), 1),
    )


def sampled_days(prospects: Prospects, seed: int) -> tuple[Int64Array, Int64Array]:
    """Return prospect and day of all purchases and of a sample of the other days at risk."""
    first, n_quiet = prospects.entry + 1, _quiet_days(prospects)
    total, n_events = int(n_quiet.sum()), int(prospects.buys.sum())
    size = min(total, max(MIN_DAYS, min(DAYS_PER_PURCHASE * n_events, MAX_DAYS)))
    rng = np.random.default_rng([seed, 12])
    drawn = np.sort(rng.choice(total, size=size, replace=False)) if size < total else None
    drawn = np.arange(total) if drawn is None else drawn
    ends = np.cumsum(n_quiet)
    quiet = np.searchsorted(ends, drawn, side="right")
    quiet_day = first[quiet] + drawn - (ends - n_quiet)[quiet]
    buyers = np.flatnonzero(prospects.buys)
    entity = np.concatenate([quiet, buyers])
    day = np.concatenate([quiet_day, prospects.bought[buyers]])
    order = np.lexsort((day, entity))
    return entity[order].astype(np.int64), day[order].astype(np.int64)


def _quiet_days(prospects: Prospects) -> Int64Array:
    """Return the number of each one's days at risk without a purchase, shape (n,)."""
    days = np.minimum(prospects.bought, prospects.n_days) - prospects.entry - 1
    return np.asarray(np.maximum(days, 0), dtype=np.int64)


def cumulative(prospects: Prospects, column: int) -> Float32Array:
    """Return a behaviour's events before each day, shape (n, n_days + 1)."""
    rows = prospects.behaviour == column
    n, n_days = len(prospects.ids), prospects.n_days
    by_day = np.zeros((n, n_days + 1), dtype=np.float32)
    np.add.at(by_day, (prospects.entity[rows], prospects.day[rows] + 1), prospects.n[rows])
    return np.asarray(np.cumsum(by_day, axis=1), dtype=np.float32)


def _long_run_rate(
    prospects: Prospects,
    total: Float32Array,
    entity: Int64Array,
    day: Int64Array,
    quiet: BoolArray,
    reach: int,
) -> tuple[FloatArray, FloatArray]:
    """Return the shrunk log rate since the prospect came and before all lags, and its weight.

    Relative to what prospects of the same age do (gamma–Poisson, variance by moments).
    """
    came = prospects.entry[entity]
    stop = np.maximum(day - reach, came)
    observed = np.asarray(total[entity, stop] - total[entity, came], dtype=np.float64)
    age = day - came
    by_age = np.bincount(age[quiet], (total[entity, day + 1] - total[entity, day])[quiet])
    days = np.bincount(age[quiet])
    mean = np.concatenate([[0.0], np.cumsum(by_age / np.maximum(days, 1))])
    expected = mean[np.minimum(stop - came, mean.size - 1)]
    known = quiet & (expected > 0)
    moments = ((observed - expected) ** 2 - observed)[known].sum()
    variance = moments / max(float((expected[known] ** 2).sum()), 1e-12)
    prior = 1.0 / float(np.clip(variance, *RATE_PRIOR_BOUNDS))
    rate = np.log((observed + prior) / (expected + prior))
    return rate, expected / (expected + prior)


def _steps(
    prospects: Prospects, entity: Int64Array, day: Int64Array, age: Int64Array, event: BoolArray
) -> list[BoolArray]:
    """Return dummies of age, calendar time, weekday and segment."""
    purchases = np.bincount(age[event], minlength=int(age.max(initial=0)) + 1)
    own = np.flatnonzero(purchases >= MIN_AGE_PURCHASES)
    own = own[np.argsort(-purchases[own], kind="stable")][:MAX_OWN_AGES]
    step = _with_enough(np.searchsorted(AGE_BOUNDS, age, side="right"), event)
    step = np.where(np.isin(age, own), len(AGE_BOUNDS) + 1 + age, step)
    width = max(7, -(-prospects.n_days // MAX_CALENDAR_STEPS))
    weekday = (day + prospects.start.weekday()) % 7
    calendar = _with_enough(day // width, event)
    parts = [dummies(step), dummies(calendar), dummies(weekday)]
    if prospects.segments:
        labels = np.stack([v.astype(str) for v in prospects.segments.values()], axis=1)
        _, code = np.unique(labels, axis=0, return_inverse=True)
        if code.max(initial=0) < MAX_GROUPS:
            parts.append(dummies(code.ravel()[entity].astype(np.int64)))
    return parts


def _with_enough(step: Int64Array, event: BoolArray) -> Int64Array:
    """Join steps in time until each has enough purchases for an effect of its own."""
    purchases = np.bincount(step[event], minlength=int(step.max(initial=0)) + 1)
    joined = np.zeros(purchases.size, dtype=np.int64)
    for k in range(1, purchases.size):
        so_far = purchases[:k][joined[:k] == joined[k - 1]].sum()
        joined[k] = joined[k - 1] + int(so_far >= MIN_AGE_PURCHASES)
    return np.asarray(joined[step])
