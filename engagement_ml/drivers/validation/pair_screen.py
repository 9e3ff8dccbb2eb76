"""Which pairs of candidate behaviours are estimated: a cheap test of all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np

from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.finding import BIASED, Finding, Verdict
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.drivers.validation.pair_products import centred_counts
from engagement_ml.drivers.validation.score_test import ScoreTest

Pair = tuple[str, str]
_BLOCK = 8
"""Products that are tested in one pass."""


def may_combine(
    study: Study, findings: Mapping[str, Finding], verdicts: Mapping[str, Verdict]
) -> tuple[str, ...]:
    """Return the candidates whose pairs may be causes.

    A behaviour that follows purchases, prepares them, shares a hidden cause or that a check objects
    to is none: its pairs would carry the same bias. Nor is one whose declared role forbids it. A
    behaviour without an effect of its own stays: two may act only together.
    """
    return tuple(b for b in study.behaviours if _may_combine(study, b, findings, verdicts))


def _may_combine(
    study: Study, b: str, findings: Mapping[str, Finding], verdicts: Mapping[str, Verdict]
) -> bool:
    if b not in verdicts or not study.selectable(b):
        return False
    finding, verdict = findings[b], verdicts[b]
    if finding.within is None or not np.isfinite(finding.within.high - finding.within.low):
        return False
    if verdict.verdict in ("driver", "harmful"):
        return True
    return (
        not finding.purchase_response.responds
        and verdict.verdict != "consequence"
        and verdict.rule not in BIASED
        and verdict.failed not in ("sign", "leads")
    )


def candidate_pairs(study: Study, candidates: Sequence[str]) -> list[Pair]:
    """Return the pairs of candidates; a sequence and its own member are none."""
    return [
        (a, b)
        for a, b in combinations(candidates, 2)
        if a not in study.composed.get(b, ()) and b not in study.composed.get(a, ())
    ]


def screened_pairs(
    study: Study,
    rolling: RollingCounts,
    candidates: Sequence[str],
    estimated: Collection[Pair],
    thresholds: Thresholds,
) -> tuple[Pair, ...]:
    """Return the pairs that a score test singles out, beside those to be estimated anyway.

    The product of two centred counts is tested in the model that has all counts, and the squares of
    the candidates', without a refit (see ``score_test``). The screen only removes: p-values count
    all pairs, so it cannot make an error more likely.

    Parameters
    ----------
    study : Study
    rolling : RollingCounts
        Of the candidates and others.
    candidates : sequence of str
    estimated : collection of pairs
        They are not tested here.
    thresholds : Thresholds
        `pair_screen_z` and `max_screened_pairs`.
    """
    known = {frozenset(pair) for pair in estimated}
    pairs = [p for p in candidate_pairs(study, candidates) if frozenset(p) not in known]
    if not pairs:
        return ()
    centred = centred_counts(rolling, candidates)
    squares = np.stack([np.square(centred[b]) for b in candidates], axis=2)
    design = np.concatenate([rolling.counts, squares, rolling.controls], axis=2)
    test = ScoreTest(rolling.gain, design, rolling.cells, study.groups, rolling.clusters)
    z = np.concatenate(
        [
            test.of(
                np.stack([centred[a] * centred[b] for a, b in pairs[i : i + _BLOCK]], axis=2),
                alone=True,
            ).z
            for i in range(0, len(pairs), _BLOCK)
        ]
    )
    order = np.argsort(-np.abs(z), kind="stable")[: thresholds.max_screened_pairs]
    return tuple(pairs[k] for k in sorted(order) if abs(z[k]) >= thresholds.pair_screen_z)
