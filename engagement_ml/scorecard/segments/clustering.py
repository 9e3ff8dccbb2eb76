"""Clusters of customers by counts of behaviours, or the reason why there are none.

1. Counts become normal scores of ranks (`scale`).
2. Principal components that vary more than those of permuted columns are kept (parallel analysis;
   J. L. Horn, Psychometrika 30, 1965). If all behaviours rise together along the first one, the
   components without it are searched too: customers alike in what they do, not in how much.
3. k-means for 2 to `MAX_CLUSTERS` clusters in these components.
4. A number of clusters is stable if halves of the customers, clustered apart, put all customers
   into the same clusters (adjusted Rand index).
5. It is beyond one cloud if its clusters are more compact than those of one continuous population
   with the same counts and correlations (`one_cloud`), as in the gap statistic (R. Tibshirani,
   G. Walther, T. Hastie, JRSS B 63, 2001) and SigClust (Y. Liu et al., JASA 103, 2008).
6. Of the numbers that pass both, the smallest whose gain is nearly the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.scorecard.segments.kmeans import Partition, adjusted_rand, nearest, partition
from engagement_ml.scorecard.segments.one_cloud import OneCloud
from engagement_ml.scorecard.segments.scale import BehaviourScale

MIN_CUSTOMERS = 100
"""Customers with an event, below which no segments are looked for."""
MAX_CLUSTERS = 8
MAX_COMPONENTS = 8
MIN_STABILITY = 0.8
"""Smallest mean adjusted Rand index of halves."""
MIN_GAIN = 0.05
"""Smallest share of the variance that clusters explain beyond those of one cloud."""
MIN_RELATIVE_GAIN = 0.1
"""Smallest share of the variance left in clusters of one cloud that is explained in addition."""
MIN_SHARE = 0.02
"""Smallest share of customers in a cluster."""
HALVES = 10
REFERENCES = 19
"""Draws of one cloud; clusters must be more compact than in each of them."""
STARTS = 4
_PERMUTATIONS = 5
_FIRST_HALVES = 3
_HOPELESS = 0.5
"""Agreement of the first halves below which the others are not computed."""
_NEARLY = 0.9


@dataclass(frozen=True)
class Clusters:
    """Clusters that are stable and beyond one cloud.

    Attributes
    ----------
    scales : tuple of BehaviourScale
        One for each behaviour; those that do not vary have one level.
    weights : array (p, k)
        A customer belongs to the cluster with the smallest ``offsets + scores @ weights``.
    offsets : array (k,)
    stability : float
        Mean adjusted Rand index of halves.
    gain : float
        Share of variance explained beyond one cloud.
    """

    scales: tuple[BehaviourScale, ...]
    weights: FloatArray
    offsets: FloatArray
    stability: float
    gain: float

    def assign(self, counts: FloatArray) -> IntArray:
        """Return the cluster of each row of counts (n, p)."""
        scores = scores_of(self.scales, counts)
        labels: IntArray = (self.offsets + scores @ self.weights).argmin(axis=1)
        return labels


@dataclass(frozen=True)
class NoClusters:
    """Why there are no clusters.

    Attributes
    ----------
    reason : str
    stability : float or None
        The largest mean adjusted Rand index of halves.
    """

    reason: str
    stability: float | None = None


@dataclass(frozen=True)
class _Trial:
    """A number of clusters in a subspace, with its stability and gain (None if not computed)."""

    k: int
    axes: slice
    best: Partition
    stability: float
    gain: float | None = None


def find_clusters(counts: FloatArray, *, seed: int) -> Clusters | NoClusters:
    """Look for stable clusters of customers.

    Parameters
    ----------
    counts : array (n, p)
        Count of each behaviour, a row for each customer with at least one event. The result does
        not depend on the order of rows and columns.
    seed : int
    """
    if len(counts) < MIN_CUSTOMERS:
        return NoClusters(
            f"only {len(counts)} customers have an event in the observation window; "
            f"at least {MIN_CUSTOMERS} are needed"
        )
    scales = tuple(BehaviourScale.of(column) for column in counts.T)
    order = [j for j in _column_order(counts) if len(scales[j].edges) > 1]
    if len(order) < 2:
        return NoClusters("fewer than two behaviours differ between customers")
    chosen = counts[:, order]
    chosen = chosen[np.lexsort(chosen.T)]
    varying = [scales[j] for j in order]
    scores = scores_of(varying, chosen)
    rng = np.random.default_rng(seed)
    vectors = _components(scores, rng)
    if vectors.shape[1] == 0:
        return NoClusters("behaviours vary independently of each other")
    trials = [
        trial
        for axes in _subspaces(vectors)
        for trial in _trials(scores @ vectors[:, axes], axes, rng)
    ]
    found = _best(_with_gains(trials, scores, varying, rng))
    if isinstance(found, NoClusters):
        return found
    basis = vectors[:, found.axes]
    weights = np.zeros((counts.shape[1], found.k))
    weights[order] = -2 * basis @ found.best.centres.T
    offsets = (found.best.centres**2).sum(axis=1)
    assert found.gain is not None
    return Clusters(scales, weights, offsets, found.stability, found.gain)


def scores_of(scales: Sequence[BehaviourScale], counts: FloatArray) -> FloatArray:
    """Return the scores of counts, shape (n, p)."""
    columns = (scale.scores[scale.levels(c)] for scale, c in zip(scales, counts.T, strict=True))
    return np.column_stack(list(columns))


def _column_order(counts: FloatArray) -> list[int]:
    """Return the order of columns by their content, whatever their names."""
    return sorted(range(counts.shape[1]), key=lambda j: tuple(np.sort(counts[:, j])[::-1]))


def _components(scores: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the principal components beyond those of permuted columns, shape (p, m)."""
    values, vectors = _eigen(scores)
    chance = np.zeros(len(values))
    for _ in range(_PERMUTATIONS):
        permuted = np.column_stack([rng.permutation(column) for column in scores.T])
        chance = np.maximum(chance, _eigen(permuted)[0])
    below = np.flatnonzero(values <= chance)
    kept = min(int(below[0]) if len(below) else len(values), MAX_COMPONENTS)
    return vectors[:, :kept]


def _eigen(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    values, vectors = np.linalg.eigh(scores.T @ scores / len(scores))
    return values[::-1], vectors[:, ::-1]


def _subspaces(vectors: FloatArray) -> list[slice]:
    m = vectors.shape[1]
    general = bool(np.all(vectors[:, 0] > 0) or np.all(vectors[:, 0] < 0))
    return [slice(0, m), slice(1, m)] if general and m > 1 else [slice(0, m)]


def _trials(points: FloatArray, axes: slice, rng: np.random.Generator) -> list[_Trial]:
    """Return each number of clusters that is possible, with its stability."""
    distinct = len(np.unique(points, axis=0))
    made = []
    for k in range(2, min(MAX_CLUSTERS, distinct - 1, len(points) // 25) + 1):
        best = partition(points, k, rng, STARTS)
        if np.bincount(best.labels, minlength=k).min() >= MIN_SHARE * len(points):
            made.append(_Trial(k, axes, best, _stability(points, k, rng)))
    return made


def _stability(points: FloatArray, k: int, rng: np.random.Generator) -> float:
    """Return the mean agreement of clusters of disjoint halves, on all customers."""
    agreements = []
    for _ in range(HALVES):
        order, half = rng.permutation(len(points)), len(points) // 2
        halves = (points[order[:half]], points[order[half:]])
        labels = [nearest(points, partition(h, k, rng, STARTS).centres) for h in halves]
        agreements.append(adjusted_rand(*labels))
        if len(agreements) == _FIRST_HALVES and np.mean(agreements) < _HOPELESS:
            break
    return float(np.mean(agreements))


def _with_gains(
    trials: Sequence[_Trial],
    scores: FloatArray,
    scales: Sequence[BehaviourScale],
    rng: np.random.Generator,
) -> list[_Trial]:
    """Add to stable trials what their clusters explain beyond those of one cloud."""
    stable = [trial for trial in trials if trial.stability >= MIN_STABILITY]
    if not stable:
        return list(trials)
    cloud = OneCloud.of(scales, np.asarray(np.corrcoef(scores, rowvar=False)), rng)
    vectors = _eigen(scores)[1]
    left = np.empty((REFERENCES, len(stable)))
    for row in left:
        drawn = cloud.draw(len(scores), rng)
        drawn = drawn - drawn.mean(axis=0)
        drawn_vectors = _eigen(drawn)[1]
        for place, trial in enumerate(stable):
            row[place] = _left(drawn @ drawn_vectors[:, trial.axes], trial.k, rng)
    made = [trial for trial in trials if trial.stability < MIN_STABILITY]
    for trial, references in zip(stable, left.T, strict=True):
        points = scores @ vectors[:, trial.axes]
        own = trial.best.within / float((points * points).sum())
        made.append(
            _Trial(trial.k, trial.axes, trial.best, trial.stability, _gain(own, references))
        )
    return made


def _left(points: FloatArray, k: int, rng: np.random.Generator) -> float:
    """Return the share of variance within clusters."""
    return partition(points, k, rng, STARTS).within / float((points * points).sum())


def _gain(own: float, references: FloatArray) -> float:
    """Return the share of variance explained beyond one cloud; 0 if that may be by chance."""
    gain = float(references.mean()) - own
    beyond = own < references.min() and gain >= MIN_RELATIVE_GAIN * references.mean()
    return gain if beyond and gain >= MIN_GAIN else 0.0


def _best(trials: Sequence[_Trial]) -> _Trial | NoClusters:
    """Return the smallest number of clusters whose gain is nearly the largest."""
    if not trials:
        return NoClusters("customers differ from one group only in a few of them")
    stability = max(trial.stability for trial in trials)
    passed = [trial for trial in trials if trial.gain]
    if passed:
        largest = max(trial.gain or 0.0 for trial in passed)
        return next(
            t for t in sorted(passed, key=lambda t: t.k) if (t.gain or 0.0) >= _NEARLY * largest
        )
    if stability < MIN_STABILITY:
        return NoClusters(
            "halves of the customers give different groups (adjusted Rand index "
            f"{stability:.2f} at most; {MIN_STABILITY} is needed)",
            stability,
        )
    return NoClusters(
        "customers differ by degree: groups are no more compact than those of one continuous "
        "population with the same counts and correlations",
        stability,
    )
