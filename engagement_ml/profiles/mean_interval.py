"""The interval of a mean of skewed amounts."""

from __future__ import annotations

from typing import Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.measures.kinds.linearised import skewness_corrected


def mean_interval(values: FloatArray) -> tuple[float, float, float]:
    """Return a mean and its 95% interval, corrected for skewness.

    Student's t, transformed so that the skewness of the values drops out of it (Hall, "On the
    removal of skewness by transformation", JRSS B 54, 1992, 221-228): with a the skewness over the
    square root of n, ``t + a t²/3 + a² t³/27 + a/6`` is closer to normal than t.

    Parameters
    ----------
    values : array (n,)

    Returns
    -------
    mean, low, high : float
        NaN for the limits of fewer than two values.

    Examples
    --------
    >>> [round(float(each), 2) for each in mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 30.0]))]
    [8.0, -2.12, 57.52]
    """
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    if n < 2:
        return mean, float("nan"), float("nan")
    error = float(values.std(ddof=1)) / np.sqrt(n)
    low, high = skewness_corrected(n, _skewness(values))
    return mean, mean - error * high, mean - error * low


def mean_below(values: FloatArray) -> float:
    """Return the one-sided p-value of a mean of 0 or more, by the same transformation."""
    from scipy.stats import t as student

    n = len(values)
    error = float(values.std(ddof=1)) / np.sqrt(n) if n > 1 else 0.0
    if error == 0:
        return 0.0 if n > 1 and values.mean() < 0 else 1.0
    t, a = float(values.mean()) / error, _skewness(values) / np.sqrt(n)
    return float(student.cdf(t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6, n - 1))


def _skewness(values: FloatArray) -> float:
    spread: Any = values.std()
    if spread == 0:
        return 0.0
    return float(np.mean(((values - values.mean()) / spread) ** 3))
