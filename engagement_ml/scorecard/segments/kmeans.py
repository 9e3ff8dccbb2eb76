"""k-means with a fixed order of all sums, and the agreement of two partitions.

The same rows give the same bytes: scikit-learn's sums depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, IntArray

MAX_ITERATIONS = 60
SETTLED = 0.003
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
    lengths = float((points * points).sum())
    centres = np.stack([_seeded(points, k, rng) for _ in range(starts)])
    centres, labels, distances = _lloyd(points, centres)
    best = int(distances.sum(axis=1).argmin())
    within = lengths + float(distances[best].sum())
    return Partition(centres[best], labels[best], max(within, 0.0))


def nearest(points: FloatArray, centres: FloatArray) -> IntArray:
    """Return the nearest centre of each point, the first of equally near ones."""
    labels: IntArray = _nearest(points, centres[None])[0][0]
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


def _nearest(points: FloatArray, centres: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the nearest centre of each point and its squared distance, for each start.

    Centres are (starts, k, m), the results (starts, n). The squared length of a point is left out.
    """
    flat = centres.reshape(-1, centres.shape[-1])
    distances = ((flat * flat).sum(axis=1)[:, None] - 2 * flat @ points.T).reshape(
        *centres.shape[:2], len(points)
    )
    # A pass for each centre: argmin over a short axis takes three times as long.
    smallest, labels = distances[:, 0].copy(), np.zeros(distances[:, 0].shape, dtype=np.int64)
    for place in range(1, centres.shape[1]):
        nearer = distances[:, place] < smallest
        labels[nearer] = place
        np.minimum(smallest, distances[:, place], out=smallest)
    return labels, smallest


def _seeded(points: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    centres = points[[rng.integers(len(points))]]
    left = ((points - centres[0]) ** 2).sum(axis=1)
    while len(centres) < k:
        steps = np.cumsum(left)
        place = min(int(np.searchsorted(steps, rng.random() * steps[-1])), len(points) - 1)
        centres = np.vstack([centres, points[place]])
        left = np.minimum(left, ((points - centres[-1]) ** 2).sum(axis=1))
    return centres


def _lloyd(points: FloatArray, centres: FloatArray) -> tuple[FloatArray, IntArray, FloatArray]:
    """Run all starts together: centres (starts, k, m), labels and distances (starts, n)."""
    starts, k, m = centres.shape
    first = np.arange(starts)[:, None] * k
    columns = [np.tile(column, starts) for column in points.T]
    labels, smallest = _nearest(points, centres)
    for _ in range(MAX_ITERATIONS):
        places = (labels + first).ravel()
        sizes = np.bincount(places, minlength=starts * k)[:, None]
        sums = np.column_stack([np.bincount(places, c, minlength=starts * k) for c in columns])
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres.reshape(-1, m))
        centres = means.reshape(starts, k, m)
        previous = labels
        labels, smallest = _nearest(points, centres)
        if np.count_nonzero(previous != labels, axis=1).max() <= SETTLED * len(points):
            break
    return centres, labels, smallest
