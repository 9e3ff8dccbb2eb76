"""Pairs of behaviours that do more, or less, together than apart."""

from __future__ import annotations

from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np

from engagement_ml.drivers.rolling import Rolling

_CERTAIN = 0.01


def compare_pairs(
    rolling: Rolling, behaviours: tuple[str, ...], spread: dict[str, float], outcome: int
) -> tuple[dict[str, Any], ...]:
    """Test the product of every two behaviours' rolling counts within entities.

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
        a, b = rolling.behaviours.index(first), rolling.behaviours.index(second)
        x, y = rolling.counts[..., a], rolling.counts[..., b]
        product = (x - x[rolling.cells].mean()) * (y - y[rolling.cells].mean())
        coef, error = rolling.fit(np.concatenate([product[..., None], rolling.counts], axis=2))
        scale = rolling.level() * outcome * spread[first] * spread[second]
        z = float(coef[0] / error[0]) if error[0] > 0 else 0.0
        rows.append(
            {
                "first": first,
                "second": second,
                "effect": float(coef[0] * scale),
                "low": float((coef[0] - 1.96 * error[0]) * scale),
                "high": float((coef[0] + 1.96 * error[0]) * scale),
                "p_value": 2 * (1 - NormalDist().cdf(abs(z))),
            }
        )
    return _adjusted(rows)


def _adjusted(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    order = sorted(range(len(rows)), key=lambda i: float(rows[i]["p_value"]))
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(rows) - rank) * float(rows[i]["p_value"])))
        rows[i]["p_value"] = running
        together = "more" if rows[i]["effect"] > 0 else "less"
        rows[i]["verdict"] = f"{together} together" if running < _CERTAIN else "no difference found"
    return tuple(rows)
