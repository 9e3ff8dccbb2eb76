"""Distributed lags: grouped lagged sums of a panel, and each lag's weight in a cumulative effect.

Let b_l be the effect of one event on margin l periods later. An event at a uniformly random period
of the observation window, s periods before the cutoff (s = 1..P), meets outcome period u
(u = 0..Q−1) at lag l = s + gap + u. Its cumulative effect on the outcome window is

``sum_l w_l b_l``,

where w_l is the number of pairs (s, u) at lag l, divided by P. Lags of a group share one
coefficient (a step-function restriction on the lag distribution; Almon 1965 uses polynomials).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import Float32Array, FloatArray, Int64Array, LagGroups

DOUBLING_WIDTHS = (1, 2, 4, 8, 16, 32)
"""Widths of successive pairs of lag groups, after the first two groups of one period each."""

MAX_GROUP_WIDTH = 64
"""Width of all later lag groups, in periods."""


@dataclass(frozen=True)
class Lags:
    """Groups of lags that share one coefficient, and their weights in the cumulative effect.

    Attributes
    ----------
    groups : tuple of (first, last)
        Inclusive lags in periods. Groups widen with the lag; the last one ends with the longest lag
        between an observation window and its outcome window.
    weights : array (G,)
        Sum of w_l over the lags of each group.
    """

    groups: LagGroups
    weights: FloatArray

    @property
    def longest(self) -> int:
        """The longest lag, in periods."""
        return self.groups[-1][1]


def plan_lags(observation: int, outcome: int, gap: int = 0) -> Lags:
    """Return groups of the lags 1 to observation + gap + outcome − 1, with their weights.

    Lags beyond observation + gap form one group.

    Parameters
    ----------
    observation, outcome, gap : int
        Lengths in periods.

    Examples
    --------
    >>> lags = plan_lags(12, 12)
    >>> lags.groups
    ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 8), (9, 12), (13, 23))
    >>> float(lags.weights.sum())
    12.0
    """
    longest, reach = observation + gap + outcome - 1, observation + gap
    doubling = chain.from_iterable((width, width) for width in DOUBLING_WIDTHS)
    widths = chain((1, 1), doubling, repeat(MAX_GROUP_WIDTH))
    groups: list[tuple[int, int]] = []
    first = 1
    while first <= min(reach, longest):
        last = min(first + next(widths) - 1, reach, longest)
        groups.append((first, last))
        first = last + 1
    if first <= longest:
        groups.append((first, longest))
    pairs = np.zeros(longest + 1)
    for s in range(1, observation + 1):
        pairs[s + gap : s + gap + outcome] += 1.0 / observation
    weights = np.array([pairs[a : b + 1].sum() for a, b in groups])
    return Lags(tuple(groups), weights)


def reweight_lags(
    lags: Lags,
    spans: Int64Array,
    outcome: int,
    gap: int = 0,
    level: FloatArray | None = None,
) -> Lags:
    """Return the lags with weights for entities that were present for part of the window only.

    Parameters
    ----------
    lags : Lags
    spans : int array (R,)
        Periods of the observation window in which each entity was present, at each cutoff. Its
        event can only have happened in one of them. Zeros are left out.
    outcome, gap : int
        Lengths in periods.
    level : array (Q,), optional
        Mean gain of each period of an outcome window, relative to their mean; effects are
        proportional to it. Ones if absent.

    Examples
    --------
    >>> reweight_lags(plan_lags(2, 2), np.array([2, 2]), 2).weights.tolist()
    [0.5, 1.0, 0.5]
    >>> reweight_lags(plan_lags(2, 2), np.array([1]), 2).weights.tolist()
    [1.0, 1.0, 0.0]
    >>> cycle = np.array([2.0, 0.0])
    >>> reweight_lags(plan_lags(2, 2), np.array([2]), 2, level=cycle).weights.tolist()
    [1.0, 1.0, 0.0]
    """
    profile = np.ones(outcome) if level is None else level
    pairs = np.zeros(lags.longest + 1)
    lengths, frequency = np.unique(spans[spans > 0], return_counts=True)
    for length, share in zip(lengths, frequency / max(int(frequency.sum()), 1), strict=True):
        for s in range(1, length + 1):
            pairs[s + gap : s + gap + outcome] += share / length * profile
    return replace(lags, weights=np.array([pairs[a : b + 1].sum() for a, b in lags.groups]))


def lagged_sums(
    values: npt.NDArray[np.floating],
    groups: LagGroups,
    entry: npt.NDArray[np.int32] | None = None,
) -> Float32Array:
    """Sum values over each group of lags; negative lags are leads.

    The past of an entity that was present when the record starts is unknown. Its own mean is
    imputed there, which entity effects absorb. The past of an entity that entered later is zero.
    Periods after the end of the record are imputed with the mean, too.

    Parameters
    ----------
    values : array (n, T, B)
    groups : tuple of (first, last)
        Inclusive lags.
    entry : int array (n,), optional
        The entity's entry period; 0 or less means that it may have entered before the record
        starts. Without it, that is assumed of all entities.

    Returns
    -------
    float32 array (n, T, B, G)

    Examples
    --------
    >>> x = np.array([1.0, 2, 3, 4]).reshape(1, 4, 1)
    >>> lagged_sums(x, ((1, 2),), np.array([1]))[0, :, 0, 0].tolist()
    [0.0, 1.0, 3.0, 5.0]
    """
    n, n_periods, width = values.shape
    entry = np.zeros(n, dtype=np.int32) if entry is None else entry
    periods_present = np.maximum(n_periods - entry, 1)[:, None]
    mean = values.sum(axis=1) / periods_present
    mean_before = np.where((entry <= 0)[:, None], mean, 0.0)
    cumulative = np.zeros((n, n_periods + 1, width))
    np.cumsum(values, axis=1, out=cumulative[:, 1:], dtype=np.float64)
    t = np.arange(n_periods)
    sums = np.empty((n, n_periods, width, len(groups)), dtype=np.float32)
    for g, (first, last) in enumerate(groups):
        # Differences of cumulative sums; periods outside the record are imputed.
        start, stop = t - last, t - first + 1
        at_stop = cumulative[:, np.clip(stop, 0, n_periods)]
        inside = at_stop - cumulative[:, np.clip(start, 0, n_periods)]
        n_before = np.clip(-start, 0, last - first + 1).astype(float)
        n_after = np.clip(stop - n_periods, 0, last - first + 1).astype(float)
        sums[..., g] = (
            inside
            + mean_before[:, None, :] * n_before[None, :, None]
            + mean[:, None, :] * n_after[None, :, None]
        )
    return sums
