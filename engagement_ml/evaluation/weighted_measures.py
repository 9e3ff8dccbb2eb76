"""Weighted measures of rank correlation, ranking and fit, for many bootstrap samples at once.

A bootstrap sample is a vector of whole-number weights: a row that was drawn twice has weight 2.
All functions return exactly what the unweighted measure gives on rows repeated that often, with
ranks within the sample. Sorting, the expensive step, is done once. ``W`` has shape (n_rows, n), one
column per sample. Results have shape (n,), and are NaN if the measure is not defined in the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, IntArray

TINY = 1e-12
"""Relative variance below which a column counts as constant: sums of squares of equal values leave
rounding errors of about 1e-16 times their number."""
TOP_SHARE = 0.1


@dataclass(frozen=True)
class Ranking:
    """The ascending order of a column, with groups of ties.

    Attributes
    ----------
    order : array of shape (n_rows,)
        Row numbers in ascending order of value.
    starts : array of shape (n_groups,)
        The position in `order` at which each group of ties begins.
    group : array of shape (n_rows,)
        The group of each row.
    """

    order: IntArray
    starts: IntArray
    group: IntArray

    @classmethod
    def of(cls, values: FloatArray) -> Ranking:
        """Return the ranking of `values`, shape (n_rows,), which must be finite.

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
        """Return each row's rank among the rows repeated `W` times, shape (n_rows, n).

        Ties share their mean rank.
        """
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
    defined = (x_variance > TINY * square) & (y_variance > TINY * square)
    scale = np.sqrt(np.where(defined, x_variance * y_variance, 1.0))
    return np.where(defined, covariance / scale, np.nan)


def gini(y: FloatArray, x_ranks: FloatArray, y_ranks: FloatArray, W: FloatArray) -> FloatArray:
    """Return the Gini correlation, cov(y, rank x) / cov(y, rank y): the normalised Gini.

    It is 1 if x orders rows as y does, and 0 for a random order. It is defined for negative y as
    well (Schechtman and Yitzhaki 1987, Communications in Statistics 16).

    Examples
    --------
    >>> W, y = np.ones((3, 1)), np.array([0.0, 1.0, 10.0])
    >>> gini(y, Ranking.of(-y).midranks(W), Ranking.of(y).midranks(W), W).round(12)
    array([-1.])
    """
    total = np.maximum(W.sum(axis=0), TINY)
    centred = W * (y[:, None] - (y @ W) / total)
    y_covariance = np.einsum("ij,ij->j", centred, y_ranks)
    x_covariance = np.einsum("ij,ij->j", centred, x_ranks)
    defined = y_covariance > TINY * np.maximum(np.abs(y).max(initial=0.0), TINY) * total
    return np.where(defined, x_covariance / np.where(defined, y_covariance, 1), np.nan)


def r_squared(y: FloatArray, prediction: FloatArray, W: FloatArray) -> FloatArray:
    """Return R²: 1 - squared error of the prediction / squared error of the mean.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 2.0])
    >>> r_squared(y, np.array([0.0, 1.0, 3.0]), np.ones((3, 1)))
    array([0.5])
    """
    total = np.maximum(W.sum(axis=0), TINY)
    centred = y - y.mean() if len(y) else y
    # Two-pass variance: the mean of the sample may be far from the mean of all rows.
    deviation = centred[:, None] - (centred @ W) / total
    around_mean = _dot(W, deviation, deviation)
    defined = around_mean > TINY * (centred**2 @ W)
    error = (y - prediction) ** 2 @ W
    return np.where(defined, 1 - error / np.where(defined, around_mean, 1.0), np.nan)


def mean_of(y: FloatArray, W: FloatArray) -> FloatArray:
    """Return the mean of y; NaN if no row is drawn."""
    total = W.sum(axis=0)
    return np.where(total > 0, (y @ W) / np.maximum(total, TINY), np.nan)


def top_decile_lift(y: FloatArray, ranking: Ranking, W: FloatArray) -> FloatArray:
    """Return the mean of y in the top tenth of the ranking, divided by the mean of y.

    The tenth is exact: if it ends within a group of ties, the group counts with its mean and with
    the share that fits, so that the order among ties does not matter. NaN if the mean is not
    positive.

    Examples
    --------
    >>> y = np.array([0.0] * 9 + [5.0])
    >>> top_decile_lift(y, Ranking.of(y), np.ones((10, 1)))
    array([10.])
    >>> top_decile_lift(y, Ranking.of(np.zeros(10)), np.ones((10, 1)))
    array([1.])
    """
    overall, top = mean_of(y, W), top_decile_mean(y, ranking, W)
    defined = overall > 0
    return np.where(defined, top / np.where(defined, overall, 1.0), np.nan)


def top_decile_mean(y: FloatArray, ranking: Ranking, W: FloatArray) -> FloatArray:
    """Return the mean of y in the top tenth of the ranking; ties as in `top_decile_lift`.

    Examples
    --------
    >>> y = np.array([0.0] * 9 + [5.0])
    >>> top_decile_mean(y, Ranking.of(y), np.ones((10, 1)))
    array([5.])
    """
    sums = ranking.sums(W)[::-1]
    totals = ranking.sums(W * y[:, None])[::-1]
    capacity = TOP_SHARE * W.sum(axis=0)
    before = np.cumsum(sums, axis=0) - sums
    in_top = np.clip(capacity - before, 0.0, sums)
    share = in_top / np.where(sums > 0, sums, 1.0)
    top = np.einsum("ij,ij->j", share, totals)
    return np.where(capacity > 0, top / np.maximum(capacity, TINY), np.nan)


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
    concordant = np.einsum("ij,ij->j", positive, below)
    return np.where(pairs > 0, concordant / np.maximum(pairs, TINY), np.nan)


def average_precision(y: FloatArray, ranking: Ranking, W: FloatArray) -> FloatArray:
    """Return average precision: the area under the precision-recall curve, as in scikit-learn.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 1.0])
    >>> average_precision(y, Ranking.of(np.array([0.5, 0.2, 0.9])), np.ones((3, 1))).round(6)
    array([0.833333])
    """
    positive = ranking.sums(W * y[:, None])[::-1]
    true_positives = np.cumsum(positive, axis=0)
    predicted_positives = np.cumsum(ranking.sums(W)[::-1], axis=0)
    precision = true_positives / np.where(predicted_positives > 0, predicted_positives, 1.0)
    total = true_positives[-1]
    area = np.einsum("ij,ij->j", positive, precision)
    return np.where(total > 0, area / np.where(total > 0, total, 1.0), np.nan)


def deciles(prediction: FloatArray) -> IntArray:
    """Return each row's decile of the prediction, 1 to 10; ties share one, so some may be empty.

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
