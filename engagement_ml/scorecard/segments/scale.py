"""Scale of behaviours: counts as normal scores of their ranks, a step function of few levels."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import FloatArray, IntArray

MAX_LEVELS = 24
"""Levels of one behaviour; counts beyond are put together by quantiles."""


@dataclass(frozen=True)
class BehaviourScale:
    """Levels of the count of one behaviour, and the score of each.

    A score is the normal quantile of the mid-rank of the level. It depends on the order of counts
    only: no unit, no heavy tail and no frequent behaviour gets more weight than the others.

    Attributes
    ----------
    edges : array (levels,)
        Smallest count of each level, ascending. Level 0 holds the count 0 alone if it occurs.
    shares : array (levels,)
        Share of customers at each level; they add up to 1.
    scores : array (levels,)
        With mean 0 over the customers.

    Examples
    --------
    >>> scale = BehaviourScale.of(np.array([0.0, 0.0, 1.0, 9.0]))
    >>> scale.edges.tolist(), scale.shares.tolist()
    ([0.0, 1.0, 9.0], [0.5, 0.25, 0.25])
    >>> scale.levels(np.array([0.0, 5.0, 100.0])).tolist()
    [0, 1, 2]
    """

    edges: FloatArray
    shares: FloatArray
    scores: FloatArray

    @classmethod
    def of(cls, counts: FloatArray) -> BehaviourScale:
        """Return the scale of a behaviour from its count for each customer."""
        edges = np.unique(counts)
        if len(edges) > MAX_LEVELS:
            positive = np.sort(counts[counts > 0])
            places = np.arange(MAX_LEVELS - 1) * len(positive) // (MAX_LEVELS - 1)
            edges = np.unique(np.concatenate([edges[:1], positive[places]]))
        levels = np.searchsorted(edges, counts, side="right") - 1
        shares = np.bincount(levels, minlength=len(edges)) / len(counts)
        middle = np.cumsum(shares) - shares / 2
        scores = np.array([NormalDist().inv_cdf(float(rank)) for rank in middle])
        return cls(edges, shares, scores - float(shares @ scores))

    @property
    def zero_share(self) -> float:
        """Share of customers without the behaviour."""
        return float(self.shares[0]) if self.edges[0] == 0 else 0.0

    def levels(self, counts: FloatArray) -> IntArray:
        """Return the level of each count."""
        found: IntArray = np.maximum(np.searchsorted(self.edges, counts, side="right") - 1, 0)
        return found
