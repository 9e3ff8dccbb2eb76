"""What a score adds to a forecast of margin, beyond behaviour and past purchases.

Ridge regressions of the margin of the next outcome window on what is known before it: recency,
frequency, margin and behaviours, without and with the last score. They are fitted on early cutoffs
and compared on later ones, whose windows no fit has seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.drivers.selection.cross_section import clipped
from engagement_ml.features.period_panel import Periods
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.covariates import described, in_logs, totals_before
from engagement_ml.scorecard.surveys.design import neighbours

STEP = 4
"""Weeks from one cutoff to the next."""
MAX_AGE = 26
"""Weeks after which a score is too old to be a customer's last one."""
FEWEST = 100
"""Customers that the training and the comparison each need."""
TEST_SHARE = 1 / 3
RIDGE = 1e-3
REPLICATES = 500
SEED = 11


def forecast_gain(
    periods: Periods, answers: Answers, *, outcome: int, behaviours: tuple[str, ...]
) -> dict[str, Any]:
    """Return the gain in R² out of time from knowing the last score, in points.

    Returns
    -------
    dict
        ``points`` with ``low`` and ``high`` (95%, bootstrap by customer; None if there are too few
        customers), ``r2`` without the score in percent, ``people``, and ``note``.
    """
    customer, week, score = _rows(periods, answers, outcome)
    cutoffs = np.unique(week)
    nothing = {"points": None, "low": None, "high": None, "r2": None, "people": 0}
    if len(cutoffs) < 2:
        return nothing | {"note": "the history is too short for a comparison out of time"}
    first_test = cutoffs[-max(1, round(TEST_SHARE * len(cutoffs)))]
    train, test = week + outcome <= first_test, week >= first_test
    people = len(np.unique(customer[test]))
    if min(people, len(np.unique(customer[train]))) < FEWEST:
        note = f"a comparison out of time needs {FEWEST} customers with a score, early and late"
        return nothing | {"people": people, "note": note}
    known = in_logs(described(periods, customer, week, max(outcome, 8), behaviours))
    recency = _weeks_since_order(periods)[customer, week]
    base = np.column_stack([known, known**2, np.log1p(recency)])
    later = totals_before(periods.gain - periods.loss, customer, week + outcome, outcome)
    y = clipped(later)
    errors = [
        (y[test] - _ridge(x[train], y[train], x[test])) ** 2
        for x in (base, np.column_stack([base, score]))
    ]
    points, low, high, r2 = _gain(errors[0], errors[1], y[test], customer[test])
    return {"points": points, "low": low, "high": high, "r2": r2, "people": people, "note": ""}


def _rows(
    periods: Periods, answers: Answers, outcome: int
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return customer, cutoff and last score; the cutoffs are `STEP` weeks apart, from the end."""
    n, n_weeks = periods.gain.shape
    before, _, _ = neighbours(answers, (n, n_weeks))
    cutoffs = np.arange(n_weeks - outcome, max(outcome, 8) - 1, -STEP)[::-1]
    last = before[:, cutoffs]
    fresh = (last >= 0) & (cutoffs[None, :] - answers.week[last] <= MAX_AGE)
    there = (periods.entry[:, None] < cutoffs) & (periods.exit[:, None] > cutoffs)
    customer, place = np.nonzero(fresh & there)
    return customer, cutoffs[place], answers.score[last[customer, place]]


def _weeks_since_order(periods: Periods) -> FloatArray:
    """Return the weeks since the last order before each week, from the start if there is none."""
    n, n_weeks = periods.orders.shape
    at = np.where(periods.orders > 0, np.arange(n_weeks)[None, :], -1)
    last = np.maximum.accumulate(at, axis=1)
    shifted = np.concatenate([np.full((n, 1), -1), last[:, :-1]], axis=1)
    return np.asarray(np.arange(n_weeks)[None, :] - shifted, dtype=np.float64)


def _ridge(x: FloatArray, y: FloatArray, new: FloatArray) -> FloatArray:
    mean, std = x.mean(axis=0), x.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    scaled = (x - mean) / std
    inner = scaled.T @ scaled + RIDGE * len(y) * np.eye(x.shape[1])
    coef = np.linalg.solve(inner, scaled.T @ (y - y.mean()))
    # What lies beyond the training rows must not carry a square far out.
    held = np.clip((new - mean) / std, scaled.min(axis=0), scaled.max(axis=0))
    return np.asarray(y.mean() + held @ coef, dtype=np.float64)


def _gain(
    without: FloatArray, with_score: FloatArray, y: FloatArray, customer: IntArray
) -> tuple[float, float, float, float]:
    """Return the gain in R² in points with its interval, and R² without the score."""
    _, place = np.unique(customer, return_inverse=True)
    n = int(place.max()) + 1
    total = (y - y.mean()) ** 2
    sums = np.column_stack([np.bincount(place, each, n) for each in (without, with_score, total)])
    rng = np.random.default_rng(SEED)
    drawn = np.stack([sums[rng.integers(n, size=n)].sum(axis=0) for _ in range(REPLICATES)])
    every = sums.sum(axis=0)
    gains = 100 * (drawn[:, 0] - drawn[:, 1]) / np.maximum(drawn[:, 2], 1e-300)
    points = 100 * (every[0] - every[1]) / max(every[2], 1e-300)
    low, high = np.quantile(gains, (0.025, 0.975))
    r2 = 100 * (1 - every[0] / max(every[2], 1e-300))
    return float(points), float(low), float(high), float(r2)
