"""Answers to one survey on the weeks of a period panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engagement_ml._typing import AnyArray, BoolArray, FloatArray, IntArray

LIMITS = {"0-10": (0.0, 10.0), "1-5": (1.0, 5.0), "1-7": (1.0, 7.0), "1-10": (1.0, 10.0)}
"""Lowest and highest score of each scale."""
HIGH = {"0-10": 9.0, "1-5": 4.0, "1-7": 6.0, "1-10": 9.0}
"""Lowest score of a promoter, or of a satisfied customer."""
BELOW = {"0-10": 7.0, "1-5": 3.0, "1-7": 4.0, "1-10": 5.0}
"""Score below which a customer is a detractor, or dissatisfied."""


@dataclass(frozen=True)
class Answers:
    """Answers to one survey, sorted by customer and time, at most one a week (the last).

    Attributes
    ----------
    survey : str
    scale : str
        Empty if it is not known.
    better : {"more", "less"}
        Whether a high or a low score is good.
    customer : int array (m,)
        Place of the customer in the panel.
    week : int array (m,)
        Period of the answer.
    score : float array (m,)
    sent_week : int array (m,)
        Period in which it was sent, −1 if that is not on record.
    """

    survey: str
    scale: str
    better: Literal["more", "less"]
    customer: IntArray
    week: IntArray
    score: FloatArray
    sent_week: IntArray

    @classmethod
    def of(
        cls,
        survey: str,
        scale: str,
        better: Literal["more", "less"],
        customer: AnyArray,
        week: AnyArray,
        score: AnyArray,
        sent_week: AnyArray | None = None,
    ) -> Answers:
        """Keep the last answer of each customer in each week; rows are in the order of time.

        Examples
        --------
        >>> answers = Answers.of("nps", "0-10", "more", [0, 0, 1], [3, 3, 1], [2.0, 9.0, 7.0])
        >>> answers.score.tolist(), answers.week.tolist()
        ([9.0, 7.0], [3, 1])
        """
        customer, week = np.asarray(customer, np.int64), np.asarray(week, np.int64)
        score = np.asarray(score, np.float64)
        sent = np.full(len(week), -1) if sent_week is None else np.asarray(sent_week, np.int64)
        order = np.lexsort((np.arange(len(week)), week, customer))
        customer, week = customer[order], week[order]
        last = np.ones(len(week), dtype=bool)
        last[:-1] = (customer[1:] != customer[:-1]) | (week[1:] != week[:-1])
        score, sent = score[order], sent[order]
        return cls(survey, scale, better, customer[last], week[last], score[last], sent[last])

    @property
    def n(self) -> int:
        """Number of answers."""
        return len(self.score)

    @property
    def has_previous(self) -> BoolArray:
        """Whether the same customer answered before, shape (m,)."""
        same = np.zeros(self.n, dtype=bool)
        same[1:] = self.customer[1:] == self.customer[:-1]
        return same

    @property
    def change(self) -> FloatArray:
        """Score less the customer's previous score; 0 for a first answer, shape (m,)."""
        change = np.zeros(self.n)
        change[1:] = np.diff(self.score)
        return np.where(self.has_previous, change, 0.0)

    @property
    def is_high(self) -> BoolArray:
        """Whether the score is that of a promoter, or of a satisfied customer, shape (m,)."""
        if self.better == "less":
            return self.score <= sum(LIMITS[self.scale]) - HIGH[self.scale]
        return self.score >= HIGH[self.scale]

    @property
    def is_low(self) -> BoolArray:
        """Whether the score is that of a detractor, or of a dissatisfied customer, shape (m,)."""
        if self.better == "less":
            return self.score > sum(LIMITS[self.scale]) - BELOW[self.scale]
        return self.score < BELOW[self.scale]

    def counts(self, n_customers: int) -> IntArray:
        """Return the number of answers of each customer, shape (n_customers,)."""
        return np.bincount(self.customer, minlength=n_customers)

    def centred(self, values: AnyArray) -> FloatArray:
        """Return values of the answers less the mean over the customer's answers, shape (m,)."""
        values = np.asarray(values, np.float64)
        _, place = np.unique(self.customer, return_inverse=True)
        mean = np.bincount(place, values) / np.maximum(np.bincount(place), 1)
        return np.asarray(values - mean[place], dtype=np.float64)
