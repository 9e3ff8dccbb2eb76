"""Interactions: pairs of behaviours that bring more, or less, together than separately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import PairRow
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.acting import behaviours_to_test
from engagement_ml.formatting import listed, number

_TOP_QUANTILE = 0.99
"""Counts above it carry more of either behaviour's saturation than of the interaction."""

NO_INTERACTION = "no difference found"
"""Result of a pair whose interaction is not significant."""


@dataclass(frozen=True)
class PairComparison:
    """The pairs that were tested, and what was left out.

    Attributes
    ----------
    rows : tuple of PairRow
        All pairs, in the order of the behaviours.
    notes : tuple of str
    """

    rows: tuple[PairRow, ...] = ()
    notes: tuple[str, ...] = ()


def compare_acting(
    study: Study,
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
    importance: Mapping[str, float],
) -> PairComparison:
    """Test all pairs of the behaviours that may act.

    These are drivers, harmful behaviours, and others with |z| of `may_act_z` or more that do not
    follow purchases. If there are more than `max_pair_behaviours`, or fewer than
    `min_customers_per_pair` customers with margin per pair, drivers and harmful behaviours come
    first, then the others, each by SHAP, and a note names those left out.

    Parameters
    ----------
    study : Study
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Of the behaviours that no randomised test settles.
    importance : mapping of behaviour to mean absolute SHAP
    """
    acting = behaviours_to_test(study.behaviours, findings, verdicts, study.thresholds)
    ranked = sorted(
        acting,
        key=lambda b: (verdicts[b].verdict not in ("driver", "harmful"), -importance[b], b),
    )
    limit = _most_behaviours(study)
    chosen, left_out = tuple(ranked[:limit]), ranked[limit:]
    if len(chosen) < 2:
        return PairComparison()
    together = tuple(
        b for b in study.behaviours if not findings[b].purchase_response.responds or b in chosen
    )
    rows = compare_pairs(
        study.rolling_counts(together),
        chosen,
        {b: study.associations[b].std for b in chosen},
        study.spans.outcome,
        study.thresholds,
    )
    return PairComparison(rows, _notes(study, chosen, left_out, rows))


def _most_behaviours(study: Study) -> int:
    """Return how many behaviours the data can pair, at least two."""
    thresholds = study.thresholds
    buyers = int(((study.periods.gain > 0) & study.cells).any(axis=1).sum())
    most = 2
    while (
        most < thresholds.max_pair_behaviours
        and (most + 1) * most // 2 * thresholds.min_customers_per_pair <= buyers
    ):
        most += 1
    return most


def _notes(
    study: Study, chosen: Sequence[str], left_out: Sequence[str], rows: Sequence[PairRow]
) -> tuple[str, ...]:
    notes = []
    if left_out:
        labels = listed(study.config.label(b) for b in left_out)
        notes.append(
            f"Pairs were tested among {number(len(chosen))} of the "
            f"{number(len(chosen) + len(left_out))} behaviours that may have an effect; not with "
            f"{labels}, which {'comes' if len(left_out) == 1 else 'come'} after them by SHAP."
        )
    missing = len(chosen) * (len(chosen) - 1) // 2 - len(rows)
    if missing:
        notes.append(
            f"{number(missing)} {'pair' if missing == 1 else 'pairs'} of behaviours could not be "
            "tested: the product of their counts is not identified."
        )
    return tuple(notes)


def compare_pairs(
    rolling: RollingCounts,
    behaviours: tuple[str, ...],
    stds: Mapping[str, float],
    outcome: int,
    thresholds: Thresholds = THRESHOLDS,
) -> tuple[PairRow, ...]:
    """Test whether two behaviours bring more, or less, together than separately.

    The products of their rolling counts, each less its customer's mean (Giesselmann and
    Schmidt-Catran 2022), enter one model, beside the counts and their squares. Two behaviours that
    simply add up in currency have a product in the log of margin, so the coefficients are taken
    back to currency: ``∂²μ/∂x∂y = μ (b_xy + b_x b_y)``, with its error by the delta method.

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
        Of the pairs whose product is identified; none if the fit did not converge. `effect` in
        currency: what one standard deviation more of both brings over the outcome window beyond
        what either brings alone, with a 95% interval. `p_value` is adjusted for the number of
        pairs (Holm 1979).
    """
    pairs = list(combinations(behaviours, 2))
    if not pairs:
        return ()
    fit = _fit_products(rolling, behaviours, pairs)
    if not fit.converged:
        return ()
    first_count = len(pairs) + len(behaviours)
    level = rolling.mean_gain() * outcome
    rows = []
    for k, (first, second) in enumerate(pairs):
        if not fit.influence[:, k].any():
            continue
        a, b = (first_count + rolling.behaviours.index(name) for name in (first, second))
        effect = float(fit.coef[k] + fit.coef[a] * fit.coef[b])
        # delta method
        influence = (
            fit.influence[:, k]
            + fit.coef[b] * fit.influence[:, a]
            + fit.coef[a] * fit.influence[:, b]
        )
        error = float(np.linalg.norm(influence))
        scale = float(level * stds[first] * stds[second])
        rows.append(
            PairRow(
                first=first,
                second=second,
                effect=effect * scale,
                low=(effect - 1.96 * error) * scale,
                high=(effect + 1.96 * error) * scale,
                p_value=2 * NormalDist().cdf(-abs(effect / error if error > 0 else 0.0)),
                verdict="",
            )
        )
    return holm_adjusted(rows, thresholds.pair_p_value)


def _fit_products(
    rolling: RollingCounts, behaviours: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> PoissonFit:
    """Fit all products at once: products first, then squares, then the rolling counts."""
    centred = {
        b: _demeaned(rolling.counts[..., rolling.behaviours.index(b)], rolling.cells)
        for b in behaviours
    }
    n_products, n_squares = len(pairs), len(behaviours)
    shape = (*rolling.cells.shape, n_products + n_squares + rolling.counts.shape[2])
    design = np.empty(shape, np.float32)
    for k, (first, second) in enumerate(pairs):
        np.multiply(centred[first], centred[second], out=design[..., k])
    for k, b in enumerate(behaviours, n_products):
        np.square(centred[b], out=design[..., k])
    design[..., n_products + n_squares :] = rolling.counts
    return rolling.fit(design)


def _demeaned(counts: Float32Array, cells: BoolArray) -> Float32Array:
    """Return winsorised counts less each customer's mean over its cells."""
    winsorised = np.minimum(counts, np.quantile(counts[cells], _TOP_QUANTILE))
    size = np.maximum(cells.sum(axis=1, keepdims=True), 1)
    mean = np.where(cells, winsorised, 0.0).sum(axis=1, keepdims=True) / size
    return np.asarray(winsorised - mean, dtype=np.float32)


def holm_adjusted(rows: Sequence[PairRow], max_p_value: float) -> tuple[PairRow, ...]:
    """Return the rows with Holm's p-values and what they show."""
    adjusted = []
    for row, p_value in zip(rows, holm([row.p_value for row in rows]), strict=True):
        together = "more together" if row.effect > 0 else "less together"
        verdict = together if p_value < max_p_value else NO_INTERACTION
        adjusted.append(replace(row, p_value=p_value, verdict=verdict))
    return tuple(adjusted)
