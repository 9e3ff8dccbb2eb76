"""Measures of ranking and fit for many weightings of the same rows at once.

A bootstrap sample is a weighting with whole numbers: a row that was drawn twice counts twice. All
functions here return exactly what the plain measure gives on the rows repeated that often, ranks
within the sample included. Sorting, the dear part, is done once. `W` has shape (n_rows, n), one
column a weighting, and results have shape (n,); NaN where the measure is not defined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, IntArray

TINY = 1e-12
TOP_SHARE = 0.1


@dataclass(frozen=True)
class Ranking:
    """The order of a column, ascending, with ties in groups.

    Attributes
    ----------
    order : array of shape (n_rows,)
        Row numbers in ascending order of value.
    starts : array of shape (n_groups,)
        Where each group of ties begins in `order`.
    group : array of shape (n_rows,)
        The group of each row.
    """

    order: IntArray
    starts: IntArray
    group: IntArray

    @classmethod
    def of(cls, values: FloatArray) -> Ranking:
        """Sort `values`, which must be finite.

        Examples
        --------
        >>> Ranking.of(np.array([3.0, 1.0, 3.0])).group.tolist()
        [1, 0, 1]
        """
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        new = np.r_[True, ordered[1:] != ordered[:-1]]
        group = np.empty(len(values), dtype=np.intp)
        group[order] = np.cumsum(new) - 1
        return cls(order=order, starts=np.flatnonzero(new), group=group)

    def sums(self, W: FloatArray) -> FloatArray:
        """Return the sum of `W` in each group of ties, shape (n_groups, n)."""
        ordered = W[self.order]
        if len(self.starts) == len(self.order):
            return ordered
        total: FloatArray = np.add.reduceat(ordered, self.starts, axis=0)
        return total

    def midranks(self, W: FloatArray) -> FloatArray:
        """Return each row's rank among the rows repeated `W` times, ties at their mean rank."""
        sums = self.sums(W)
        ranks = np.cumsum(sums, axis=0)
        ranks -= sums / 2
        ranks += 0.5
        return ranks[self.group]


def spearman(x_ranks: FloatArray, y_ranks: FloatArray, W: FloatArray) -> FloatArray:
    """Return Spearman's rank correlation from midranks of the same weightings.

    Examples
    --------
    >>> W = np.ones((4, 1))
    >>> x, y = (Ranking.of(np.array(v)).midranks(W) for v in ([1.0, 2, 3, 4], [1.0, 3, 2, 4]))
    >>> spearman(x, y, W).round(12)
    array([0.8])
    """
    total = W.sum(axis=0)
    square = total * ((total + 1) / 2) ** 2
    covariance = _dot(W, x_ranks, y_ranks) - square
    x_variance = _dot(W, x_ranks, x_ranks) - square
    y_variance = _dot(W, y_ranks, y_ranks) - square
    known = (x_variance > TINY * square) & (y_variance > TINY * square)
    scale = np.sqrt(np.where(known, x_variance * y_variance, 1.0))
    return np.where(known, covariance / scale, np.nan)


def gini(y: FloatArray, x_ranks: FloatArray, y_ranks: FloatArray, W: FloatArray) -> FloatArray:
    """Return the Gini correlation, cov(y, rank x) / cov(y, rank y): the normalised Gini.

    1 where x orders by y, 0 where it orders at random; defined for negative y as well
    (Schechtman and Yitzhaki 1987, Communications in Statistics 16).

    Examples
    --------
    >>> W, y = np.ones((3, 1)), np.array([0.0, 1.0, 10.0])
    >>> gini(y, Ranking.of(-y).midranks(W), Ranking.of(y).midranks(W), W).round(12)
    array([-1.])
    """
    total = np.maximum(W.sum(axis=0), TINY)
    centred = W * (y[:, None] - (y @ W) / total)
    own = np.einsum("ij,ij->j", centred, y_ranks)
    known = own > TINY * np.maximum(np.abs(y).max(initial=0.0), TINY) * total
    return np.where(
        known, np.einsum("ij,ij->j", centred, x_ranks) / np.where(known, own, 1), np.nan
    )


def r_squared(y: FloatArray, prediction: FloatArray, W: FloatArray) -> FloatArray:
    """Return 1 - squared error of the prediction / squared error of the mean.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 2.0])
    >>> r_squared(y, np.array([0.0, 1.0, 3.0]), np.ones((3, 1)))
    array([0.5])
    """
    total = np.maximum(W.sum(axis=0), TINY)
    centred = y - y.mean() if len(y) else y
    # In two passes: a value that weighs nothing here may lie far off.
    apart = centred[:, None] - (centred @ W) / total
    around_mean = _dot(W, apart, apart)
    known = around_mean > TINY * (centred**2 @ W)
    error = (y - prediction) ** 2 @ W
    return np.where(known, 1 - error / np.where(known, around_mean, 1.0), np.nan)


def mean_of(y: FloatArray, W: FloatArray) -> FloatArray:
    """Return the mean of y; NaN where no row is drawn."""
    total = W.sum(axis=0)
    return np.where(total > 0, (y @ W) / np.maximum(total, TINY), np.nan)


def top_decile_lift(y: FloatArray, ranking: Ranking, W: FloatArray) -> FloatArray:
    """Return the mean of y in the top tenth of the ranking over the mean of y.

    The tenth is exact: where it ends within a group of ties, the group counts with its mean, in
    the share that fits, so that no order among ties matters. NaN where the mean is not positive.

    Examples
    --------
    >>> y = np.array([0.0] * 9 + [5.0])
    >>> top_decile_lift(y, Ranking.of(y), np.ones((10, 1)))
    array([10.])
    >>> top_decile_lift(y, Ranking.of(np.zeros(10)), np.ones((10, 1)))
    array([1.])
    """
    sums = ranking.sums(W)[::-1]
    totals = ranking.sums(W * y[:, None])[::-1]
    capacity = TOP_SHARE * W.sum(axis=0)
    before = np.cumsum(sums, axis=0) - sums
    taken = np.clip(capacity - before, 0.0, sums)
    share = taken / np.where(sums > 0, sums, 1.0)
    top = np.einsum("ij,ij->j", share, totals)
    overall = mean_of(y, W)
    known = overall > 0
    return np.where(known, top / np.where(known, capacity * overall, 1.0), np.nan)


def roc_auc(y: FloatArray, ranking: Ranking, W: FloatArray) -> FloatArray:
    """Return the area under the ROC curve for y of 0 and 1; a tie counts half.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 1.0])
    >>> roc_auc(y, Ranking.of(np.array([0.2, 0.2, 0.9])), np.ones((3, 1)))
    array([0.75])
    """
    positive = ranking.sums(W * y[:, None])
    negative = ranking.sums(W) - positive
    below = np.cumsum(negative, axis=0) - negative / 2
    pairs = positive.sum(axis=0) * negative.sum(axis=0)
    won = np.einsum("ij,ij->j", positive, below)
    return np.where(pairs > 0, won / np.maximum(pairs, TINY), np.nan)


def average_precision(y: FloatArray, ranking: Ranking, W: FloatArray) -> FloatArray:
    """Return the area under the precision-recall curve by steps, as scikit-learn does.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 1.0])
    >>> average_precision(y, Ranking.of(np.array([0.5, 0.2, 0.9])), np.ones((3, 1))).round(6)
    array([0.833333])
    """
    positive = ranking.sums(W * y[:, None])[::-1]
    found = np.cumsum(positive, axis=0)
    called = np.cumsum(ranking.sums(W)[::-1], axis=0)
    precision = found / np.where(called > 0, called, 1.0)
    total = found[-1]
    area = np.einsum("ij,ij->j", positive, precision)
    return np.where(total > 0, area / np.where(total > 0, total, 1.0), np.nan)


def deciles(prediction: FloatArray) -> IntArray:
    """Return each row's decile by prediction, 1 to 10; ties share one, so some may be empty.

    Examples
    --------
    >>> deciles(np.arange(20.0)).tolist()
    [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10]
    """
    if not len(prediction):
        return np.zeros(0, dtype=np.intp)
    ranks = Ranking.of(prediction).midranks(np.ones((len(prediction), 1)))[:, 0]
    return (np.floor((ranks - 0.5) * 10 / len(ranks)) + 1).astype(np.intp)


def _dot(W: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    product: FloatArray = np.einsum("ij,ij,ij->j", W, x, y)
    return product
