"""The benchmark of intervals: every case runs, and a wrong interval shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.measures.__main__ import coverage
from benchmarks.measures.cases import KINDS, Case
from benchmarks.measures.series import SERIES


@pytest.mark.parametrize("case", [*KINDS, *SERIES], ids=lambda c: f"{c.kind}, {c.difficulty}")
def test_most_intervals_hold_the_truth(case: Case) -> None:
    holds, below, none = coverage(case, case.sizes[-1], 40)

    assert holds >= 75
    assert below <= 25
    assert none <= 25


def test_a_wrong_truth_is_not_held() -> None:
    holds, below, _ = coverage(replace(KINDS[0], truth=75.0), 400, 20)

    assert (holds, below) == (0, 100)
