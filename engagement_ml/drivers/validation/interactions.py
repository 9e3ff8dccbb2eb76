"""Pairs of behaviours that do more, or less, together than apart."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import PairRow

_CERTAIN = 0.01
_TOP_QUANTILE = 0.99
"""Counts above it say more of the bend of either behaviour than of the two together."""


def compare_pairs(
    rolling: RollingCounts, behaviours: tuple[str, ...], spread: dict[str, float], outcome: int
) -> tuple[PairRow, ...]:
    """Test whether two behaviours bring more, or less, together than either brings alone.

    The product of their rolling counts, each less its entity's mean (Giesselmann and
    Schmidt-Catran 2022), goes beside the counts and their squares. Two behaviours that simply add
    up in currency have a product in the log of margin; so the coefficients are taken back to
    currency: ``∂²μ/∂x∂y = μ (b_xy + b_x b_y)``, with its error by the delta method.

    Parameters
    ----------
    rolling : RollingCounts
    behaviours : tuple of str
        Those to pair.
    spread : dict of behaviour to standard deviation of its window count
    outcome : int
        Periods in an outcome window.

    Returns
    -------
    tuple of PairRow
        `effect` in currency: what one standard deviation more of both brings over the outcome
        window beyond what either brings alone, with a 95% interval. `p_value` is adjusted for the
        number of pairs (Holm).
    """
    rows: list[PairRow] = []
    for first, second in combinations(behaviours, 2):
        effect, error = _together(rolling, first, second)
        scale = float(rolling.mean_gain() * outcome * spread[first] * spread[second])
        z = effect / error if error > 0 else 0.0
        rows.append(
            PairRow(
                first=first,
                second=second,
                effect=effect * scale,
                low=(effect - 1.96 * error) * scale,
                high=(effect + 1.96 * error) * scale,
                p_value=2 * NormalDist().cdf(-abs(z)),
                verdict="",
            )
        )
    return _adjusted(rows)


def _together(rolling: RollingCounts, first: str, second: str) -> tuple[float, float]:
    """Return ``b_xy + b_x b_y``, a share of mean margin, and its error."""
    a, b = rolling.behaviours.index(first), rolling.behaviours.index(second)
    x, y = (_around_own_mean(rolling.counts[..., k], rolling.cells) for k in (a, b))
    bent = np.stack([x * y, x * x, y * y], axis=2)
    fit = rolling.fit(np.concatenate([bent, rolling.counts], axis=2))
    a, b = a + bent.shape[2], b + bent.shape[2]
    gradient = np.zeros(fit.coef.size)
    gradient[0], gradient[a], gradient[b] = 1.0, fit.coef[b], fit.coef[a]
    effect = float(fit.coef[0] + fit.coef[a] * fit.coef[b])
    return effect, float(np.linalg.norm(fit.influence @ gradient))


def _around_own_mean(counts: Float32Array, cells: BoolArray) -> Float32Array:
    cut = np.minimum(counts, np.quantile(counts[cells], _TOP_QUANTILE))
    size = np.maximum(cells.sum(axis=1, keepdims=True), 1)
    mean = np.where(cells, cut, 0.0).sum(axis=1, keepdims=True) / size
    return np.asarray(cut - mean, dtype=np.float32)


def _adjusted(rows: list[PairRow]) -> tuple[PairRow, ...]:
    """Adjust the p-values by Holm's step-down (1979) and say what was found."""
    order = sorted(range(len(rows)), key=lambda i: rows[i].p_value)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(rows) - rank) * rows[i].p_value))
        together = "more" if rows[i].effect > 0 else "less"
        verdict = f"{together} together" if running < _CERTAIN else "no difference found"
        rows[i] = replace(rows[i], p_value=running, verdict=verdict)
    return tuple(rows)
