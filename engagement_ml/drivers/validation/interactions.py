"""Interactions: pairs of behaviours that bring more, or less, together than separately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import PairRow
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds

_TOP_QUANTILE = 0.99
"""Counts above it carry more of either behaviour's saturation than of the interaction."""


def compare_drivers(
    study: Study,
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
    importance: Mapping[str, float],
) -> tuple[PairRow, ...]:
    """Test the pairs of the first drivers by SHAP.

    Parameters
    ----------
    study : Study
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Of the behaviours that no randomised test settles.
    importance : mapping of behaviour to mean absolute SHAP
    """
    ranked = sorted(verdicts, key=lambda b: (-importance[b], b))
    drivers = tuple(b for b in ranked if verdicts[b].verdict == "driver")
    drivers = drivers[: study.thresholds.max_pair_behaviours]
    if len(drivers) < 2:
        return ()
    together = tuple(
        b for b in study.behaviours if not findings[b].purchase_response.responds or b in drivers
    )
    return compare_pairs(
        study.rolling_counts(together),
        drivers,
        {b: study.associations[b].std for b in drivers},
        study.spans.outcome,
        study.thresholds,
    )


def compare_pairs(
    rolling: RollingCounts,
    behaviours: tuple[str, ...],
    stds: Mapping[str, float],
    outcome: int,
    thresholds: Thresholds = THRESHOLDS,
) -> tuple[PairRow, ...]:
    """Test whether two behaviours bring more, or less, together than separately.

    The product of their rolling counts, each less its customer's mean (Giesselmann and
    Schmidt-Catran 2022), enters beside the counts and their squares. Two behaviours that simply add
    up in currency have a product in the log of margin, so the coefficients are taken back to
    currency: ``∂²μ/∂x∂y = μ (b_xy + b_x b_y)``, with its error by the delta method.

    Parameters
    ----------
    rolling : RollingCounts
    behaviours : tuple of str
        Those to pair.
    stds : mapping of behaviour to standard deviation of its window count
    outcome : int
        Periods in an outcome window.
    thresholds : Thresholds

    Returns
    -------
    tuple of PairRow
        `effect` in currency: what one standard deviation more of both brings over the outcome
        window beyond what either brings alone, with a 95% interval. `p_value` is adjusted for the
        number of pairs (Holm 1979).
    """
    rows = []
    for first, second in combinations(behaviours, 2):
        effect, error = _interaction(rolling, first, second)
        scale = float(rolling.mean_gain() * outcome * stds[first] * stds[second])
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
    return holm_adjusted(rows, thresholds.pair_p_value)


def _interaction(rolling: RollingCounts, first: str, second: str) -> tuple[float, float]:
    """Return ``b_xy + b_x b_y``, a share of mean margin, and its standard error."""
    a, b = rolling.behaviours.index(first), rolling.behaviours.index(second)
    x, y = (_demeaned(rolling.counts[..., k], rolling.cells) for k in (a, b))
    products = np.stack([x * y, x * x, y * y], axis=2)
    fit = rolling.fit(np.concatenate([products, rolling.counts], axis=2))
    a, b = a + products.shape[2], b + products.shape[2]
    # delta method
    gradient = np.zeros(fit.coef.size)
    gradient[0], gradient[a], gradient[b] = 1.0, fit.coef[b], fit.coef[a]
    effect = float(fit.coef[0] + fit.coef[a] * fit.coef[b])
    return effect, float(np.linalg.norm(fit.influence @ gradient))


def _demeaned(counts: Float32Array, cells: BoolArray) -> Float32Array:
    """Return winsorised counts less each customer's mean over its cells."""
    winsorised = np.minimum(counts, np.quantile(counts[cells], _TOP_QUANTILE))
    size = np.maximum(cells.sum(axis=1, keepdims=True), 1)
    mean = np.where(cells, winsorised, 0.0).sum(axis=1, keepdims=True) / size
    return np.asarray(winsorised - mean, dtype=np.float32)


def holm_adjusted(rows: Sequence[PairRow], max_p_value: float) -> tuple[PairRow, ...]:
    """Return the rows with Holm step-down p-values (1979) and what they show."""
    adjusted = list(rows)
    order = sorted(range(len(adjusted)), key=lambda i: adjusted[i].p_value)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(adjusted) - rank) * adjusted[i].p_value))
        together = "more together" if adjusted[i].effect > 0 else "less together"
        verdict = together if running < max_p_value else "no difference found"
        adjusted[i] = replace(adjusted[i], p_value=running, verdict=verdict)
    return tuple(adjusted)
