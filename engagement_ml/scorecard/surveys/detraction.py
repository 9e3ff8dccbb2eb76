"""Before detraction: what customers who turned detractor did in the weeks before.

Each is compared with the same customer's earlier weeks. Those who stayed are compared in the same
way, so a season that all share shows in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.features.period_panel import Periods
from engagement_ml.measures.kinds.kind import Z
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.covariates import totals_before

RECENT, EARLIER = 4, 12
"""Weeks before the answer, and the weeks before those."""
FEWEST = 20
"""Customers who turned, below which nothing is shown."""
MIN_EVENTS = 5.0
"""Events that each of the two times needs."""


@dataclass(frozen=True)
class Ratio:
    """Log of a rate in the weeks before an answer by that of earlier weeks; NaN if unknown."""

    log: float
    error: float

    @property
    def bounds(self) -> tuple[float, float, float]:
        """The ratio and its 95% interval."""
        half = Z * self.error
        return math.exp(self.log), math.exp(self.log - half), math.exp(self.log + half)


def turned(answers: Answers) -> BoolArray:
    """Return the answers of detractors whose previous answer was none's, shape (m,)."""
    before = np.concatenate([[False], answers.is_low[:-1]])
    return np.asarray(answers.is_low & answers.has_previous & ~before, dtype=bool)


def stayed(answers: Answers) -> BoolArray:
    """Return the answers that are none of a detractor, as the previous one was, shape (m,)."""
    before = np.concatenate([[False], answers.is_low[:-1]])
    return np.asarray(~answers.is_low & answers.has_previous & ~before, dtype=bool)


def before_detraction(
    periods: Periods, answers: Answers, behaviours: tuple[str, ...]
) -> tuple[tuple[dict[str, Any], ...], str]:
    """Compare the weeks before customers turned detractor with their earlier weeks.

    Returns
    -------
    tuple of dict
        For each behaviour ``behaviour``, ``ratio``, ``low``, ``high``, ``weeks``, ``customers``,
        ``p_value`` (of the ratio, by Holm over behaviours), ``stayed`` with ``stayed_low`` and
        ``stayed_high`` (the same ratio of those who stayed), and ``apart`` (whether the two differ,
        by Holm at 5%); the clearest difference first. Behaviours that are too rare are left out.
    str
        Why there is none; empty if there is one.
    """
    if not answers.scale:
        return (), "the scale of the survey is not known, so detractors are not known either"
    whole = answers.week - periods.entry[answers.customer] >= RECENT + EARLIER
    whole &= answers.week >= RECENT + EARLIER
    left, kept = turned(answers) & whole, stayed(answers) & whole
    n = len(np.unique(answers.customer[left]))
    if n < FEWEST:
        return (), (
            f"{n} customers turned detractor with {RECENT + EARLIER} weeks on record before; "
            f"{FEWEST} are needed"
        )
    rows: list[dict[str, Any]] = []
    for name in behaviours:
        counts = periods.counts[..., periods.behaviours.index(name)].astype(np.float64)
        of_left, of_kept = (_ratio(counts, answers, chosen) for chosen in (left, kept))
        if of_left is not None:
            rows.append(_row(name, n, of_left, of_kept))
    if not rows:
        return (), "the behaviours of those who turned detractor are too rare to compare"
    for key in ("p_value", "apart"):
        for row, p in zip(rows, holm([row[key] for row in rows]), strict=True):
            row[key] = p
    rows.sort(key=lambda row: (row["apart"], row["p_value"], row["behaviour"]))
    return tuple(row | {"apart": row["apart"] < 0.05} for row in rows), ""


def _ratio(counts: FloatArray, answers: Answers, chosen: BoolArray) -> Ratio | None:
    """Return the ratio of two rates, linearised, clustered by customer; None if too rare."""
    customer, week = answers.customer[chosen], answers.week[chosen]
    recent = totals_before(counts, customer, week, RECENT)
    earlier = totals_before(counts, customer, week - RECENT, EARLIER)
    if min(recent.sum(), earlier.sum()) < MIN_EVENTS:
        return None
    _, place = np.unique(customer, return_inverse=True)
    each = np.bincount(place, recent / recent.sum() - earlier / earlier.sum())
    n = len(each)
    error = math.sqrt(float(each @ each) * n / max(n - 1, 1))
    log = math.log(recent.sum() / RECENT) - math.log(earlier.sum() / EARLIER)
    return Ratio(log, error) if error > 0 else None


def _row(name: str, n: int, left: Ratio, kept: Ratio | None) -> dict[str, Any]:
    ratio, low, high = left.bounds
    row: dict[str, Any] = {
        "behaviour": name,
        "ratio": ratio,
        "low": low,
        "high": high,
        "weeks": RECENT,
        "customers": n,
        "p_value": _two_sided(left.log / left.error),
        "stayed": None,
        "stayed_low": None,
        "stayed_high": None,
        "apart": 1.0,
    }
    if kept is not None:
        row |= dict(zip(("stayed", "stayed_low", "stayed_high"), kept.bounds, strict=True))
        row["apart"] = _two_sided((left.log - kept.log) / math.hypot(left.error, kept.error))
    return row


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))
