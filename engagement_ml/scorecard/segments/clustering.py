"""Clusters of customers by counts of behaviours, or the reason why there are none.

1. Counts become normal scores of ranks (`scale`).
2. Principal components that vary more than those of permuted columns are kept (parallel analysis;
   J. L. Horn, Psychometrika 30, 1965). If all behaviours rise together along the first one, the
   components without it are searched too: customers alike in what they do, not in how much.
3. k-means for 2 to `MAX_CLUSTERS` clusters in these components.
4. A number of clusters is beyond one cloud if they are more compact than those of one continuous
   population with the same counts and correlations (`one_cloud`), as in the gap statistic
   (R. Tibshirani, G. Walther, T. Hastie, JRSS B 63, 2001) and SigClust (Y. Liu et al., JASA 103,
   2008).
5. It is stable if halves of the customers, clustered apart, put all customers into the same
   clusters (adjusted Rand index).
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
MIN_SIZE = 10
"""Smallest number of customers in a cluster."""
HALVES = 10
REFERENCES = 19
"""Draws of one cloud; clusters must be more compact than in each of them."""
STARTS = 4
_PERMUTATIONS = 5
_FIRST = 3
"""References that are drawn first; numbers of clusters far from `MIN_GAIN` need no others."""
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
        Mean adjusted Rand index of halves for the number of clusters that came nearest.
    """

    reason: str
    stability: float | None = None


@dataclass(frozen=True)
class _Trial:
    """A number of clusters in a subspace of the components."""

    k: int
    axes: slice
    best: Partition
    within: float
    """Share of variance within clusters."""


@dataclass(frozen=True)
class _Data:
    """Scores of customers, their principal axes, and the population they are compared with."""

    scores: FloatArray
    vectors: FloatArray
    cloud: OneCloud
    rng: np.random.Generator

    def points(self, axes: slice) -> FloatArray:
        return self.scores @ self.vectors[:, axes]

    def references(self, trials: Sequence[_Trial], n: int) -> FloatArray:
        """Return the share of variance within clusters of one cloud, (n, trials)."""
        left = np.empty((n, len(trials)))
        for row in left:
            drawn = self.cloud.draw(len(self.scores), self.rng)
            drawn = drawn - drawn.mean(axis=0)
            vectors = _eigen(drawn)[1]
            for place, trial in enumerate(trials):
                points = drawn @ vectors[:, trial.axes]
                row[place] = _within(partition(points, trial.k, self.rng, STARTS), points)
        return left


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
    cloud = OneCloud.of(varying, np.asarray(np.corrcoef(scores, rowvar=False)), rng)
    data = _Data(scores, vectors, cloud, rng)
    chosen_trial = _choose(data, [t for axes in _subspaces(vectors) for t in _trials(data, axes)])
    if isinstance(chosen_trial, NoClusters):
        return chosen_trial
    found, stability, gain = chosen_trial
    basis = vectors[:, found.axes]
    weights = np.zeros((counts.shape[1], found.k))
    weights[order] = -2 * basis @ found.best.centres.T
    offsets = (found.best.centres**2).sum(axis=1)
    return Clusters(scales, weights, offsets, stability, gain)


def scores_of(scales: Sequence[BehaviourScale], counts: FloatArray) -> FloatArray:
    """Return the scores of counts, shape (n, p)."""
    columns = (scale.scores[scale.levels(c)] for scale, c in zip(scales, counts.T, strict=True))
    return np.column_stack(list(columns))


def _column_order(counts: FloatArray) -> list[int]:
    """Return the order of columns by their content, whatever their names."""
    return sorted(range(counts.shape[1]), key=lambda j: tuple(np.sort(counts[:, j])[::-1]))


def _components(scores: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the principal components beyond those of permuted columns, shape (p, m).

    A component counts if it is beyond that of permuted scores, or beyond the first one of permuted
    residuals of the components before it: a strong component would hide the rest otherwise.
    """
    values, vectors = _eigen(scores)
    p, residual, chance = len(values), scores, _chance(scores, rng)
    for kept in range(min(p, MAX_COMPONENTS)):
        # A residual has rank p − kept; permuted, its variance spreads over p dimensions.
        rest = _chance(residual, rng)[0] * p / (p - kept)
        if values[kept] <= min(chance[kept], rest):
            return vectors[:, :kept]
        axis = vectors[:, [kept]]
        residual = residual - (residual @ axis) @ axis.T
    return vectors[:, : min(p, MAX_COMPONENTS)]


def _chance(scores: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the largest eigenvalues among permutations of the columns, in order, (p,)."""
    permuted = (
        np.column_stack([rng.permutation(column) for column in scores.T])
        for _ in range(_PERMUTATIONS)
    )
    largest: FloatArray = np.max([_eigen(each)[0] for each in permuted], axis=0)
    return largest


def _eigen(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    values, vectors = np.linalg.eigh(scores.T @ scores / len(scores))
    return values[::-1], vectors[:, ::-1]


def _subspaces(vectors: FloatArray) -> list[slice]:
    m = vectors.shape[1]
    general = bool(np.all(vectors[:, 0] > 0) or np.all(vectors[:, 0] < 0))
    return [slice(0, m), slice(1, m)] if general and m > 1 else [slice(0, m)]


def _trials(data: _Data, axes: slice) -> list[_Trial]:
    """Return each possible number of clusters."""
    points = data.points(axes)
    distinct = len(np.unique(points, axis=0))
    made = []
    for k in range(2, min(MAX_CLUSTERS, distinct - 1, len(points) // 25) + 1):
        best = partition(points, k, data.rng, STARTS)
        smallest = max(MIN_SHARE * len(points), MIN_SIZE)
        if np.bincount(best.labels, minlength=k).min() >= smallest:
            made.append(_Trial(k, axes, best, _within(best, points)))
    return made


def _within(found: Partition, points: FloatArray) -> float:
    return found.within / float((points * points).sum())


def _choose(data: _Data, trials: Sequence[_Trial]) -> tuple[_Trial, float, float] | NoClusters:
    """Return the number of clusters, its stability and its gain."""
    if not trials:
        return NoClusters("only a few customers differ from all others")
    first = data.references(trials, _FIRST)
    gains = first.mean(axis=0) - [trial.within for trial in trials]
    near = [place for place, gain in enumerate(gains) if gain >= MIN_GAIN / 2]
    if not near:
        nearest_miss = trials[int(np.argmax(gains))]
        return _by_degree(_stability(data, nearest_miss))
    stabilities = {place: _stability(data, trials[place]) for place in near}
    stable = [place for place in near if stabilities[place] >= MIN_STABILITY]
    if not stable:
        return _unstable(max(stabilities.values()))
    others = data.references([trials[place] for place in stable], REFERENCES - _FIRST)
    passed = {}
    for place, rest in zip(stable, others.T, strict=True):
        gain = _gain(trials[place].within, np.concatenate([first[:, place], rest]))
        if gain > 0:
            passed[place] = gain
    if not passed:
        return _by_degree(max(stabilities[place] for place in stable))
    nearly = _NEARLY * max(passed.values())
    place = min((p for p in passed if passed[p] >= nearly), key=lambda p: trials[p].k)
    return trials[place], stabilities[place], passed[place]


def _stability(data: _Data, trial: _Trial) -> float:
    """Return the mean agreement of clusters of disjoint halves, on all customers."""
    points, agreements = data.points(trial.axes), []
    for _ in range(HALVES):
        order, half = data.rng.permutation(len(points)), len(points) // 2
        halves = (points[order[:half]], points[order[half:]])
        labels = [nearest(points, partition(h, trial.k, data.rng, STARTS).centres) for h in halves]
        agreements.append(adjusted_rand(*labels))
    return float(np.mean(agreements))


def _gain(own: float, references: FloatArray) -> float:
    """Return the share of variance explained beyond one cloud; 0 if that may be by chance."""
    mean = float(references.mean())
    enough = mean - own >= max(MIN_GAIN, MIN_RELATIVE_GAIN * mean)
    return mean - own if enough and own < references.min() else 0.0


def _by_degree(stability: float) -> NoClusters:
    return NoClusters(
        "customers differ by degree: groups are no more compact than those of one continuous "
        "population with the same counts and correlations",
        stability,
    )


def _unstable(stability: float) -> NoClusters:
    return NoClusters(
        "halves of the customers give different groups (adjusted Rand index "
        f"{stability:.2f} at most; {MIN_STABILITY} is needed)",
        stability,
    )
