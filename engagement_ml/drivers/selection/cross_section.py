"""What goes with margin across entities: the usual evidence, shown and never credited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.selection.window_rows import WindowRows

_WINSOR = 0.005


@dataclass(frozen=True)
class Association:
    """How a behaviour's count goes with later margin across entities.

    Attributes
    ----------
    spearman : float
        Rank correlation of an entity's mean count with its mean later margin.
    z : float
        Its z, ``spearman · sqrt(n − 1)``.
    slope : float
        Currency per event: least squares of mean margin (winsorised) on mean count.
    spread : float
        Standard deviation of the window count, entities and cutoffs pooled, in events.
    """

    spearman: float
    z: float
    slope: float
    spread: float


def associate(rows: WindowRows, names: tuple[str, ...], seen: WindowRows) -> dict[str, Association]:
    """Measure every behaviour's association with later margin.

    Parameters
    ----------
    rows : WindowRows
    names : tuple of str
        The behaviours, in the order of the columns of ``rows.counts``.
    seen : WindowRows
        All observation windows, those without an outcome too, for the counts' spread.
    """
    spread = seen.counts.std(axis=0) if seen.counts.size else np.zeros(len(names))
    if rows.margin.size == 0:
        return {b: Association(0.0, 0.0, 0.0, float(spread[i])) for i, b in enumerate(names)}
    entities, place = np.unique(rows.entity, return_inverse=True)
    size = np.maximum(np.bincount(place, minlength=entities.size), 1)
    margin = np.bincount(place, clipped(rows.margin), minlength=entities.size) / size
    found = {}
    for b, name in enumerate(names):
        counts = np.bincount(place, rows.counts[:, b], minlength=entities.size) / size
        rho = rank_correlation(counts, margin)
        variance = counts.var()
        together = float(np.mean((counts - counts.mean()) * (margin - margin.mean())))
        slope = together / float(variance) if variance > 0 else 0.0
        found[name] = Association(
            spearman=rho,
            z=rho * float(np.sqrt(max(entities.size - 1, 0))),
            slope=slope,
            spread=float(spread[b]),
        )
    return found


def clipped(values: FloatArray) -> FloatArray:
    """Winsorise both tails at half a percent."""
    if values.size == 0:
        return values
    low, high = np.quantile(values, [_WINSOR, 1.0 - _WINSOR])
    return np.clip(values, low, high)


def rank_correlation(x: FloatArray, y: FloatArray) -> float:
    """Spearman's rank correlation, 0 where either does not vary.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 8]))
    1.0
    """
    from scipy.stats import rankdata

    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(round(np.corrcoef(rankdata(x), rankdata(y))[0, 1], 12))
