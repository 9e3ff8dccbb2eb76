"""Cluster bootstrap by entity: entities are drawn with all their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, IntArray

Interval = dict[str, float]

LEVEL = 0.95
SIGNIFICANT_DIGITS = 10
MIN_FINITE_SHARE = 0.9
"""Share of replicates that must be finite for an interval to be reported."""


@dataclass(frozen=True)
class Resamples:
    """The draws of `n` bootstrap samples, as weights: how often each entity was drawn.

    A sample draws as many entities as there are, with replacement. Column 0 of the weights is 1
    for every entity, so that the first value of a statistic is the estimate on the data.

    Attributes
    ----------
    n_entities, n, seed : int
    clusters : int array (n_entities,) or None
        Numbers from 0. Clusters are drawn with all their entities, such as the customers of one
        actor; None draws entities.

    Examples
    --------
    >>> (weights,) = Resamples(n_entities=4, n=2, seed=0).chunks(8)
    >>> weights.T.tolist()
    [[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 2.0, 1.0], [3.0, 1.0, 0.0, 0.0]]
    """

    n_entities: int
    n: int
    seed: int
    clusters: IntArray | None = None

    def chunks(self, size: int = 50) -> Iterator[FloatArray]:
        """Yield weights of shape (n_entities, at most `size`); `size` does not change the draws."""
        rng = np.random.default_rng(self.seed)
        units = self.n_entities if self.clusters is None else int(self.clusters.max(initial=-1)) + 1
        columns = [np.ones(self.n_entities)]
        for _ in range(self.n):
            if len(columns) == size:
                yield np.stack(columns, axis=1)
                columns = []
            drawn = rng.integers(units, size=units)
            weights = np.bincount(drawn, minlength=units).astype(np.float64)
            columns.append(weights if self.clusters is None else weights[self.clusters])
        yield np.stack(columns, axis=1)


def average(values: FloatArray) -> FloatArray:
    """Return the mean of the finite values over the first axis; NaN if none is finite.

    Examples
    --------
    >>> average(np.array([[1.0, np.nan], [3.0, np.nan]]))
    array([ 2., nan])
    """
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0)
    mean: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def interval(values: FloatArray) -> Interval | None:
    """Return the estimate with its 95% percentile interval, or None if it is not defined.

    Parameters
    ----------
    values : array of shape (n + 1,)
        The estimate, then its bootstrap replicates. Replicates that are NaN are left out; if more
        than a tenth are NaN, the result is None, as the interval would not be reliable.

    Examples
    --------
    >>> interval(np.array([0.5, *np.linspace(0, 1, 41)]))
    {'value': 0.5, 'low': 0.025, 'high': 0.975}
    >>> interval(np.array([np.nan, 0.1, 0.2])) is None
    True
    """
    estimate, replicates = values[0], values[1:]
    finite = replicates[np.isfinite(replicates)]
    if not np.isfinite(estimate) or finite.size < max(MIN_FINITE_SHARE * replicates.size, 1):
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return {"value": rounded(estimate), "low": rounded(low), "high": rounded(high)}


def rounded(value: float) -> float:
    """Round to ten significant digits, so that output does not depend on the last bits.

    Examples
    --------
    >>> rounded(1234.567890123456), rounded(-0.0)
    (1234.56789, 0.0)
    """
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0
