"""Answers on weeks, and the regressors made of them, equal a slow count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.design import distance_groups, score_design

WEEKS, PEOPLE, REACH = 20, 4, 5
GIVEN = st.lists(
    st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, WEEKS - 1), st.integers(0, 10)),
    min_size=1,
    max_size=30,
)


def made(rows: list[tuple[int, int, int]]) -> Answers:
    people, weeks, scores = zip(*rows, strict=True)
    return Answers.of("nps", "0-10", "more", people, weeks, scores)


@settings(max_examples=40, deadline=None)
@given(rows=GIVEN)
def test_regressors_are_those_of_the_nearest_answers(rows: list[tuple[int, int, int]]) -> None:
    answers = made(rows)
    by_hand = {(person, week): float(score) for person, week, score in rows}
    design = score_design(answers, answers.score, np.ones(answers.n, bool), (PEOPLE, WEEKS), REACH)
    groups = distance_groups(REACH)
    for person in range(PEOPLE):
        mine = sorted(week for who, week in by_hand if who == person)
        for t in range(WEEKS):
            expected = np.zeros(2 * len(groups))
            before = max((week for week in mine if week < t), default=None)
            after = min((week for week in mine if week > t), default=None)
            for week in (before, after, t if t in mine else None):
                for g, (first, last) in enumerate(groups):
                    if week is not None and first <= t - week <= last:
                        expected[g] = by_hand[person, week]
                        expected[len(groups) + g] = 1.0
            assert design.x[person, t].tolist() == expected.tolist()
            assert design.near[person, t] == expected[len(groups) :].any()


@settings(max_examples=40, deadline=None)
@given(rows=GIVEN)
def test_changes_and_means_are_of_the_same_customer(rows: list[tuple[int, int, int]]) -> None:
    answers = made(rows)
    by_hand = {(person, week): score for person, week, score in rows}
    changes = []
    for person in range(PEOPLE):
        scores = [by_hand[who, week] for who, week in sorted(by_hand) if who == person]
        changes += [0, *np.diff(scores)] if scores else []
    assert answers.change.tolist() == changes
    sums = np.bincount(answers.customer, answers.centred(answers.score), PEOPLE)
    assert np.abs(sums).max() < 1e-9


@pytest.mark.parametrize(
    ("scale", "better", "low", "high"),
    [
        ("0-10", "more", [0, 6, 6.5], [9, 10]),
        ("1-5", "more", [1, 2], [4, 5]),
        ("1-7", "more", [1, 3], [6, 7]),
        ("1-7", "less", [5, 7], [1, 2]),
        ("1-10", "more", [1, 4], [9, 10]),
    ],
)
def test_what_counts_as_dissatisfied_and_satisfied(
    scale: str, better: str, low: list[float], high: list[float]
) -> None:
    scores = np.arange(float(scale[0]), float(scale.split("-")[1]) + 0.5, 0.5)
    answers = Answers.of("s", scale, better, scores * 2, scores * 0, scores)  # type: ignore[arg-type]
    for score in scores:
        at = answers.score == score
        assert not (answers.is_low & answers.is_high).any()
        if score in low:
            assert answers.is_low[at].all()
        if score in high:
            assert answers.is_high[at].all()
    middle = ~answers.is_low & ~answers.is_high
    assert middle.any()
