"""Interactions: pairs of behaviours that bring more, or less, together than separately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import PairRow
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.acting import behaviours_to_test
from engagement_ml.drivers.validation.pair_defences import with_defences
from engagement_ml.drivers.validation.pair_products import centred_counts
from engagement_ml.drivers.validation.pair_screen import (
    candidate_pairs,
    may_combine,
    screened_pairs,
)
from engagement_ml.formatting import number

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


def compare_candidates(
    study: Study,
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
    importance: Mapping[str, float],
) -> PairComparison:
    """Test all pairs of candidates for an interaction.

    Candidates are those that `may_combine`. Pairs of behaviours that may act on their own (drivers,
    harmful behaviours, others with |z| of `may_act_z` or more) are always estimated, up to
    `max_pair_behaviours` of them and `min_customers_per_pair` customers with margin per pair, by
    SHAP. Of all other pairs, a score test singles out those that are estimated as well. P-values
    are adjusted for all pairs of candidates (Holm 1979), whether estimated or not: it bounds the
    chance of any false interaction, and it needs no assumption on how pairs depend on each other,
    which share behaviours. What is significant must also hold in each random half of the customers,
    and exceed what precedes it (see ``pair_defences``).

    Parameters
    ----------
    study : Study
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Of the behaviours that no randomised test settles.
    importance : mapping of behaviour to mean absolute SHAP
    """
    candidates = may_combine(study, findings, verdicts)
    acting = behaviours_to_test(candidates, findings, verdicts, study.thresholds)
    ranked = sorted(
        acting,
        key=lambda b: (verdicts[b].verdict not in ("driver", "harmful"), -importance[b], b),
    )
    limit = _most_behaviours(study)
    chosen = tuple(ranked[:limit])
    if len(candidates) < 2:
        return PairComparison()
    together = tuple(
        b for b in study.behaviours if not findings[b].purchase_response.responds or b in candidates
    )
    rolling = study.rolling_counts(together)
    pairs = candidate_pairs(study, chosen)
    screened = screened_pairs(study, rolling, candidates, pairs, study.thresholds)
    n_pairs = len(candidate_pairs(study, candidates))
    stds = {b: study.associations[b].std for b in candidates}
    fitted = fit_pairs(rolling, [*pairs, *screened], stds, study.spans.outcome)
    rows = holm_adjusted([each.row for each in fitted], study.thresholds.pair_p_value, n_pairs)
    rows = with_defences(
        study,
        rolling,
        rows,
        [each.influence for each in fitted],
        [each.estimate for each in fitted],
        [row.verdict != NO_INTERACTION for row in rows],
    )
    missing = len(pairs) + len(screened) - len(rows)
    return PairComparison(rows, _notes(len(candidates), n_pairs, len(rows), missing))


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


def _notes(n_candidates: int, n_pairs: int, n_rows: int, missing: int) -> tuple[str, ...]:
    notes = []
    if n_pairs > n_rows + missing:
        notes.append(
            f"All {number(n_pairs)} pairs of the {number(n_candidates)} behaviours that may act "
            f"were screened for an interaction, {number(n_rows)} of them were estimated, and "
            "p-values allow for all (Holm)."
        )
    if missing:
        notes.append(
            f"{number(missing)} {'pair' if missing == 1 else 'pairs'} of behaviours could not be "
            "tested: the product of their counts is not identified."
        )
    return tuple(notes)


@dataclass(frozen=True)
class FittedPair:
    """The estimate of one pair.

    Attributes
    ----------
    row : PairRow
        Its p-value is not adjusted, and its verdict is empty.
    estimate : float
        ``∂²μ/∂x∂y / μ``.
    influence : array (n,)
        Influence function of the estimate.
    """

    row: PairRow
    estimate: float
    influence: FloatArray


def compare_pairs(
    rolling: RollingCounts,
    behaviours: tuple[str, ...],
    stds: Mapping[str, float],
    outcome: int,
    thresholds: Thresholds = THRESHOLDS,
) -> tuple[PairRow, ...]:
    """Test whether two behaviours bring more, or less, together than separately.

    Parameters
    ----------
    rolling : RollingCounts
    behaviours : tuple of str
        Those to pair, all with each other.
    stds, outcome
        As of `fit_pairs`.
    thresholds : Thresholds

    Returns
    -------
    tuple of PairRow
        As of `fit_pairs`, with p-values adjusted for the number of pairs (Holm 1979).
    """
    fitted = fit_pairs(rolling, list(combinations(behaviours, 2)), stds, outcome)
    return holm_adjusted([each.row for each in fitted], thresholds.pair_p_value)


def fit_pairs(
    rolling: RollingCounts,
    pairs: Sequence[tuple[str, str]],
    stds: Mapping[str, float],
    outcome: int,
) -> tuple[FittedPair, ...]:
    """Estimate the interactions of pairs together.

    The products of their rolling counts, each less its customer's mean (Giesselmann and
    Schmidt-Catran 2022), enter one model, beside the counts and their squares. Two behaviours that
    simply add up in currency have a product in the log of margin, so the coefficients are taken
    back to currency: ``∂²μ/∂x∂y = μ (b_xy + b_x b_y)``, with its error by the delta method.

    Parameters
    ----------
    rolling : RollingCounts
    pairs : sequence of (str, str)
    stds : mapping of behaviour to standard deviation of its window count
    outcome : int
        Periods in an outcome window.

    Returns
    -------
    tuple of FittedPair
        Of the pairs whose product is identified; none if the fit did not converge. `effect` in
        currency: what one standard deviation more of both brings over the outcome window beyond
        what either brings alone, with a 95% interval.
    """
    if not pairs:
        return ()
    behaviours = tuple(dict.fromkeys(b for pair in pairs for b in pair))
    fit = _fit_products(rolling, behaviours, pairs)
    if not fit.converged:
        return ()
    first_count = len(pairs) + len(behaviours)
    level = rolling.mean_gain() * outcome
    fitted = []
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
        row = PairRow(
            first=first,
            second=second,
            effect=effect * scale,
            low=(effect - 1.96 * error) * scale,
            high=(effect + 1.96 * error) * scale,
            p_value=2 * NormalDist().cdf(-abs(effect / error if error > 0 else 0.0)),
            verdict="",
        )
        fitted.append(FittedPair(row, effect, influence))
    return tuple(fitted)


def _fit_products(
    rolling: RollingCounts, behaviours: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> PoissonFit:
    """Fit all products at once: products first, then squares, then the rolling counts."""
    centred = centred_counts(rolling, behaviours)
    n_products, n_squares = len(pairs), len(behaviours)
    shape = (*rolling.cells.shape, n_products + n_squares + rolling.counts.shape[2])
    design = np.empty(shape, np.float32)
    for k, (first, second) in enumerate(pairs):
        np.multiply(centred[first], centred[second], out=design[..., k])
    for k, b in enumerate(behaviours, n_products):
        np.square(centred[b], out=design[..., k])
    design[..., n_products + n_squares :] = rolling.counts
    return rolling.fit(design)


def holm_adjusted(
    rows: Sequence[PairRow], max_p_value: float, n_tests: int | None = None
) -> tuple[PairRow, ...]:
    """Return the rows with Holm's p-values and what they show.

    `n_tests` is the number of all tests, by default that of the rows; those without a row count
    with a p-value of 1.
    """
    adjusted = []
    others = max(0, (n_tests or len(rows)) - len(rows))
    p_values = holm([*(row.p_value for row in rows), *[1.0] * others])
    for row, p_value in zip(rows, p_values[: len(rows)], strict=True):
        together = "more together" if row.effect > 0 else "less together"
        verdict = together if p_value < max_p_value else NO_INTERACTION
        adjusted.append(replace(row, p_value=p_value, verdict=verdict))
    return tuple(adjusted)
