"""Calibration of the profit and the churn model on outcomes that matured since training.

Mean outcome against mean prediction, and the slope of outcomes on predictions relative to their
means, with errors clustered by customer. A model cannot know seasons that its history does not
hold. So the limits are at least as wide as the errors out of time that were known at training, and
as the changes of the mean outcome from one outcome window to the next in the history.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from engagement_ml._typing import AnyArray, FloatArray, IntArray
from engagement_ml.formatting import number, percent
from engagement_ml.lifecycle.monitoring.rows import MonitorRow, Status
from engagement_ml.lifecycle.monitoring.spending import Look, error_at

KIND = "calibration"
ERROR = 0.05
"""Probability of any false alarm on calibration, over all looks that will ever be made."""

N_TESTS = 4
"""Mean and slope of two models."""

MEAN_TOLERANCE = math.log(1.25)
"""Log ratio of mean outcome and mean prediction that is no fault, in either direction."""

SLOPE_TOLERANCE = 0.3
"""Deviation of the slope from 1 that is no fault."""

MIN_CUSTOMERS = 100
"""Customers that a look needs."""

MIN_CHURNED = 20
"""Rows of customers that churned that a look needs."""


@dataclass(frozen=True)
class Outcomes:
    """Predictions and outcomes of one model, a row per customer and cutoff.

    Attributes
    ----------
    customer : int array (R,)
        Customers as numbers from 0 on.
    cutoff : array (R,) of datetime64[D]
    predicted, observed : arrays (R,)
        Margin in currency; or probability of churn, and 1 or 0.
    """

    customer: IntArray
    cutoff: AnyArray
    predicted: FloatArray
    observed: FloatArray

    def at(self, rows: AnyArray) -> Outcomes:
        """Return some of the rows."""
        return Outcomes(
            self.customer[rows], self.cutoff[rows], self.predicted[rows], self.observed[rows]
        )


@dataclass(frozen=True)
class _Figure:
    """A statistic that is 0 if the model is calibrated, with its standard error."""

    value: float
    error: float


def calibration_rows(
    model: str,
    outcomes: Outcomes,
    look: Look,
    *,
    matured_after: dt.date,
    outcome_days: int,
    season: Sequence[float] = (),
    unit: str = "",
) -> list[MonitorRow]:
    """Return a row on the mean and one on the slope of a model's predictions.

    Parameters
    ----------
    model : {"profit", "churn"}
    outcomes : Outcomes
        Of all cutoffs after the fit whose outcomes are complete.
    look : Look
    matured_after : date
        Cutoffs whose outcome windows end after this day have matured since the training.
    outcome_days : int
        The gap included.
    season : sequence of float
        Log changes of the mean outcome between outcome windows of the history.
    unit : str
        The currency; empty for churn.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> day = np.datetime64("2024-06-03")
    >>> predicted = rng.gamma(2.0, 50.0, 2000)
    >>> rows = Outcomes(np.arange(2000), np.full(2000, day), predicted, 2 * predicted)
    >>> look = Look(3, dt.date(2024, 8, 26))
    >>> [row.status for row in calibration_rows(
    ...     "profit", rows, look, matured_after=dt.date(2024, 6, 3), outcome_days=84)]
    ['alarm', 'ok']
    """
    reason, recent, earlier = _parts(model, outcomes, matured_after, outcome_days)
    if reason is not None:
        text = f"Calibration of the {model} model: {reason}."
        return [
            MonitorRow(KIND, subject, look.until, None, None, None, None, "unknown", text)
            for subject in (model, f"{model} slope")
        ]
    reach = float(norm.isf(error_at(look.number, ERROR, N_TESTS) / 2))
    period = recent.cutoff.min().astype("datetime64[D]").item()
    past = [abs(_log_ratio(part).value) for part in earlier if part.observed.sum() > 0]
    mean_limit = max([MEAN_TOLERANCE, *past, *(abs(change) for change in season)])
    slopes = [abs(_slope(part).value) for part in earlier]
    slope_limit = max([SLOPE_TOLERANCE, *slopes])
    return [
        _mean_row(model, recent, mean_limit, reach, period, unit),
        _slope_row(model, recent, slope_limit, reach, period),
    ]


def _parts(
    model: str, outcomes: Outcomes, matured_after: dt.date, outcome_days: int
) -> tuple[str | None, Outcomes, list[Outcomes]]:
    """Return why nothing can be said, the rows of the last outcome window, and earlier ones."""
    if not len(outcomes.cutoff):
        return "no outcome window has matured since it was fitted", outcomes, []
    window = np.timedelta64(outcome_days, "D")
    last = outcomes.cutoff.max()
    recent = outcomes.at(outcomes.cutoff > last - window)
    if last + window <= np.datetime64(matured_after):
        return "cannot tell yet: no outcome window has matured since training", recent, []
    # Errors that were known at training; later ones may be the fault that is looked for.
    earlier = []
    end = min(last, np.datetime64(matured_after)) - window
    while (rows := (outcomes.cutoff <= end) & (outcomes.cutoff > end - window)).any():
        earlier.append(outcomes.at(rows))
        end -= window
    return _too_little(model, recent), recent, earlier


def _too_little(model: str, rows: Outcomes) -> str | None:
    """Return why rows do not suffice to check a model, or None."""
    n, total = len(np.unique(rows.customer)), float(rows.observed.sum())
    if n < MIN_CUSTOMERS:
        return f"cannot tell, as only {n:,} customers have outcomes"
    if model == "churn" and total < MIN_CHURNED:
        return f"cannot tell, as only {total:.0f} customers churned"
    if total <= 0 or rows.predicted.sum() <= 0:
        return "cannot tell, as the sum of outcomes or predictions is not positive"
    if not np.ptp(rows.predicted) > 0:
        return "it predicts the same for all, so there is nothing to check"
    return None


def _log_ratio(rows: Outcomes) -> _Figure:
    """Return the log of mean outcome over mean prediction (ratio estimator)."""
    ratio = float(rows.observed.sum() / rows.predicted.sum())
    if ratio <= 0:
        return _Figure(math.log(1e-3), math.inf)
    influence = (rows.observed - ratio * rows.predicted) / rows.observed.sum()
    return _Figure(math.log(ratio), _clustered(influence, rows.customer))


def _slope(rows: Outcomes) -> _Figure:
    """Return the slope of outcomes on predictions, both relative to their cutoff's mean, minus 1.

    Relative to the mean, so that an error of the mean is not one of the slope, too. Cutoffs whose
    means are not positive are left out.
    """
    _, cutoff = np.unique(rows.cutoff, return_inverse=True)
    size = np.bincount(cutoff)
    means = [np.bincount(cutoff, v) / size for v in (rows.predicted, rows.observed)]
    positive = (means[0] > 0) & (means[1] > 0)
    used = positive[cutoff]
    x = rows.predicted[used] / means[0][cutoff[used]] - 1.0
    y = rows.observed[used] / means[1][cutoff[used]] - 1.0
    square = float(x @ x)
    if square <= 0:
        return _Figure(0.0, math.inf)
    slope = float(x @ y) / square
    return _Figure(slope - 1.0, _clustered(x * (y - slope * x) / square, rows.customer[used]))


def _clustered(influence: FloatArray, customer: IntArray) -> float:
    return float(np.sqrt((np.bincount(customer, influence) ** 2).sum()))


def _status(figure: _Figure, limit: float, reach: float) -> Status:
    excess = abs(figure.value) - limit
    if excess > reach * figure.error:
        return "alarm"
    return "warning" if excess > 1.959964 * figure.error else "ok"


def _mean_row(
    model: str, rows: Outcomes, limit: float, reach: float, period: dt.date, unit: str
) -> MonitorRow:
    figure = _log_ratio(rows)
    observed, predicted = float(rows.observed.mean()), float(rows.predicted.mean())
    width = limit + reach * figure.error
    status = _status(figure, limit, reach)
    shown = (
        (f"{number(predicted)} {unit}", f"{number(observed)} {unit}")
        if unit
        else (percent(predicted, 1), percent(observed, 1))
    )
    usual = f"{math.expm1(limit):.0%} more, or as much less, is within its usual error"
    sentence = (
        f"The {model} model predicted {shown[0]} on average, and {shown[1]} was observed; {usual}."
    )
    ending = " Train again." if status == "alarm" else ""
    return MonitorRow(
        kind=KIND,
        subject=model,
        period=period,
        value=observed,
        expected=predicted,
        low=predicted * math.exp(-width),
        high=predicted * math.exp(width),
        status=status,
        sentence=sentence + ending,
    )


def _slope_row(
    model: str, rows: Outcomes, limit: float, reach: float, period: dt.date
) -> MonitorRow:
    figure = _slope(rows)
    status = _status(figure, limit, reach)
    slope = 1.0 + figure.value
    half = 1.959964 * figure.error
    sentence = (
        f"For 10% more than the mean that the {model} model predicts, {slope / 10:.1%} more is "
        f"observed (95% interval {(slope - half) / 10:.1%} to {(slope + half) / 10:.1%})"
    )
    width = limit + reach * figure.error
    return MonitorRow(
        kind=KIND,
        subject=f"{model} slope",
        period=period,
        value=slope,
        expected=1.0,
        low=1.0 - width,
        high=1.0 + width,
        status=status,
        sentence=sentence + (". Train again." if status == "alarm" else "."),
    )
