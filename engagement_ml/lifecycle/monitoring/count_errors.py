"""Forecast errors of counts on a scale that is comparable between types, weeks and sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engagement_ml._typing import FloatArray

LEAST_WEEKS = 12
"""Weeks with errors before a type is judged."""
SCALE_QUANTILES = (0.5, 0.8, 0.9)
"""Quantiles whose largest ratio to those of the half-normal is the scale: wide tails widen it."""
HALF_NORMAL = (0.6745, 1.2816, 1.6449)
LEAST_SCALE = 0.03
"""An error of 3% is no surprise in any data."""
PRIOR_WEEKS = 8
"""Weeks that the scale of all types together counts as."""
EXTREME = 2.0
"""Only a deviation of this many scales is remembered for the next year."""


def scales(errors: FloatArray, *, ahead: int = 0) -> FloatArray:
    """Return the usual size of errors before each week, one-sided, in standard deviations.

    Parameters
    ----------
    errors : array of shape (T, K)
        Logarithms; NaN where nothing was predicted. Errors below zero count.
    ahead : int, default 0

    Returns
    -------
    array of shape (T, K)
        NaN in the first `LEAST_WEEKS` weeks with errors.
    """
    weeks, kinds = errors.shape
    found = np.full((weeks, kinds), np.nan)
    sizes = np.where(errors < 0, -errors, np.nan)
    known = np.isfinite(errors)
    for week in range(weeks):
        stop = week - ahead
        if stop < 1 or known[:stop].sum(0).min() < LEAST_WEEKS:
            continue
        found[week] = _scale(sizes[:stop], np.abs(errors[:stop]))
    return found


def _scale(one_side: FloatArray, both: FloatArray) -> FloatArray:
    n = np.isfinite(one_side).sum(0)
    side = _widest(np.where(n >= 5, one_side, both))
    symmetric = _widest(both)
    own = np.maximum(side, 0.8 * symmetric)
    pooled = np.median(own)
    weeks = len(both)
    total: FloatArray = np.sqrt((weeks * own**2 + PRIOR_WEEKS * pooled**2) / (weeks + PRIOR_WEEKS))
    return np.maximum(total, LEAST_SCALE)


def _widest(sizes: FloatArray) -> FloatArray:
    ordered = np.sort(sizes, axis=0)  # NaN comes last
    n = np.isfinite(sizes).sum(0)
    places = np.ceil(np.outer(SCALE_QUANTILES, n)).astype(int) - 1
    quantiles = np.take_along_axis(ordered, np.maximum(places, 0), axis=0)
    widest: FloatArray = (quantiles / np.array(HALF_NORMAL)[:, None]).max(axis=0)
    return widest


def without_yearly(
    errors: FloatArray, same: Sequence[Sequence[int]], scale: FloatArray
) -> FloatArray:
    """Return errors less what the same weeks of earlier years explain.

    A week of an earlier year explains an error of the same sign if its own error was extreme; of
    several weeks, the one counts that explains most.

    Parameters
    ----------
    errors, scale : array of shape (T, K)
    same : sequence of sequence of int
        For each week, the weeks of earlier years at the same place of the calendar.
    """
    left = errors.copy()
    for week, places in enumerate(same):
        for place in places:
            then = errors[place]
            known = np.isfinite(then) & (
                np.abs(then) > EXTREME * np.nan_to_num(scale[place], nan=0.1)
            )
            rest = errors[week] - then
            rest = np.where(np.sign(rest) == np.sign(errors[week]), rest, 0.0)
            rest = np.where(np.sign(then) == np.sign(errors[week]), rest, errors[week])
            left[week] = np.where(known & (np.abs(rest) < np.abs(left[week])), rest, left[week])
    return left


def surprise(counts: FloatArray, expected: FloatArray, scale: FloatArray) -> FloatArray:
    """Return how far counts lie below what was expected, in standard normal deviations.

    The mid-p-value of a negative binomial distribution with the given mean, whose variance is that
    of the `scale` of the logarithm (which holds the Poisson part), as a normal quantile.

    Parameters
    ----------
    counts, expected, scale : array
        `scale` is the standard deviation of the logarithm of the count.

    Returns
    -------
    array
        Positive if the count is low; negative if it is high. NaN where `scale` or `expected` is.

    Examples
    --------
    >>> surprise(np.array([50.0, 100, 200]), np.full(3, 100.0), np.full(3, 0.15)).round(1)
    array([ 3.9, -0. , -5.5])
    """
    from scipy import special, stats

    mean = np.maximum(expected, 1e-3)
    extra = np.clip(scale**2 - 1 / (mean + 0.5), 1e-4, 4.0)
    size = 1 / extra
    share = size / (size + mean)
    lower = 0.5 * (
        stats.nbinom.cdf(counts, size, share) + stats.nbinom.cdf(counts - 1, size, share)
    )
    upper = 0.5 * (stats.nbinom.sf(counts, size, share) + stats.nbinom.sf(counts - 1, size, share))
    tiny = 1e-300
    low = -special.ndtri(np.clip(lower, tiny, 1))
    high = special.ndtri(np.clip(upper, tiny, 1))
    result: FloatArray = np.where(lower < upper, low, high)
    return np.where(np.isfinite(scale) & np.isfinite(expected), result, np.nan)
