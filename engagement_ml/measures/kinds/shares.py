"""Kinds of shares: Wilson's interval, for one trial a person and for several."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.measures.kinds.arithmetic import gradient, safe_ratio
from engagement_ml.measures.kinds.kind import Totals, t_quantile
from engagement_ml.measures.kinds.linearised import Interval, TotalsFunction
from engagement_ml.measures.kinds.wilson import wilson

ONE = "no interval: one customer"


@dataclass(frozen=True)
class Share(TotalsFunction):
    """A share of trials; Wilson's interval.

    If each person counts once (all counts are 0 or 1), it is Wilson's interval. Else it is that of
    the number of trials that would have the linearised variance clustered by customer, at most the
    trials, with Student's t for the normal quantile. If all trials or none succeeded, that variance
    is 0, and each customer counts as one trial.

    Source: E. L. Korn and B. I. Graubard, "Confidence Intervals for Proportions with Small
    Expected Number of Positive Counts", Survey Methodology 24 (1998), 193-201; N. Dean and M.
    Pagano, Journal of Survey Statistics and Methodology 3 (2015), 484-503, for Wilson's form.
    """

    interval: str = (
        "Wilson; with several trials a person by effective trials, clustered by customer"
    )

    @property
    def cubes(self) -> bool:
        """Whether sums of products of three columns are needed."""
        return False

    def _interval(self, totals: Totals) -> Interval:
        successes, trials = (float(total) for total in totals.sums)
        once = bool(np.all(np.isclose(np.diag(totals.products), totals.sums)))
        if once:
            return (*wilson(successes, trials), "")
        if totals.n < 2:
            return None, None, ONE
        effective = effective_trials(successes / trials, trials, totals.n, self.variance(totals))
        low, high = wilson(successes / trials * effective, effective, t_quantile(totals.n - 1))
        return low, high, ""


@dataclass(frozen=True)
class Difference(TotalsFunction):
    """Difference of two shares on the same customers, in points.

    The interval is put together from Wilson's intervals of both shares and their linearised
    correlation (Newcombe's method), with customers as clusters.

    Source: R. G. Newcombe, "Improved Confidence Intervals for the Difference between Binomial
    Proportions Based on Paired Data", Statistics in Medicine 17 (1998), 2635-2650.
    """

    interval: str = "Newcombe: Wilson's intervals of both shares and their correlation"

    @property
    def cubes(self) -> bool:
        """Whether sums of products of three columns are needed."""
        return False

    def _interval(self, totals: Totals) -> Interval:
        if totals.n < 2:
            return None, None, ONE
        sums = totals.sums
        shares = (sums[0] / sums[1], sums[2] / sums[3])
        slopes = np.stack([gradient(_first, sums), gradient(_second, sums)])
        deviations = totals.products - np.outer(sums, sums) / totals.n
        covariance = slopes @ deviations @ slopes.T * totals.n / (totals.n - 1)
        (low, high), (other_low, other_high) = (
            _limits(share, float(sums[1 + 2 * i]), totals.n, float(covariance[i, i]))
            for i, share in enumerate(shares)
        )
        scale = math.sqrt(max(float(covariance[0, 0] * covariance[1, 1]), 0.0))
        correlation = float(covariance[0, 1]) / scale if scale > 0 else 0.0
        value = shares[0] - shares[1]
        below = _combined(shares[0] - low, other_high - shares[1], correlation)
        above = _combined(high - shares[0], shares[1] - other_low, correlation)
        return value - below, value + above, ""


def effective_trials(share: float, trials: float, customers: int, variance: float) -> float:
    """Return the trials without clusters that would give a share its variance.

    Examples
    --------
    >>> effective_trials(0.5, 400, 100, 0.0025)
    100.0
    """
    if not (0 < share < 1 and variance > 0):
        return min(float(customers), trials)
    return min(share * (1 - share) / variance, trials)


def _limits(share: float, trials: float, customers: int, variance: float) -> tuple[float, float]:
    effective = effective_trials(share, trials, customers, variance)
    return wilson(share * effective, effective, t_quantile(customers - 1))


def _combined(first: float, second: float, correlation: float) -> float:
    """Return the distance of a limit of a difference from its value."""
    squared = first**2 - 2 * correlation * first * second + second**2
    return math.sqrt(max(squared, 0.0))


def _first(sums: FloatArray) -> FloatArray:
    return safe_ratio(sums[..., 0], sums[..., 1])


def _second(sums: FloatArray) -> FloatArray:
    return safe_ratio(sums[..., 2], sums[..., 3])


def share_difference(sums: FloatArray) -> FloatArray:
    """Return the share of the first two totals less that of the next two."""
    return _first(sums) - _second(sums)
