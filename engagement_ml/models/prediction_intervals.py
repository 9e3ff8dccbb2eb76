r"""Split-conformal prediction intervals of a customer's margin, calibrated out of time.

Margin is heavy-tailed and mostly 0, so an interval of one width around the prediction would be too
wide for most customers and too narrow for the largest. The intervals are therefore

- *normalised*: the quantiles are those of :math:`y / s(x)` with
  :math:`s(x) = c + |\hat y(x)|`, so that they grow with the prediction, and a margin of 0 stays 0;
- *asymmetric*: the lower and the upper tail have their own quantile (Romano, Patterson and Candès
  2019, Conformalized Quantile Regression);
- *Mondrian*: each group of customers with similar predictions has its own quantiles (Vovk 2012),
  so that the coverage holds in each group, not only on average.

An interval is widened to hold the prediction itself, which lies beyond the quantiles if few
customers of the group buy at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import AnyArray, FloatArray, IntArray

LEVEL = 0.9
"""Share of customers whose margin an interval is made to hold."""
MAX_GROUPS = 10
MIN_CUSTOMERS = 50
"""Customers in a group: a tail of 5% needs at least 19, and its quantile is noisy below this."""
_FOLDS = 5


@dataclass(frozen=True)
class PredictionIntervals:
    """Quantiles from which the interval of a prediction is made, and their measured coverage.

    Attributes
    ----------
    level : float
        The share of customers whose margin an interval is made to hold.
    scale : float
        c, in currency; the median absolute prediction of the calibration rows.
    edges : tuple of float
        Predictions at which the second and each further group begins, ascending, in currency.
    low, high : tuple of float
        The quantiles of margin / scale in each group; one more than there are `edges`.
    n_customers, n_rows : int
        Customers of the calibration rows, and the rows: one per customer and test cutoff.
    coverage : float or None
        Share of rows whose margin lies in an interval that was calibrated on other customers.
    coverage_by_group : tuple of float
        The same in each group.
    reason : str or None
        Why there are no intervals, in a sentence; None if there are.
    """

    level: float = LEVEL
    scale: float = 0.0
    edges: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    n_customers: int = 0
    n_rows: int = 0
    coverage: float | None = None
    coverage_by_group: tuple[float, ...] = ()
    reason: str | None = None

    def bounds(self, predicted: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the lower and upper bound of each prediction, in currency; NaN without intervals.

        Examples
        --------
        >>> tails = {"low": (0.0, 0.5), "high": (1.0, 2.0)}
        >>> intervals = PredictionIntervals(scale=1.0, edges=(5.0,), **tails)
        >>> [bound.tolist() for bound in intervals.bounds([1.0, 9.0])]
        [[0.0, 5.0], [2.0, 20.0]]
        """
        values = np.asarray(predicted, dtype=np.float64)
        if self.reason is not None:
            return np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        group = np.searchsorted(np.asarray(self.edges), values, side="right")
        size = self.scale + np.abs(values)
        low = np.asarray(self.low)[group] * size
        high = np.asarray(self.high)[group] * size
        return np.minimum(low, values), np.maximum(high, values)


def calibrate_intervals(
    predicted: FloatArray, margin: FloatArray, customers: AnyArray, *, seed: int = 0
) -> PredictionIntervals:
    """Calibrate intervals on rows that the model did not see, and measure their coverage.

    The quantiles are those of all rows. The coverage is cross-fitted: each fifth of the customers
    is covered by intervals that were calibrated on the other customers.

    Parameters
    ----------
    predicted, margin : array (n,)
        Of out-of-time rows, in currency.
    customers : array (n,)
        The customer of each row. The rows of one customer are dependent, so the finite-sample
        correction counts customers, not rows.
    seed : int

    Returns
    -------
    PredictionIntervals
        Without quantiles and with a `reason` if there are fewer than 50 customers.
    """
    usable = np.isfinite(predicted) & np.isfinite(margin)
    predicted, margin, customers = predicted[usable], margin[usable], customers[usable]
    _, codes = np.unique(customers, return_inverse=True)
    n = int(codes.max()) + 1 if codes.size else 0
    if n < MIN_CUSTOMERS + math.ceil(MIN_CUSTOMERS / (_FOLDS - 1)):
        return PredictionIntervals(n_customers=n, n_rows=len(margin), reason=_too_few(n))
    whole = _calibrated(predicted, margin, codes)
    fold = np.random.default_rng(seed).permutation(n)[codes] % _FOLDS
    covered = np.zeros(len(margin), dtype=bool)
    for held_out in range(_FOLDS):
        own, others = fold == held_out, fold != held_out
        low, high = _calibrated(predicted[others], margin[others], codes[others]).bounds(
            predicted[own]
        )
        covered[own] = (low <= margin[own]) & (margin[own] <= high)
    group = np.searchsorted(np.asarray(whole.edges), predicted, side="right")
    shares = tuple(
        float(covered[group == g].mean()) if (group == g).any() else math.nan
        for g in range(len(whole.low))
    )
    return PredictionIntervals(
        scale=whole.scale,
        edges=whole.edges,
        low=whole.low,
        high=whole.high,
        n_customers=n,
        n_rows=len(margin),
        coverage=float(covered.mean()),
        coverage_by_group=shares,
    )


def _too_few(n: int) -> str:
    return (
        f"{n} customers have an outcome at the test cutoffs, and intervals need "
        f"{MIN_CUSTOMERS + math.ceil(MIN_CUSTOMERS / (_FOLDS - 1))}"
    )


def _calibrated(
    predicted: FloatArray, margin: FloatArray, customers: IntArray
) -> PredictionIntervals:
    """Return the quantiles of margin / scale by group of predictions."""
    n_groups = max(1, min(MAX_GROUPS, len(np.unique(customers)) // MIN_CUSTOMERS))
    edges = np.unique(np.quantile(predicted, np.arange(1, n_groups) / n_groups))
    # A border at the least prediction, shared by many, would leave a group without rows.
    edges = edges[edges > predicted.min()]
    group = np.searchsorted(edges, predicted, side="right")
    scale = float(np.median(np.abs(predicted))) or float(np.abs(predicted).mean()) or 1.0
    ratio = margin / (scale + np.abs(predicted))
    low, high = [], []
    for g in range(len(edges) + 1):
        inside = group == g
        n = len(np.unique(customers[inside]))
        lowest, highest = _quantiles(ratio[inside], n)
        low.append(lowest)
        high.append(highest)
    return PredictionIntervals(scale=scale, edges=_plain(edges), low=_plain(low), high=_plain(high))


def _quantiles(ratio: FloatArray, n_customers: int) -> tuple[float, float]:
    """Return the two conformal quantiles of a group: (1 − α/2)(1 + 1/n) in either tail."""
    share = min(1.0, (1 + LEVEL) / 2 * (1 + 1 / n_customers))
    high = float(np.quantile(ratio, share, method="higher"))
    low = float(np.quantile(ratio, 1 - share, method="lower"))
    return low, high


def _plain(values: Sequence[float] | FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
