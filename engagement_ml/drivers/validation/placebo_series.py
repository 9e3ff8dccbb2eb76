"""Placebo series that keep what misleads: a similar customer's, and one's own at another time.

A series that is shuffled in time loses habit, season and every wave, so it shows no effect whatever
is wrong with the estimates. A similar customer's series keeps habit, season and the waves that such
customers share; it loses only the link to this customer. A shifted series keeps the customer's own
habit and slow trends; it loses the timing.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import Float32Array, FloatArray, Int64Array

_BLOCK = 20
"""Similar customers among whom series are swapped."""

_N_LEVELS = 5


def similar_donors(
    behaviour: FloatArray,
    margin: FloatArray,
    entry: npt.NDArray[np.int32],
    leave: npt.NDArray[np.int32],
    group: Int64Array | None,
    rng: np.random.Generator,
) -> Int64Array:
    """Return for every customer a similar one, whose series it gets.

    Customers are ordered by segment group, fifth of the time that they were present, fifth of their
    margin and level of the behaviour. Within blocks of 20 neighbours, series move around a random
    circle, so that every series is used once and no customer keeps the own one.

    Parameters
    ----------
    behaviour, margin : arrays (n,)
        Events, and margin, per period at risk.
    entry, leave : int arrays (n,)
        First period at risk, and the first one no longer.
    group : int array (n,) or None
    rng : numpy Generator

    Returns
    -------
    int array (n,)

    Examples
    --------
    >>> level, zeros, ends = np.arange(4.0), np.zeros(4, np.int32), np.full(4, 9, np.int32)
    >>> donor = similar_donors(level, level, zeros, ends, None, np.random.default_rng(0))
    >>> sorted(donor.tolist()), bool((donor == np.arange(4)).any())
    ([0, 1, 2, 3], False)
    """
    n = behaviour.size
    segment = np.zeros(n, dtype=np.int64) if group is None else group
    # ties in the level of the behaviour are broken at random
    order = np.lexsort((rng.random(n), behaviour, _fifths(margin), _fifths(leave - entry), segment))
    # blocks begin at another place in each draw
    starts = np.arange(int(rng.integers(_BLOCK)) - _BLOCK, n + _BLOCK, _BLOCK)
    bounds = np.unique(np.clip(starts, 0, n))
    # a block of one would keep its own series
    bounds = np.delete(bounds, 1 + np.nonzero(np.diff(bounds[:-1]) < 2)[0])
    if bounds.size > 2 and bounds[-1] - bounds[-2] < 2:
        bounds = np.delete(bounds, -2)
    donor = np.arange(n)
    for start, stop in pairwise(bounds.tolist()):
        circle = rng.permutation(order[start:stop])
        donor[circle] = np.roll(circle, 1)
    return donor


def shift_in_time(
    counts: Float32Array,
    entry: npt.NDArray[np.int32],
    leave: npt.NDArray[np.int32],
    least: int,
    rng: np.random.Generator,
) -> Float32Array:
    """Return counts shifted within each customer's time at risk, the end moved to the start.

    Each customer's shift is drawn between `least` periods and as many before a whole turn; a
    customer with less time is shifted by half of it.

    Parameters
    ----------
    counts : float32 array (n, T, B)
    entry, leave : int arrays (n,)
    least : int
        At least the longest lag at which a behaviour acts.
    rng : numpy Generator

    Examples
    --------
    >>> counts = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    >>> zero, six = np.array([0], np.int32), np.array([6], np.int32)
    >>> shift_in_time(counts, zero, six, 3, np.random.default_rng(0))[0, :, 0].tolist()
    [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]
    """
    n, n_periods = counts.shape[:2]
    span = np.maximum(leave - entry, 1)
    room = span - 2 * least
    drawn = least + np.floor(rng.random(n) * (np.maximum(room, 0) + 1)).astype(np.int64)
    shift = np.where(room >= 0, drawn, span // 2)
    t = np.arange(n_periods)[None, :]
    inside = (t >= entry[:, None]) & (t < leave[:, None])
    source = entry[:, None] + (t - entry[:, None] - shift[:, None]) % span[:, None]
    source = np.where(inside, source, t)
    return np.take_along_axis(counts, source[..., None], axis=1)


def _fifths(values: npt.NDArray[np.generic]) -> Int64Array:
    """Return the fifth of each value, 0 to 4; equal values are in one fifth."""
    bounds = np.quantile(values.astype(np.float64), np.arange(1, _N_LEVELS) / _N_LEVELS)
    return np.searchsorted(bounds, values.astype(np.float64)).astype(np.int64)
