"""Percentiles of scores, frozen at the time of training or among scores of today."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engagement_ml.metric.rounding import round_significant

LEVELS = 101
"""Number of quantiles that a metric keeps: the 0th to the 100th percentile."""
DECIMALS = 4
"""Scores that agree to this many decimals share a percentile, whatever the engine."""


def score_quantiles(scores: npt.ArrayLike) -> tuple[float, ...]:
    """Return the 0th to 100th percentile of scores, with nine significant digits.

    Each is a score that occurs (the inverse of the empirical distribution function), so that a
    score that many customers have, such as 0, is found again.

    Examples
    --------
    >>> quantiles = score_quantiles([0.0, 0.0, 10.0, 40.0])
    >>> len(quantiles), quantiles[0], quantiles[50], quantiles[100]
    (101, 0.0, 0.0, 40.0)
    """
    values = np.asarray(scores, dtype=np.float64)
    if not values.size:
        return ()
    quantiles = np.quantile(values, np.linspace(0, 1, LEVELS), method="inverted_cdf")
    return tuple(round_significant(float(q)) if q else 0.0 for q in quantiles)


def engaged_from(quantiles: Sequence[float], configured: float | None) -> float | None:
    """Return the score from which a customer is engaged.

    Without a configured limit, the median of the scores at the last training cutoff or, if that is
    0, of those above 0: so the limit does not move with the customers.

    Parameters
    ----------
    quantiles : sequence of float
        ``EngagementMetric.score_quantiles``.
    configured : float or None
        ``scorecard.engaged_from``.

    Returns
    -------
    float or None
        None if no quantile is above 0.

    Examples
    --------
    >>> engaged_from([0.0, 10.0, 40.0], None), engaged_from([0.0, 0.0, 40.0], None)
    (10.0, 40.0)
    >>> engaged_from([0.0, 10.0, 40.0], 25.0), engaged_from([], None)
    (25.0, None)
    """
    if configured is not None:
        return configured
    above = [quantile for quantile in quantiles if quantile > 0]
    if not above:
        return None
    return quantiles[len(quantiles) // 2] or above[len(above) // 2]


def percentile_in(scores: npt.ArrayLike, quantiles: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the percentile of scores in a distribution given by its quantiles, 0 to 100.

    A score that several quantiles share has the middle of their levels; between two quantiles the
    percentile is interpolated.

    Parameters
    ----------
    scores : array (n,)
    quantiles : sequence of float
        Ascending, at evenly spaced levels from 0 to 100.

    Examples
    --------
    >>> percentile_in([-1.0, 0.0, 5.0, 20.0, 40.0, 50.0], [0.0, 0.0, 10.0, 20.0, 40.0]).tolist()
    [0.0, 12.5, 37.5, 75.0, 100.0, 100.0]
    """
    values = np.round(np.asarray(scores, dtype=np.float64), DECIMALS)
    knots = np.round(np.asarray(quantiles, dtype=np.float64), DECIMALS)
    levels = np.linspace(0.0, 100.0, len(knots))
    first = np.searchsorted(knots, values, side="left")
    after = np.searchsorted(knots, values, side="right")
    below, above = np.clip(after - 1, 0, None), np.clip(first, None, len(knots) - 1)
    gap = np.where(knots[above] > knots[below], knots[above] - knots[below], 1.0)
    between = levels[below] + (values - knots[below]) / gap * (levels[above] - levels[below])
    tied = (levels[above] + levels[below]) / 2
    inside = np.where(after > first, tied, between)
    return np.where(values < knots[0], 0.0, np.where(values > knots[-1], 100.0, inside))


def percentile_among(scores: npt.ArrayLike, counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the percentile of distinct, ascending scores among all who have them, 0 to 100.

    The percentile is the share of customers with a lower score, and of half of those with the same
    one (mid-rank).

    Examples
    --------
    >>> percentile_among([0.0, 10.0, 20.0], [2, 1, 1]).tolist()
    [25.0, 62.5, 87.5]
    """
    n = np.asarray(counts, dtype=np.float64)
    below = np.cumsum(n) - n
    return np.asarray(100.0 * (below + n / 2) / max(float(n.sum()), 1.0))
