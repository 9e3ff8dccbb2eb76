"""Between-customer correlation with later margin: the usual evidence, shown as a baseline only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import cluster_sums, subset_clusters
from engagement_ml.drivers.selection.window_rows import WindowRows

_WINSOR = 0.005


@dataclass(frozen=True)
class Association:
    """Between-customer correlation of a behaviour's count with later margin.

    Attributes
    ----------
    spearman : float
        Rank correlation of a customer's mean count with the mean later margin.
    z : float
        Its z, ``spearman · sqrt(n − 1)``; with clusters, by the influence of each on it.
    slope : float
        Currency per event: least squares of mean margin (winsorised) on mean count.
    std : float
        Standard deviation of the window count over customers and cutoffs, in events.
    """

    spearman: float
    z: float
    slope: float
    std: float


def associate(
    rows: WindowRows, names: tuple[str, ...], all_rows: WindowRows
) -> dict[str, Association]:
    """Correlate every behaviour's count with later margin, between customers.

    Parameters
    ----------
    rows : WindowRows
    names : tuple of str
        The behaviours, in the order of the columns of ``rows.counts``.
    all_rows : WindowRows
        All observation windows, including those without an outcome, for the counts' `std`.
    """
    std = all_rows.counts.std(axis=0) if all_rows.counts.size else np.zeros(len(names))
    if rows.margin.size == 0:
        return {b: Association(0.0, 0.0, 0.0, float(std[i])) for i, b in enumerate(names)}
    entities, place = np.unique(rows.entity, return_inverse=True)
    size = np.maximum(np.bincount(place, minlength=entities.size), 1)
    margin = np.bincount(place, clipped(rows.margin), minlength=entities.size) / size
    associations = {}
    for b, name in enumerate(names):
        counts = np.bincount(place, rows.counts[:, b], minlength=entities.size) / size
        rho = rank_correlation(counts, margin)
        variance = counts.var()
        covariance = float(np.mean((counts - counts.mean()) * (margin - margin.mean())))
        slope = covariance / float(variance) if variance > 0 else 0.0
        associations[name] = Association(
            spearman=rho,
            z=_z(rho, counts, margin, subset_clusters(rows.clusters, entities)),
            slope=slope,
            std=float(std[b]),
        )
    return associations


def _z(rho: float, x: FloatArray, y: FloatArray, clusters: Int64Array | None) -> float:
    """Return the z of a rank correlation of n customers."""
    if clusters is None or not rho:
        return rho * float(np.sqrt(max(x.size - 1, 0)))
    from scipy.stats import rankdata

    a, b = ((r - r.mean()) / r.std() for r in (rankdata(x), rankdata(y)))
    influence = (a * b - rho * (a**2 + b**2) / 2) / x.size
    # Clusters never make the correlation more certain than independent customers do.
    error = max(float(np.linalg.norm(cluster_sums(influence, clusters))), 1 / np.sqrt(x.size))
    return float(rho / error)


def clipped(values: FloatArray) -> FloatArray:
    """Winsorise both tails at half a percent."""
    if values.size == 0:
        return values
    low, high = np.quantile(values, [_WINSOR, 1.0 - _WINSOR])
    return np.clip(values, low, high)


def rank_correlation(x: FloatArray, y: FloatArray) -> float:
    """Spearman's rank correlation, 0 if either does not vary.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 8]))
    1.0
    """
    from scipy.stats import rankdata

    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(round(np.corrcoef(rankdata(x), rankdata(y))[0, 1], 12))
