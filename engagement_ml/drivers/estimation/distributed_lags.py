"""Lagged regressors of a panel of periods, and what each lag weighs in the effect of one event.

One event at a uniformly random period of the observation window, s periods before the cutoff
(s = 1..P), meets outcome period u (u = 0..Q−1) after a lag of l = s + gap + u periods. With b_l the
effect at lag l, its effect on the whole outcome window is ``sum_l w_l b_l`` where w_l is the number
of pairs (s, u) with that lag, over P.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import Float32Array, FloatArray, Int64Array


@dataclass(frozen=True)
class Lags:
    """Groups of lags that share one coefficient, and their weights in the effect of one event.

    Attributes
    ----------
    groups : tuple of (first, last)
        Inclusive lags in periods, widening with the lag; the last reaches as far as an outcome
        window sees.
    weights : array (G,)
        ``sum of w_l`` over each group's lags.
    """

    groups: tuple[tuple[int, int], ...]
    weights: FloatArray

    @property
    def longest(self) -> int:
        """The longest lag, in periods."""
        return self.groups[-1][1]


def plan_lags(observation: int, outcome: int, gap: int = 0) -> Lags:
    """Group the lags from 1 to observation + gap + outcome − 1 periods.

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
    widths = chain((1, 1), chain.from_iterable((w, w) for w in (1, 2, 4, 8, 16, 32)), repeat(64))
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
    """Return the lags with the weights of entities that were there for part of the window only.

    Parameters
    ----------
    lags : Lags
    spans : int array (R,)
        Of each entity at each cutoff, the periods of the observation window that it was there:
        its event can only have been in one of them.
    outcome, gap : int
        Lengths in periods.
    level : array (Q,), optional
        The usual margin of each period of an outcome window, relative to their mean: an effect is
        as large as what there is to raise.

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
    lengths, times = np.unique(spans[spans > 0], return_counts=True)
    for length, share in zip(lengths, times / max(int(times.sum()), 1), strict=True):
        for s in range(1, length + 1):
            pairs[s + gap : s + gap + outcome] += share / length * profile
    return replace(lags, weights=np.array([pairs[a : b + 1].sum() for a, b in lags.groups]))


def lagged_sums(
    values: npt.NDArray[np.floating],
    groups: tuple[tuple[int, int], ...],
    known_from: npt.NDArray[np.int32] | None = None,
) -> Float32Array:
    """Sum values over each group of lags; negative lags look ahead.

    Before the first period on record nothing is known of an entity that was there already: its own
    mean stands in, which within the entity says nothing. Those that entered later truly had none.

    Parameters
    ----------
    values : array (n, T, B)
    groups : tuple of (first, last)
        Inclusive lags.
    known_from : int array (n,), optional
        The entity's entry period; 0 means it may have been there before the record starts.

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
    entry = np.zeros(n, dtype=np.int32) if known_from is None else known_from
    periods_there = np.maximum(n_periods - entry, 1)[:, None]
    mean = values.sum(axis=1) / periods_there
    before = np.where((entry <= 0)[:, None], mean, 0.0)
    total = np.zeros((n, n_periods + 1, width))
    np.cumsum(values, axis=1, out=total[:, 1:], dtype=np.float64)
    t = np.arange(n_periods)
    out = np.empty((n, n_periods, width, len(groups)), dtype=np.float32)
    for g, (first, last) in enumerate(groups):
        start, stop = t - last, t - first + 1
        inside = total[:, np.clip(stop, 0, n_periods)] - total[:, np.clip(start, 0, n_periods)]
        missing_before = np.clip(-start, 0, last - first + 1).astype(float)
        missing_after = np.clip(stop - n_periods, 0, last - first + 1).astype(float)
        out[..., g] = (
            inside
            + before[:, None, :] * missing_before[None, :, None]
            + mean[:, None, :] * missing_after[None, :, None]
        )
    return out
