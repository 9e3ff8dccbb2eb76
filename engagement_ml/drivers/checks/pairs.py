"""Pairs of behaviours that do more, or less, together than apart."""

from __future__ import annotations

from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.within.rolling import Rolling

_CERTAIN = 0.01
_TOP_QUANTILE = 0.99
"""Counts above it say more of the bend of either behaviour than of the two together."""


def compare_pairs(
    rolling: Rolling, behaviours: tuple[str, ...], spread: dict[str, float], outcome: int
) -> tuple[dict[str, Any], ...]:
    """Test whether two behaviours bring more, or less, together than either brings alone.

    The product of their rolling counts, each less its entity's mean (Giesselmann and
    Schmidt-Catran 2022), goes beside the counts and their squares. Two behaviours that simply add
    up in currency have a product in the log of margin; so the coefficients are taken back to
    currency: ``∂²μ/∂x∂y = μ (b_xy + b_x b_y)``, with its error by the delta method.

    Parameters
    ----------
    rolling : Rolling
    behaviours : tuple of str
        Those to pair.
    spread : dict of behaviour to standard deviation of its window count
    outcome : int
        Periods in an outcome window.

    Returns
    -------
    tuple of dict
        `effect` in currency: what one standard deviation more of both brings over the outcome
        window beyond what either brings alone, with a 95% interval. `p_value` is adjusted for the
        number of pairs (Holm).
    """
    rows = []
    for first, second in combinations(behaviours, 2):
        effect, error = _together(rolling, first, second)
        scale = float(rolling.level() * outcome * spread[first] * spread[second])
        z = effect / error if error > 0 else 0.0
        rows.append(
            {
                "first": first,
                "second": second,
                "effect": effect * scale,
                "low": (effect - 1.96 * error) * scale,
                "high": (effect + 1.96 * error) * scale,
                "p_value": 2 * NormalDist().cdf(-abs(z)),
            }
        )
    return _adjusted(rows)


def _together(rolling: Rolling, first: str, second: str) -> tuple[float, float]:
    """Return ``b_xy + b_x b_y``, a share of mean margin, and its error."""
    a, b = rolling.behaviours.index(first), rolling.behaviours.index(second)
    x, y = (_around_own_mean(rolling.counts[..., k], rolling.cells) for k in (a, b))
    bent = np.stack([x * y, x * x, y * y], axis=2)
    fit = rolling.fit_whole(np.concatenate([bent, rolling.counts], axis=2))
    a, b = a + bent.shape[2], b + bent.shape[2]
    gradient = np.zeros(fit.coef.size)
    gradient[0], gradient[a], gradient[b] = 1.0, fit.coef[b], fit.coef[a]
    effect = float(fit.coef[0] + fit.coef[a] * fit.coef[b])
    return effect, float(np.linalg.norm(fit.influence @ gradient))


def _around_own_mean(
    counts: npt.NDArray[np.float32], cells: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    cut = np.minimum(counts, np.quantile(counts[cells], _TOP_QUANTILE))
    size = np.maximum(cells.sum(axis=1, keepdims=True), 1)
    mean = np.where(cells, cut, 0.0).sum(axis=1, keepdims=True) / size
    return np.asarray(cut - mean, dtype=np.float32)


def _adjusted(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Adjust the p-values by Holm's step-down (1979) and say what was found."""
    order = sorted(range(len(rows)), key=lambda i: float(rows[i]["p_value"]))
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(rows) - rank) * float(rows[i]["p_value"])))
        rows[i]["p_value"] = running
        together = "more" if rows[i]["effect"] > 0 else "less"
        rows[i]["verdict"] = f"{together} together" if running < _CERTAIN else "no difference found"
    return tuple(rows)
