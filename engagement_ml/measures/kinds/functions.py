"""Kinds whose value is a smooth function of totals: ratios, shares, differences, products."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.measures.kinds.kind import NO_DATA, SMALL, Estimate, Totals, Z
from engagement_ml.measures.kinds.wilson import wilson

REPLICATES = 2000
SEED = 20_231
MIN_FINITE_SHARE = 0.9
"""Share of the bootstrap's samples in which the value must exist."""


@dataclass(frozen=True)
class TotalsFunction:
    """A smooth function of the totals of customers.

    The interval is by linearisation (the delta method) with customers as clusters: with s the
    totals, g the gradient of f at s and S the sum over customers of the squared deviations from
    their mean, the variance is n/(n − 1) · gᵀSg. Below `SMALL` customers it is the
    2.5% to 97.5% range of a bootstrap over customers.

    Attributes
    ----------
    columns : tuple of str
    function : callable
        From an array (..., k) of totals to an array (...); NaN where it is not defined.
    numerator, denominator : str or None
        The columns that are shown as such.
    scale : float, default 1.0
        Factor of the value and its interval, such as 100 for percent.
    bounds : (float, float)
        Smallest and largest possible value, after scaling.

    Examples
    --------
    >>> orders = ratio("orders", "customers")
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
    interval: str = "linearised, clustered by customer; bootstrap below 30 customers"

    def estimate(self, totals: Totals) -> Estimate:
        """Return value and interval; no data if the function is not defined at the totals."""
        value = float(self.function(totals.sums)) if totals.n else math.nan
        if not math.isfinite(value):
            return NO_DATA
        low, high, note = self._interval(totals)
        numerator, denominator = (self._total(name, totals) for name in self._parts())
        return Estimate(
            self._bounded(value), low, high, totals.n, numerator, denominator, note
        )  # fmt: skip

    def _interval(self, totals: Totals) -> tuple[float | None, float | None, str]:
        if totals.n < 2:
            return None, None, "one customer gives no interval"
        if totals.n < SMALL and totals.rows is not None:
            return self._bootstrap(totals.rows)
        value, half = float(self.function(totals.sums)), Z * math.sqrt(self.variance(totals))
        return self._bounded(value - half), self._bounded(value + half), ""

    def variance(self, totals: Totals) -> float:
        """Return the variance of the value, before scaling."""
        n, sums = totals.n, totals.sums
        gradient = self._gradient(sums)
        deviations = totals.products - np.outer(sums, sums) / n
        return max(float(gradient @ deviations @ gradient) * n / (n - 1), 0.0)

    def _gradient(self, sums: FloatArray) -> FloatArray:
        """Return the gradient by central differences, relative to the size of each total."""
        steps = 1e-6 * np.maximum(np.abs(sums), 1.0)
        moved = np.diag(steps)
        ahead, behind = self.function(sums + moved), self.function(sums - moved)
        return np.nan_to_num((ahead - behind) / (2 * steps))

    def _bootstrap(self, rows: FloatArray) -> tuple[float | None, float | None, str]:
        n = len(rows)
        rng = np.random.default_rng(SEED)
        values = self.function(rows[rng.integers(n, size=(REPLICATES, n))].sum(axis=1))
        finite = values[np.isfinite(values)]
        if len(finite) < MIN_FINITE_SHARE * REPLICATES:
            return None, None, "too few customers for an interval"
        low, high = np.quantile(finite, (0.025, 0.975))
        return self._bounded(float(low)), self._bounded(float(high)), "interval by bootstrap"

    def _parts(self) -> tuple[str | None, str | None]:
        return self.numerator, self.denominator

    def _total(self, name: str | None, totals: Totals) -> float | None:
        return None if name is None else float(totals.sums[self.columns.index(name)])

    def _bounded(self, value: float) -> float:
        return min(max(value * self.scale, self.bounds[0]), self.bounds[1])


@dataclass(frozen=True)
class Share(TotalsFunction):
    """A share; Wilson's interval if each person counts once, else as every ratio.

    Whether each person counts once is read from the totals: then all counts are 0 or 1.

    Source: E. B. Wilson, "Probable Inference", JASA 22 (1927), 209-212.
    """

    interval: str = "Wilson if each person counts once, else linearised, clustered by customer"

    def _interval(self, totals: Totals) -> tuple[float | None, float | None, str]:
        successes, trials = (round(total) for total in totals.sums)
        once = bool(np.all(np.isclose(np.diag(totals.products), totals.sums)))
        if not (once and 0 <= successes <= trials):
            return super()._interval(totals)
        low, high = wilson(successes, trials)
        return self._bounded(low), self._bounded(high), ""


def ratio(
    numerator: str,
    denominator: str,
    *,
    scale: float = 1.0,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> TotalsFunction:
    """Return the kind of a rate or mean: one total by another."""
    return TotalsFunction(
        (numerator, denominator), divide, numerator, denominator, scale, bounds
    )  # fmt: skip


def share(numerator: str, denominator: str) -> Share:
    """Return the kind of a share, in percent."""
    return Share((numerator, denominator), divide, numerator, denominator, 100.0, (0.0, 100.0))


def divide(sums: FloatArray) -> FloatArray:
    """Return the first total by the second; NaN where the second is not positive."""
    return safe_ratio(sums[..., 0], sums[..., 1])


def safe_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return a ratio; NaN where the denominator is not positive."""
    below = np.asarray(below, dtype=np.float64)
    positive = below > 0
    return np.where(positive, above / np.where(positive, below, 1.0), np.nan)
