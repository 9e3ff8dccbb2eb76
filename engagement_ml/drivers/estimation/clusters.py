"""Clusters of entities: customers whom the same actor serves are not independent of each other.

What an actor does reaches all customers of the actor at once, and so does what moves the actor. A
covariance, a bootstrap or a half of the customers is then one of clusters. Each of them is
computed from influence functions, one row per entity, so the sum of a cluster's rows in the row of
its first member, with zero in the others, makes all of them cluster-robust (Cameron and Miller
2015).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import BoolArray, FloatArray, Int64Array


def cluster_sums(
    influence: FloatArray, clusters: Int64Array | None, *, correct: bool = True
) -> FloatArray:
    """Return influence functions whose rows are those of clusters.

    Parameters
    ----------
    influence : array (n, ...)
        One row per entity.
    clusters : int array (n,) or None
        Cluster of each entity, any numbers; None if entities are independent.
    correct : bool, default True
        Multiply by √(G / (G − 1)) and by the 97.5% quantile of Student's t with G − 1 degrees of
        freedom relative to the normal one, with G the clusters that have any influence: few
        clusters otherwise give intervals that are too narrow.

    Returns
    -------
    array (n, ...)
        The sum of each cluster in the row of its first member, 0 in the other rows; `influence`
        itself without clusters.

    Examples
    --------
    >>> cluster_sums(np.array([1.0, 2.0, 3.0]), np.array([7, 5, 7]), correct=False).tolist()
    [4.0, 2.0, 0.0]
    """
    if clusters is None:
        return influence
    _, first, code = np.unique(clusters, return_index=True, return_inverse=True)
    sums = np.zeros((first.size, *influence.shape[1:]))
    np.add.at(sums, code.ravel(), influence)
    n_active = int(np.any(sums.reshape(first.size, -1), axis=1).sum())
    if correct and n_active > 1:
        sums *= _few_clusters(n_active)
    rows = np.zeros(influence.shape)
    rows[first] = sums
    return rows


def _few_clusters(n: int) -> float:
    """Return the factor of standard errors from n clusters, 1 for many.

    Examples
    --------
    >>> [round(_few_clusters(n), 2) for n in (5, 20, 1000)]
    [1.58, 1.1, 1.0]
    """
    from scipy.stats import norm, t

    return float(np.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1) / norm.ppf(0.975))


def subset_clusters(
    clusters: Int64Array | None, rows: BoolArray | slice | npt.NDArray[np.int64]
) -> Int64Array | None:
    """Return the clusters of some entities."""
    return None if clusters is None else clusters[rows]
