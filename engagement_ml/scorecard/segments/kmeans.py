"""k-means with a fixed order of all sums, and the agreement of two partitions.

The same rows give the same bytes: scikit-learn's sums depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, IntArray

MAX_ITERATIONS = 60
SETTLED = 0.001
"""Share of points that may still change their cluster in the last iteration."""


@dataclass(frozen=True)
class Partition:
    """Customers in k groups.

    Attributes
    ----------
    centres : array (k, m)
    labels : array (n,)
    within : float
        Sum of squared distances to the centres.
    """

    centres: FloatArray
    labels: IntArray
    within: float


def partition(points: FloatArray, k: int, rng: np.random.Generator, starts: int) -> Partition:
    """Return the best of several runs of Lloyd's algorithm with k-means++ starts.

    Source: D. Arthur, S. Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007.
    """
    runs = (_lloyd(points, _seeded(points, k, rng)) for _ in range(starts))
    return min(runs, key=lambda run: run.within)


def nearest(points: FloatArray, centres: FloatArray) -> IntArray:
    """Return the nearest centre of each point, the first of equally near ones."""
    labels: IntArray = _distances(points, centres).argmin(axis=1)
    return labels


def adjusted_rand(first: IntArray, second: IntArray) -> float:
    """Return the adjusted Rand index of two partitions: 1 if equal, about 0 if unrelated.

    Source: L. Hubert, P. Arabie, "Comparing Partitions", Journal of Classification 2 (1985).

    Examples
    --------
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    k = int(second.max()) + 1
    size = (int(first.max()) + 1) * k
    table = np.bincount(first * k + second, minlength=size).reshape(-1, k)
    both, rows, columns = (_pairs(t) for t in (table, table.sum(axis=1), table.sum(axis=0)))
    expected = rows * columns / _pairs(np.array([len(first)]))
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else float((both - expected) / (largest - expected))


def _pairs(counts: IntArray) -> float:
    return float((counts * (counts - 1.0) / 2).sum())


def _distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Return squared distances, less the squared length of each point."""
    distances: FloatArray = (centres * centres).sum(axis=1) - 2 * points @ centres.T
    return distances


def _seeded(points: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    centres = points[[rng.integers(len(points))]]
    left = ((points - centres[0]) ** 2).sum(axis=1)
    while len(centres) < k:
        steps = np.cumsum(left)
        place = min(int(np.searchsorted(steps, rng.random() * steps[-1])), len(points) - 1)
        centres = np.vstack([centres, points[place]])
        left = np.minimum(left, ((points - centres[-1]) ** 2).sum(axis=1))
    return centres


def _lloyd(points: FloatArray, centres: FloatArray) -> Partition:
    k, labels = len(centres), np.full(len(points), -1)
    lengths = float((points * points).sum())
    for _ in range(MAX_ITERATIONS):
        distances = _distances(points, centres)
        previous, labels = labels, distances.argmin(axis=1)
        if np.count_nonzero(previous != labels) <= SETTLED * len(points):
            break
        sizes = np.bincount(labels, minlength=k)[:, None]
        sums = np.column_stack([np.bincount(labels, column, minlength=k) for column in points.T])
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres)
    within = lengths + float(distances[np.arange(len(points)), labels].sum())
    return Partition(centres, labels, max(within, 0.0))
