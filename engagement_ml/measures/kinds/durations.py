"""Kinds of durations with requests that are still open: Kaplan-Meier's estimator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array
from engagement_ml.measures.kinds.kind import NO_DATA, Estimate, Z
from engagement_ml.measures.kinds.wilson import wilson

HOUR, MINUTE, SECOND = 3_600_000_000, 60_000_000, 1_000_000
"""In microseconds."""
HALF = 0.5
CLOSE = 1e-12
"""Rounding error of a share: below it, the share of open requests is exactly one half."""


@dataclass(frozen=True)
class DurationTotals:
    """Requests of one group and period, counted by how long they took.

    Attributes
    ----------
    n : int
        Customers with a request.
    times : array (m,)
        Distinct times in steps of the kind, ascending.
    answered, unanswered : array (m,)
        Requests that were answered after this time, and that were open this long when the tables
        ended.
    limit : float or None
        Time within which an answer counts as in time, in steps.
    design_effect : float, default 1.0
        Factor of the variance because requests of one customer are alike; at least 1.
    days : int, default 1
        Length of the period.
    """

    n: int
    times: Int64Array
    answered: Int64Array
    unanswered: Int64Array
    limit: float | None = None
    design_effect: float = 1.0
    days: int = 1


@dataclass(frozen=True)
class Durations:
    """Time from a request to its answer; requests without an answer are censored, not dropped.

    The share S(t) of requests that are open after t is Kaplan-Meier's, with Greenwood's variance
    times the design effect of several requests by one customer. The value is the median (the first
    time with S(t) <= 1/2), or the share 1 - S(limit). Intervals are Wilson's with as many requests
    as have the same variance; that of the median holds the times at which the interval of S(t)
    holds 1/2 (Brookmeyer and Crowley).

    Sources: E. L. Kaplan and P. Meier, JASA 53 (1958), 457-481; M. Greenwood (1926); R. Brookmeyer
    and J. Crowley, Biometrics 38 (1982), 29-41.

    Attributes
    ----------
    shows : {"median", "share"}
    unit : int
        Microseconds of the unit that people read.
    step : int
        Microseconds to which times are rounded up, so that equal ones can be counted together.

    Examples
    --------
    >>> hours = Durations("median", HOUR, MINUTE)
    >>> times, ones = np.array([60, 120, 180, 240, 300]), np.ones(5, dtype=np.int64)
    >>> hours.estimate(DurationTotals(5, times, ones, 0 * ones)).value
    3.0
    """

    shows: Literal["median", "share"] = "median"
    unit: int = HOUR
    step: int = MINUTE
    columns: tuple[str, ...] = ()
    interval: str = "Kaplan-Meier with Greenwood's variance; unanswered requests are censored"

    @property
    def cubes(self) -> bool:
        """Whether sums of products of three columns are needed."""
        return False

    def estimate(self, totals: DurationTotals) -> Estimate:
        """Return the median or the share within the limit, with its interval."""
        if not len(totals.times):
            return NO_DATA
        return self._median(totals) if self.shows == "median" else self._share(totals)

    def _median(self, totals: DurationTotals) -> Estimate:
        curve = kaplan_meier(totals)
        value = self._first(totals, curve.open <= HALF + CLOSE)
        spread = Z * HALF / np.sqrt(curve.requests / totals.design_effect)
        low = self._first(totals, curve.open <= HALF + spread)
        high = self._first(totals, curve.open < HALF - spread)
        answered, requests = int(totals.answered.sum()), _requests(totals)
        note = "" if value is None else self._within(totals)
        if value is None:
            note = f"{answered:,} of {requests:,} requests were answered: too few for a median"
            low = high = None
        elif high is None:
            note = "; ".join(filter(None, (note, "the interval is open above")))
        return Estimate(value, low, high, totals.n, answered, requests, note)

    def _share(self, totals: DurationTotals) -> Estimate:
        share, requests = share_within(totals)
        if share is None:
            return Estimate(
                None, None, None, totals.n, None, None, "no request has been open for the limit"
            )
        low, high = wilson(share * requests, requests)
        in_time = float(totals.answered[totals.times <= _limit(totals)].sum())
        return Estimate(
            100 * share, 100 * low, 100 * high, totals.n, in_time, _requests(totals)
        )  # fmt: skip

    def _within(self, totals: DurationTotals) -> str:
        if totals.limit is None:
            return ""
        share, _ = share_within(totals)
        limit = totals.limit * self.step / self.unit
        return "" if share is None else f"{100 * share:.0f}% within {limit:g}"

    def _first(self, totals: DurationTotals, condition: BoolArray) -> float | None:
        """Return the first time at which a condition holds, in the unit; None if it never does."""
        if not condition.any():
            return None
        return float(totals.times[int(np.argmax(condition))]) * self.step / self.unit


@dataclass(frozen=True)
class Curve:
    """Kaplan-Meier's curve at the distinct times.

    Attributes
    ----------
    at_risk : array (m,)
        Requests that were open just before each time.
    open : array (m,)
        Share of requests that are open after each time.
    requests : array (m,)
        Requests without censoring that would give `open` the same variance.
    """

    at_risk: FloatArray
    open: FloatArray
    requests: FloatArray


def kaplan_meier(totals: DurationTotals) -> Curve:
    """Return the share of open requests, with Greenwood's variance as a number of requests.

    Where the share is 0 or 1, the variance is 0 and the number is that of the last time at which
    it was not: of the requests at risk then.
    """
    answered = totals.answered.astype(np.float64)
    leaving = answered + totals.unanswered
    at_risk = leaving[::-1].cumsum()[::-1]
    remaining = at_risk - answered
    share = np.cumprod(remaining / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(answered / (at_risk * remaining))
        requests = (1 - share) / (share * greenwood)
    inside = (share > 0) & (share < 1)
    none_yet = np.where(share >= 1, at_risk, np.nan)
    requests = np.where(inside, requests, none_yet)
    # Once no request is open, the number stays that of the time before.
    last = np.maximum.accumulate(np.where(np.isnan(requests), -1, np.arange(len(requests))))
    filled = np.where(last >= 0, requests[np.maximum(last, 0)], at_risk[0])
    return Curve(at_risk, share, filled)


def share_within(totals: DurationTotals) -> tuple[float | None, float]:
    """Return the share answered within the limit, and the requests that stand behind it.

    The share is None if no limit is set, or if the last request was censored before the limit.
    """
    if totals.limit is None:
        return None, 0.0
    curve, limit = kaplan_meier(totals), _limit(totals)
    place = int(np.searchsorted(totals.times, limit, side="right")) - 1
    beyond = place + 1 < len(totals.times)
    if place < 0:
        return 0.0, float(curve.at_risk[0]) / totals.design_effect
    if not beyond and curve.open[place] > 0 and totals.times[place] < limit:
        return None, 0.0
    return 1 - float(curve.open[place]), float(curve.requests[place]) / totals.design_effect


def influences(totals: DurationTotals, until: float) -> tuple[FloatArray, FloatArray]:
    """Return the influence of an answered and of an open request on the hazard up to a time.

    Returns
    -------
    answered, unanswered : array (m,)
        For each distinct time. Their sum over all requests is 0, and the sum of squares over
        independent customers estimates the variance of the cumulative hazard (Nelson-Aalen).
    """
    at_risk = (totals.answered + totals.unanswered)[::-1].cumsum()[::-1].astype(np.float64)
    inside = totals.times <= until
    drift = np.cumsum(np.where(inside, totals.answered / at_risk**2, 0.0))
    return np.where(inside, 1 / at_risk, 0.0) - drift, -drift


def until(totals: DurationTotals, shows: str) -> float:
    """Return the time up to which the curve matters: the limit, or the median."""
    if shows == "share" and totals.limit is not None:
        return totals.limit
    below = kaplan_meier(totals).open <= HALF + CLOSE
    return float(totals.times[int(np.argmax(below))] if below.any() else totals.times[-1])


def _limit(totals: DurationTotals) -> float:
    return math.inf if totals.limit is None else totals.limit


def _requests(totals: DurationTotals) -> int:
    return int(totals.answered.sum() + totals.unanswered.sum())
