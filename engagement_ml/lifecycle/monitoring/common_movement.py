"""The movement that event types share, such as a holiday or an outage, without the type itself."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import FloatArray

SCALE_WEEKS = 52
"""Weeks from which the usual size of a type's errors is taken."""
RIDGE_WEEKS = 10
"""Weeks of usual errors that the loading must outweigh; before that it is near zero."""
LEAST_ERROR = 0.02


def explained(errors: FloatArray, *, ahead: int = 0) -> tuple[FloatArray, FloatArray]:
    """Return how much of each error is common movement: by its loading, and one to one.

    The common movement of a type is the weighted median of the errors of all other types. Its
    loading is a ridge regression on the weeks before.

    Parameters
    ----------
    errors : array of shape (T, K)
        Logarithms; NaN where nothing was predicted.
    ahead : int, default 0
        Weeks just before each week that are not used.

    Returns
    -------
    by_loading, one_to_one : array of shape (T, K)
    """
    weeks, kinds = errors.shape
    if kinds < 2:
        return np.zeros_like(errors), np.zeros_like(errors)
    movement = np.zeros_like(errors)
    by_loading = np.zeros_like(errors)
    both, square = np.zeros((weeks + 1, kinds)), np.zeros((weeks + 1, kinds))
    for week in range(weeks):
        stop = max(week - ahead, 0)
        scale = _usual_size(errors[max(0, stop - SCALE_WEEKS) : stop], kinds)
        if np.isfinite(errors[week]).all():
            movement[week] = medians_of_others(errors[week], scale**-2)
            loading = both[stop] / (square[stop] + RIDGE_WEEKS * scale**2)
            by_loading[week] = np.clip(loading, 0, 2) * movement[week]
        product = np.nan_to_num(errors[week]) * movement[week]
        both[week + 1] = both[week] * 0.995 + product
        square[week + 1] = square[week] * 0.995 + movement[week] ** 2
    return by_loading, movement


def medians_of_others(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return, for each value, the weighted median of the other values.

    Examples
    --------
    >>> import numpy as np
    >>> medians_of_others(np.array([1.0, 2.0, 3.0, 9.0]), np.ones(4))
    array([3., 3., 2., 2.])
    """
    order = np.argsort(values, kind="stable")
    others = np.broadcast_to(weights[order], (len(values), len(values))).copy()
    rank = np.empty(len(values), int)
    rank[order] = np.arange(len(values))
    others[np.arange(len(values)), rank] = 0
    cumulated = np.cumsum(others, axis=1)
    place = (cumulated >= cumulated[:, -1:] / 2 - 1e-12).argmax(axis=1)
    # A middle that no value lies on is between the two around it.
    reached = np.take_along_axis(cumulated, place[:, None], 1)[:, 0]
    half = cumulated[:, -1] / 2
    exact = np.abs(reached - half) < 1e-9 * np.maximum(half, 1e-300)
    upper = (cumulated > half[:, None] * (1 + 1e-9)).argmax(axis=1)
    ordered = values[order]
    result: FloatArray = np.where(exact, (ordered[place] + ordered[upper]) / 2, ordered[place])
    return result


def _usual_size(errors: FloatArray, kinds: int) -> FloatArray:
    """Return the median size of the errors per type, in units of a standard deviation."""
    known = errors[np.isfinite(errors).all(axis=1)]
    if len(known) < 4:
        return np.full(kinds, 0.2)
    return np.maximum(np.median(np.abs(known), axis=0) * 1.4826, LEAST_ERROR)
