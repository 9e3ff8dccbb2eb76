"""Behaviours that move together within customers, and whether one of them leads to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, LagGroups

CORRELATION_PERIODS = 4
"""Trailing sums over this many periods show what behaviours have in common."""

MIN_CORRELATION = 0.05
"""Correlation of two behaviours within customers from which they are taken to share a cause."""

MIN_PREDICTION = 0.03
"""Correlation of the past of one behaviour with the present of another, both ways, from which a
hidden state that lasts is taken to move both."""

CLEAR_CORRELATION = 0.1
"""Correlation from which two behaviours share a cause, unless one leads to the other."""

ONE_WAY_Z = 3.0
"""Difference between the two ways of prediction, in standard deviations of unrelated pairs, from
which one behaviour leads to the other,"""

MAX_SYMMETRY = 0.35
"""if the weaker way is less than this share of the stronger one. A hidden state has the same
covariance both ways."""

UNRELATED = 0.04
"""Correlation below which pairs of behaviours show how far the two ways differ by chance."""

MIN_UNRELATED = 10
"""Unrelated pairs from which this is estimated;"""

USUAL_NOISE = 0.015
"""with fewer, the standard deviation of the difference is taken to be this."""

MIN_VARIATION = 1e-10
"""Smallest variance within customers and periods, as a share of the largest."""

NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

MIN_CARRIERS = 3
"""Behaviours that must carry a factor; what only two have in common need not be a hidden cause."""


def within_correlation(information: FloatArray, groups: LagGroups, n_behaviours: int) -> FloatArray:
    """Return the correlation of trailing sums within customers and periods, shape (B, B).

    Parameters
    ----------
    information : array (B · G, B · G)
        Sums of squares and products of the lagged counts, by behaviour and group of lags.
    groups : tuple of (first, last)
    n_behaviours : int
    """
    sums = np.kron(np.eye(n_behaviours), trailing_weights(groups))
    products = sums @ information @ sums.T
    precision = inverse_or_zero(positive_std(np.diag(products)))
    return np.asarray(products * np.outer(precision, precision))


def positive_std(variances: FloatArray) -> FloatArray:
    """Return standard deviations; 0 for what does not vary within customers and periods."""
    varies = variances > MIN_VARIATION * max(float(variances.max(initial=0.0)), 1e-300)
    return np.sqrt(np.where(varies, variances, 0.0))


def inverse_or_zero(values: FloatArray) -> FloatArray:
    """Return inverses, and 0 of 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def trailing_weights(groups: LagGroups) -> FloatArray:
    """Return weights of the trailing sums; of the first lag alone if all groups are longer."""
    recent = np.array([1.0 if a >= 1 and b <= CORRELATION_PERIODS else 0.0 for a, b in groups])
    if not recent.any():
        recent[[g for g, (a, _) in enumerate(groups) if a == 1]] = 1.0
    return recent


@dataclass(frozen=True)
class Prediction:
    """How well the past of each of two behaviours predicts the present of the other.

    Correlations of trailing sums of one with the present of the other, within customers and
    periods. A hidden state moves both behaviours for a while, so each predicts the other. If one
    behaviour leads to another, mostly the first predicts the second.

    Attributes
    ----------
    weaker : array (B, B)
        The smaller in size of the two ways; 0 if their signs differ.
    symmetry : array (B, B)
        The smaller of the two covariances as a share of the larger, 0 to 1.
    difference : array (B, B)
        Difference of the two ways in size, if both are divided by the same standard deviations.
    """

    weaker: FloatArray
    symmetry: FloatArray
    difference: FloatArray

    @classmethod
    def of(cls, covariance: FloatArray, past_std: FloatArray, now_std: FloatArray) -> Prediction:
        """Compare both ways, given covariances of the past (rows) with the present (columns)."""
        size, same_sign = np.abs(covariance), covariance * covariance.T > 0
        ahead = size * np.outer(inverse_or_zero(past_std), inverse_or_zero(now_std))
        scale = inverse_or_zero(np.sqrt(past_std * now_std))
        return cls(
            weaker=np.where(same_sign, np.minimum(ahead, ahead.T), 0.0),
            symmetry=np.minimum(size, size.T) * inverse_or_zero(np.maximum(size, size.T)),
            difference=np.abs(covariance - covariance.T) * np.outer(scale, scale),
        )

    def one_way(self, correlation: FloatArray) -> BoolArray:
        """Return whether one behaviour certainly leads to the other, shape (B, B)."""
        pairs = np.triu_indices(len(correlation), 1)
        unrelated = self.difference[pairs][np.abs(correlation[pairs]) < UNRELATED]
        few = len(unrelated) < MIN_UNRELATED
        noise = USUAL_NOISE if few else NORMAL_MAD * float(np.median(unrelated))
        certain = self.difference > ONE_WAY_Z * noise
        return np.asarray(certain & (self.symmetry < MAX_SYMMETRY))


def mutual_prediction(information: FloatArray, groups: LagGroups, n_behaviours: int) -> Prediction:
    """Return how well any two behaviours predict each other, of `within_correlation`'s inputs."""
    now = np.array([1.0 if a == b == 0 else 0.0 for a, b in groups])
    past = np.kron(np.eye(n_behaviours), trailing_weights(groups))
    present = np.kron(np.eye(n_behaviours), now)
    return Prediction.of(
        past @ information @ present.T,
        positive_std(np.einsum("ip,pq,iq->i", past, information, past)),
        positive_std(np.einsum("ip,pq,iq->i", present, information, present)),
    )


def correlated_groups(correlation: FloatArray, prediction: Prediction) -> list[list[int]]:
    """Return groups of at least `MIN_CARRIERS` behaviours that may share a hidden cause.

    Parameters
    ----------
    correlation : array (B, B)
        Two behaviours are linked from `MIN_CORRELATION` on,
    prediction : Prediction
        if each predicts the other by at least `MIN_PREDICTION`, and from `CLEAR_CORRELATION` on
        unless one leads to the other.

    Examples
    --------
    >>> r = np.eye(4)
    >>> r[0, 1] = r[1, 0] = r[1, 3] = r[3, 1] = 0.3
    >>> correlated_groups(r, Prediction.of(r, np.ones(4), np.ones(4)))
    [[0, 1, 3]]
    """
    size = np.abs(correlation)
    linked = (size >= MIN_CORRELATION) & (prediction.weaker >= MIN_PREDICTION)
    linked |= (size >= CLEAR_CORRELATION) & ~prediction.one_way(correlation)
    groups, seen = [], set[int]()
    for start in range(len(correlation)):
        if start in seen:
            continue
        group = [start]
        for member in group:
            group += [int(k) for k in np.nonzero(linked[member])[0] if k not in group]
        seen |= set(group)
        if len(group) >= MIN_CARRIERS:
            groups.append(sorted(group))
    return groups
