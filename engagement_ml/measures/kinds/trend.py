"""Trend of a series of values: Theil-Sen slope with the interval of Kendall's test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.measures.kinds.kind import Z, t_quantile

FEWEST = 4
"""Periods with a value that a trend needs."""
ERROR = 0.05
CORRELATED = 8
"""Periods from which the correlation of deviations can be estimated."""
MOST_CORRELATION = 0.85
EXACT = 40
"""Periods up to which the distribution of Kendall's statistic is exact; then it is normal."""


@dataclass(frozen=True)
class Slope:
    """Change per period with its 95% interval.

    All are None with fewer than `FEWEST` values; `periods` counts the values.
    """

    slope: float | None
    low: float | None
    high: float | None
    periods: int


def theil_sen(values: Sequence[float | None]) -> Slope:
    """Return the median of the slopes between all pairs of periods.

    The interval is between the slopes that Kendall's test of no trend does not reject. Four periods
    give at most 92% this way; the interval then also holds Student's of least squares. From
    `CORRELATED` values on, it is widened if deviations from the line last: by the variance that
    their correlation r with the period before adds, (1 + r) / (1 - r). Seasons are not taken out.

    Sources: H. Theil (1950); P. K. Sen, JASA 63 (1968), 1379-1389; K. H. Hamed and A. R. Rao,
    Journal of Hydrology 204 (1998), 182-196, for the correlation.

    Parameters
    ----------
    values : sequence of float or None
        One for each period, in order; None is "no data", and its period keeps its place.

    Examples
    --------
    >>> trend = theil_sen([10.0, 12.0, None, 16.0, 18.0, 30.0])
    >>> trend.slope, trend.periods
    (2.0, 5)
    >>> theil_sen([1.0, 2.0, 3.0]).slope is None
    True
    """
    places = np.array([i for i, value in enumerate(values) if value is not None], dtype=float)
    known = np.array([value for value in values if value is not None], dtype=float)
    n = len(known)
    if n < FEWEST:
        return Slope(None, None, None, n)
    first, second = np.triu_indices(n, 1)
    slopes = np.sort((known[second] - known[first]) / (places[second] - places[first]))
    slope = float(np.median(slopes))
    left_out = _slopes_beyond(n)
    if n >= CORRELATED:
        half = (len(slopes) / 2 - left_out) * _widening(known - slope * places)
        left_out = max(math.floor(len(slopes) / 2 - half), 0)
    low, high = float(slopes[left_out]), float(slopes[-1 - left_out])
    if n == FEWEST:
        wide = _least_squares(places, known)
        low, high = min(low, wide[0]), max(high, wide[1])
    return Slope(slope, low, high, n)


@lru_cache(maxsize=256)
def _slopes_beyond(n: int) -> int:
    """Return how many slopes lie on either side of the interval."""
    pairs = n * (n - 1) // 2
    if n > EXACT:
        spread = Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
        return max(math.floor((pairs - spread) / 2) - 1, 0)
    # With fewer than this many discordant pairs Kendall's test rejects.
    below = np.cumsum(_discordant_pairs(n)) <= ERROR / 2
    return max(int(below.sum()) - 1, 0)


def _discordant_pairs(n: int) -> FloatArray:
    """Return the probability of each number of discordant pairs in a random order."""
    chances = np.ones(1)
    for size in range(2, n + 1):
        chances = np.convolve(chances, np.full(size, 1 / size))
    return chances


def _widening(deviations: FloatArray) -> float:
    """Return the factor of the standard error because deviations last; at least 1."""
    n = len(deviations)
    centred = deviations - np.median(deviations)
    squared = float(centred @ centred)
    correlation = float(centred[1:] @ centred[:-1]) / squared if squared > 0 else 0.0
    # Estimates of a positive correlation from short series are too low (Kendall 1954).
    unbiased = min((n * correlation + 1) / (n - 4), MOST_CORRELATION)
    if correlation <= 0 or unbiased <= 0:
        return 1.0
    return math.sqrt((1 + unbiased) / (1 - unbiased))


def _least_squares(places: FloatArray, known: FloatArray) -> tuple[float, float]:
    """Return Student's interval of the least-squares slope."""
    centred, n = places - places.mean(), len(places)
    spread = float(centred @ centred)
    slope = float(centred @ known) / spread
    residuals = known - known.mean() - slope * centred
    half = t_quantile(n - 2) * math.sqrt(float(residuals @ residuals) / (n - 2) / spread)
    return slope - half, slope + half
