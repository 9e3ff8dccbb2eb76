"""Regressors of a score: its value in the weeks after an answer, and in the weeks before one.

An answer has a value v, such as the score less the customer's mean score. In a week t, the answer
before it is the customer's last one up to week t − 1, and the answer after it the first one from
week t + 1 on. Each acts as a level: it holds from one answer to the next, for at most `reach`
weeks on either side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, IntArray, LagGroups
from engagement_ml.scorecard.surveys.answers import Answers

NEAR = 2
"""Weeks next to an answer that have columns of their own: a purchase often triggers a survey."""


@dataclass(frozen=True)
class ScoreDesign:
    """Regressors of a survey's score.

    Attributes
    ----------
    x : float32 array (n, T, 2 G)
        The value by group of distances, then whether there is an answer at that distance.
    near : bool array (n, T)
        Weeks within `reach` of an answer of the customer.
    after : bool array (n, T)
        Weeks 1 to `reach` after an answer.
    groups : tuple of (first, last)
        Distances from an answer in weeks; negative ones are before it.
    """

    x: Float32Array
    near: BoolArray
    after: BoolArray
    groups: LagGroups

    @property
    def far(self) -> tuple[int, int]:
        """Positions of the far groups, before and after an answer."""
        return 0, len(self.groups) - 1


def distance_groups(reach: int) -> LagGroups:
    """Return the groups of distances from an answer.

    Examples
    --------
    >>> distance_groups(12)
    ((-12, -3), (-2, -1), (0, 0), (1, 2), (3, 12))
    """
    return ((-reach, -NEAR - 1), (-NEAR, -1), (0, 0), (1, NEAR), (NEAR + 1, reach))


def score_design(
    answers: Answers,
    values: FloatArray,
    valid: BoolArray,
    shape: tuple[int, int],
    reach: int,
) -> ScoreDesign:
    """Return the regressors of a value of the answers.

    Parameters
    ----------
    answers : Answers
    values : float array (m,)
    valid : bool array (m,)
        Answers that have a value; the others count as answers only.
    shape : (n, T)
    reach : int
        Weeks on either side of an answer.
    """
    groups = distance_groups(reach)
    before, at, after = neighbours(answers, shape)
    week = np.arange(shape[1])[None, :]
    value, told = np.where(valid, values, 0.0), valid.astype(float)
    columns: list[FloatArray] = []
    indicators: list[FloatArray] = []
    told_apart: list[FloatArray] = []
    near = np.zeros(shape, dtype=bool)
    after_cells = np.zeros(shape, dtype=bool)
    for first, last in groups:
        place = before if first > 0 else at if first == 0 else after
        distance = np.where(place >= 0, week - answers.week[place], 10**6)
        inside = (distance >= first) & (distance <= last)
        near |= inside
        if first > 0:
            after_cells |= inside
        columns.append(np.where(inside, value[place], 0.0))
        indicators.append(inside.astype(float))
        told_apart.append(np.where(inside, told[place], 0.0))
    parts = [*columns, *indicators, *([] if valid.all() else told_apart)]
    return ScoreDesign(np.stack(parts, axis=-1).astype(np.float32), near, after_cells, groups)


def neighbours(answers: Answers, shape: tuple[int, int]) -> tuple[IntArray, IntArray, IntArray]:
    """Return the places of the answer before, in and after each week; −1 for none.

    Examples
    --------
    >>> one = Answers.of("nps", "0-10", "more", [0], [1], [9.0])
    >>> [each.tolist() for each in neighbours(one, (1, 3))]
    [[[-1, -1, 0]], [[-1, 0, -1]], [[0, -1, -1]]]
    """
    n = shape[0]
    at = np.full(shape, -1, dtype=np.int64)
    at[answers.customer, answers.week] = np.arange(answers.n)
    none = np.full((n, 1), -1, dtype=np.int64)
    before = np.concatenate([none, np.maximum.accumulate(at, axis=1)[:, :-1]], axis=1)
    far = np.where(at < 0, answers.n, at)
    ahead = np.minimum.accumulate(far[:, ::-1], axis=1)[:, ::-1]
    after = np.concatenate([ahead[:, 1:], none], axis=1)
    return before, at, np.where(after == answers.n, -1, after)
