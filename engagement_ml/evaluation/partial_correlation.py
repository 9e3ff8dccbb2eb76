"""Partial rank correlation: what a score tells of margin beyond another prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.evaluation import weighted_measures
from engagement_ml.evaluation.bootstrap import Resamples, average
from engagement_ml.evaluation.cutoff_groups import CutoffGroup
from engagement_ml.evaluation.prepared import Key, PreparedGroup, RankedColumn, WeightedColumn


def partial_correlations(
    groups: Sequence[CutoffGroup],
    outcome: FloatArray,
    control: FloatArray,
    predictions: Mapping[Key, FloatArray],
    resamples: Resamples,
) -> dict[Key, FloatArray]:
    r"""Return each prediction's rank correlation with the outcome, given the control.

    .. math:: r_{xy \cdot z} = \frac{r_{xy} - r_{xz} r_{yz}}{\sqrt{(1 - r_{xz}^2)(1 - r_{yz}^2)}}

    of Spearman's correlations within each group, averaged over the groups (Kendall 1942,
    Biometrika 32).

    Parameters
    ----------
    groups : sequence of CutoffGroup
        Groups with fewer than ten entities are left out.
    outcome, control : array of shape (n_rows,)
    predictions : mapping of key to array of shape (n_rows,)
    resamples : Resamples

    Returns
    -------
    dict of key to array of shape (resamples.n + 1,)
        The estimate on the data, then its bootstrap replicates; NaN if one of the three is
        constant, or the control orders rows as the prediction or the outcome does. Empty without
        groups.

    Examples
    --------
    >>> rows = np.arange(40)
    >>> wave = np.sin(rows * 1.7)
    >>> group = CutoffGroup(entities=rows, rows=rows)
    >>> draws = Resamples(n_entities=40, n=0, seed=0)
    >>> (r,) = partial_correlations([group], rows + 30 * wave, 1.0 * rows, {"x": wave}, draws)["x"]
    >>> bool(r > 0.9)
    True
    """
    used = [group for group in groups if group.is_measurable]
    prepared = [
        (PreparedGroup.of(group, outcome, predictions), RankedColumn.of(group, control))
        for group in used
    ]
    chunks: dict[Key, list[FloatArray]] = {}
    for weights in resamples.chunks() if prepared else ():
        by_group = [_partial(group, held, weights[group.entities]) for group, held in prepared]
        for key in predictions:
            mean = average(np.stack([values[key] for values in by_group]))
            chunks.setdefault(key, []).append(mean)
    return {key: np.concatenate(parts) for key, parts in chunks.items()}


def _partial(group: PreparedGroup[Key], held: RankedColumn, W: FloatArray) -> dict[Key, FloatArray]:
    y, z = WeightedColumn(group.outcome, W).midranks, WeightedColumn(held, W).midranks
    yz = weighted_measures.spearman(y, z, W)
    partial = {}
    for key, column in group.predictions.items():
        x = WeightedColumn(column, W).midranks
        xy, xz = (weighted_measures.spearman(x, other, W) for other in (y, z))
        rest = (1 - xz**2) * (1 - yz**2)
        defined = rest > weighted_measures.TINY
        scale = np.sqrt(np.where(defined, rest, 1.0))
        partial[key] = np.where(defined, (xy - xz * yz) / scale, np.nan)
    return partial
