"""Kinds whose value is a smooth function of totals, with linearised intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.measures.kinds.arithmetic import gradient
from engagement_ml.measures.kinds.bootstrap import studentized_bootstrap
from engagement_ml.measures.kinds.kind import NO_DATA, Estimate, Totals, t_quantile

FEWEST = 8
"""Customers below which an interval of amounts would not hold what it says."""
ZERO_EVENTS = -math.log(0.025)
"""Upper 97.5% limit of the mean of a Poisson count of which 0 was seen."""
SAME = "no interval: the customers do not differ"

Interval = tuple[float | None, float | None, str]
"""Lower and upper limit, before scaling, and a note."""


@dataclass(frozen=True)
class TotalsFunction:
    """A smooth function of the totals of customers.

    The interval is by linearisation (the delta method) with customers as clusters: with x the
    columns of a customer, s their totals and g the gradient of f at s, each customer's influence
    is u = g·x, and the variance is n/(n - 1) · Σ(u - ū)². Limits are those of Student's t,
    corrected for the skewness of u (Hall 1992): amounts that few customers spend are skewed. Below
    30 customers, the interval is by the studentized bootstrap over customers, and below `FEWEST`
    there is none.

    Source: P. Hall, "On the Removal of Skewness by Transformation", JRSS B 54 (1992), 221-228.

    Attributes
    ----------
    columns : tuple of str
    function : callable
        From an array (..., k) of totals to an array (...); NaN where it is not defined.
    numerator, denominator : str or None
        The columns that are shown as such.
    scale : float, default 1.0
        Factor of the value and its interval, such as 100 for percent. Below 1, it converts the
        numerator that is shown as well: amounts are summed in millionths.
    bounds : (float, float)
        Smallest and largest possible value, after scaling.
    per_days : float or None
        Days that the value is for, if it grows with the length of the period.
    counts : bool, default False
        Whether the value is a number of events by a denominator; then none at all still has an
        upper limit, that of a Poisson count.

    Examples
    --------
    >>> orders = TotalsFunction(("orders", "customers"), lambda sums: sums[..., 0] / sums[..., 1])
    >>> rows = np.column_stack([np.arange(40.0) % 3, np.ones(40)])
    >>> totals = Totals(40, rows.sum(0), rows.T @ rows)
    >>> orders.estimate(totals).value
    0.975
    """

    columns: tuple[str, ...]
    function: Callable[[FloatArray], FloatArray]
    numerator: str | None = None
    denominator: str | None = None
    scale: float = 1.0
    bounds: tuple[float, float] = (-math.inf, math.inf)
    counts: bool = False
    per_days: float | None = None
    interval: str = (
        "linearised, clustered by customer, corrected for skewness; studentized bootstrap by "
        "customer below 30 customers, none below 8"
    )

    @property
    def cubes(self) -> bool:
        """Whether sums of products of three columns are needed."""
        return True

    def estimate(self, totals: Totals) -> Estimate:
        """Return value and interval; no data if the function is not defined at the totals."""
        value = float(self.function(totals.sums)) if totals.n else math.nan
        if not math.isfinite(value):
            return NO_DATA
        low, high, note = self._interval(totals)
        numerator, denominator = (
            None if name is None else factor * float(totals.sums[self.columns.index(name)])
            for name, factor in ((self.numerator, min(self.scale, 1.0)), (self.denominator, 1.0))
        )
        factor = self.scale
        if self.per_days is not None:
            factor *= self.per_days / totals.days
        shown, low, high = (
            None if each is None else min(max(each * factor, self.bounds[0]), self.bounds[1])
            for each in (value, low, high)
        )
        return Estimate(shown, low, high, totals.n, numerator, denominator, note)

    def _interval(self, totals: Totals) -> Interval:
        if self.counts and totals.sums[0] == 0:
            return 0.0, ZERO_EVENTS / float(totals.sums[1]), ""
        if totals.n < FEWEST:
            return None, None, f"no interval: fewer than {FEWEST} customers"
        if totals.rows is not None:
            limits = studentized_bootstrap(self.function, totals.rows)
            if limits is None:
                return None, None, SAME
            value = float(self.function(totals.sums))
            # Samples of very skewed amounts may all lie on one side of the value.
            return min(limits[0], value), max(limits[1], value), "interval by bootstrap"
        variance = self.variance(totals)
        if not variance > 0:
            return None, None, SAME
        value, error = float(self.function(totals.sums)), math.sqrt(variance)
        low, high = skewness_corrected(totals.n, self._skewness(totals))
        return value - error * high, value - error * low, ""

    def variance(self, totals: Totals) -> float:
        """Return the variance of the value, before scaling; NaN if it is not defined."""
        covariance = self._gradient(totals) @ _deviations(totals) @ self._gradient(totals)
        noise = 1e-12 * float(self._gradient(totals) ** 2 @ np.diag(totals.products))
        return 0.0 if covariance <= noise else float(covariance) * totals.n / (totals.n - 1)

    def _gradient(self, totals: Totals) -> FloatArray:
        return gradient(self.function, totals.sums)

    def _skewness(self, totals: Totals) -> float:
        """Return the skewness of the customers' influences; 0 without sums of three columns."""
        if totals.cubes is None:
            return 0.0
        g, n = self._gradient(totals), totals.n
        first, second = float(g @ totals.sums) / n, float(g @ totals.products @ g) / n
        third = float(np.einsum("ijk,i,j,k", totals.cubes, g, g, g)) / n
        variance = second - first**2
        return (third - 3 * first * second + 2 * first**3) / math.sqrt(variance) ** 3


def skewness_corrected(n: int, skewness: float) -> tuple[float, float]:
    """Return the limits of (estimate - truth) / error, by Hall's cubic transformation.

    Examples
    --------
    >>> [round(limit, 2) for limit in skewness_corrected(100, 0.0)]
    [-1.98, 1.98]
    >>> [round(limit, 2) for limit in skewness_corrected(100, 3.0)]
    [-2.7, 1.65]
    """
    quantile = t_quantile(n - 1)
    if abs(skewness) < 1e-6:
        return -quantile, quantile
    root = math.sqrt(n)

    def limit(y: float) -> float:
        cube = 1 + skewness * (y / root - skewness / (6 * n))
        return 3 * root / skewness * (math.copysign(abs(cube) ** (1 / 3), cube) - 1)

    return limit(-quantile), limit(quantile)


def _deviations(totals: Totals) -> FloatArray:
    """Return the sums of products of the deviations from the mean."""
    deviations: FloatArray = totals.products - np.outer(totals.sums, totals.sums) / totals.n
    return deviations
