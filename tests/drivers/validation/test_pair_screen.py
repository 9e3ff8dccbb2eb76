"""Pairs among all candidates: what acts only together is found, biased members never pair."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers.finding import Verdict
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.interactions import NO_INTERACTION, compare_candidates
from engagement_ml.drivers.validation.pair_defences import UNVERIFIABLE
from engagement_ml.drivers.validation.pair_screen import candidate_pairs, may_combine
from engagement_ml.drivers.validation.score_test import ScoreTest

NAMES = tuple("abcdef")


def sums(counts: Any, *, ahead: bool = False) -> Any:
    """Sum the twelve periods before, or after, each period."""
    total = np.zeros(counts.shape)
    for lag in range(1, 13):
        if ahead:
            total[:, :-lag] += counts[:, lag:]
        else:
            total[:, lag:] += counts[:, :-lag]
    return total


def simulate(make_periods: Any, seed: int, *, size: float = 0.045, before: bool = False) -> Any:
    """Orders rise with the product of a and b; with `before`, also with that of later counts."""
    rng = np.random.default_rng(seed)
    counts = {name: rng.poisson(0.25, (1500, 50)) for name in NAMES}
    product = (sums(counts["a"]) - 3) * (sums(counts["b"]) - 3)
    if before:
        product += (sums(counts["a"], ahead=True) - 3) * (sums(counts["b"], ahead=True) - 3)
    orders = rng.poisson(0.4 * np.exp(np.clip(size * product, -1.5, 1.5)))
    return make_periods(counts, 10.0 * orders, orders=orders)


def compare(periods: Any, verdicts: dict[str, Verdict] | None = None) -> Any:
    study = Study(periods, None, None, parse_config({"name": "shop"}))
    silent = SimpleNamespace(
        within=SimpleNamespace(low=-1.0, high=1.0, effect=0.1, z=0.2),
        purchase_response=SimpleNamespace(responds=False),
    )
    given = dict.fromkeys(NAMES, Verdict("inert", "below smallest effect")) | (verdicts or {})
    findings: Any = dict.fromkeys(NAMES, silent)
    return compare_candidates(study, findings, given, dict.fromkeys(NAMES, 1.0))


def test_behaviours_that_act_only_together_are_found(make_periods: Any) -> None:
    compared = compare(simulate(make_periods, 1))
    found = [(r.first, r.second, r.verdict) for r in compared.rows if r.verdict != NO_INTERACTION]
    assert found == [("a", "b", "more together")]
    assert any(note.startswith("All 15 pairs of the 6 behaviours") for note in compared.notes)


def test_p_values_allow_for_all_pairs(make_periods: Any) -> None:
    """A pair estimated alone has the p-value of one test; here it is one of 15."""
    periods = simulate(make_periods, 1, size=0.02)
    (row,) = (r for r in compare(periods).rows if (r.first, r.second) == ("a", "b"))
    biased = dict.fromkeys("cdef", Verdict("unverifiable", "hidden cause"))
    (alone,) = compare(periods, biased).rows
    assert 0 < 5 * alone.p_value < row.p_value < 0.01


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("consequence", "follows purchases"),
        Verdict("unverifiable", "preparing"),
        Verdict("unverifiable", "hidden cause"),
        Verdict("unverifiable", "vetoed"),
        Verdict("unverifiable", "inconclusive", "leads"),
    ],
)
def test_a_member_that_fails_a_defence_pairs_with_nothing(
    make_periods: Any, verdict: Verdict
) -> None:
    study = Study(simulate(make_periods, 1), None, None, parse_config({"name": "shop"}))
    finding = SimpleNamespace(
        within=SimpleNamespace(low=-1.0, high=1.0, effect=0.1, z=0.2),
        purchase_response=SimpleNamespace(responds=False),
    )
    verdicts = dict.fromkeys(NAMES, Verdict("inert", "below smallest effect")) | {"a": verdict}
    findings: Any = dict.fromkeys(NAMES, finding)
    assert may_combine(study, findings, verdicts) == tuple("bcdef")


def test_a_product_that_precedes_as_well_is_no_interaction(make_periods: Any) -> None:
    rows = compare(simulate(make_periods, 2, before=True)).rows
    (row,) = (r for r in rows if (r.first, r.second) == ("a", "b"))
    assert row.p_value < 0.01
    assert row.verdict == UNVERIFIABLE
    assert "margin differed before" in row.reason


def test_nothing_is_found_where_nothing_acts(make_periods: Any) -> None:
    rng = np.random.default_rng(0)
    counts = {name: rng.poisson(0.25, (1500, 44)) for name in NAMES}
    orders = rng.poisson(0.4, (1500, 44))
    compared = compare(make_periods(counts, 10.0 * orders, orders=orders))
    assert all(row.verdict == NO_INTERACTION for row in compared.rows)


def test_a_sequence_and_its_member_are_no_pair(make_periods: Any) -> None:
    config = parse_config({"name": "shop", "sequences": [{"first": "a", "then": "b"}]})
    counts = {name: np.ones((40, 30)) for name in ("a", "a then b", "b", "c")}
    study = Study(make_periods(counts, np.ones((40, 30))), None, None, config)
    assert candidate_pairs(study, study.behaviours) == [
        ("a", "b"), ("a", "c"), ("a then b", "c"), ("b", "c"),
    ]  # fmt: skip


def test_a_score_test_alone_is_that_of_one_regressor() -> None:
    rng = np.random.default_rng(2)
    x = rng.poisson(1.0, (300, 15, 3)).astype(np.float32)
    x[..., 2] += x[..., 1]
    y = rng.poisson(np.exp(0.2 * x[..., 1])).astype(float)
    test = ScoreTest(y, x[..., :1], np.ones((300, 15), bool))
    together = test.of(x[..., 1:], alone=True)
    for k in (1, 2):
        assert together.z[k - 1] == pytest.approx(test.of(x[..., [k]]).z[0], rel=1e-6)
    assert abs(test.of(x[..., 1:]).z[1]) < abs(together.z[1])
