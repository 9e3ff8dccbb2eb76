"""Common factors of behaviours: groups that move together, and their loadings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, LagGroups

CORRELATION_PERIODS = 4
"""Trailing sums over this many periods show what behaviours have in common."""

MIN_CORRELATION = 0.05
"""Correlation of two behaviours within customers from which they are taken to share a cause."""

MIN_PREDICTION = 0.03
"""Correlation of the past of one behaviour with the present of another, both ways, from which a
hidden state that lasts is taken to move both."""

CLEAR_CORRELATION = 0.08
"""Correlation of two behaviours from which less prediction will do,"""

LEAST_PREDICTION = 0.018
"""namely this, as the geometric mean of both ways, if"""

LEAST_SYMMETRY = 0.35
"""one way is at least this share of the other in covariance. A hidden state has the same covariance
both ways, a chain one way only."""

MIN_VARIATION = 1e-10
"""Smallest variance within customers and periods, as a share of the largest."""

MIN_CARRIERS = 3
"""Behaviours that must carry a factor; what only two have in common need not be a hidden cause."""

MAX_FACTORS = 2
"""Largest number of factors of one group of behaviours."""

CARRIERS_PER_FACTOR = 3
"""Behaviours of a group needed for each factor."""

MIN_LOADING = 0.2
"""Loading from which a behaviour carries a factor."""

MIN_LEFT = 0.15
"""Share of the others' correlation that must be left given any one behaviour. If less is left, that
behaviour is the cause, and the others follow from it: nothing is hidden."""


@dataclass(frozen=True)
class AxisSettings:
    """Ranges of the communalities at the start and later, and when the rounds end."""

    start: tuple[float, float]
    communality: tuple[float, float]
    max_rounds: int
    tolerance: float


_AXES = AxisSettings((0.02, 0.95), (0.0, 0.98), max_rounds=300, tolerance=1e-6)


def within_correlation(information: FloatArray, groups: LagGroups, n_behaviours: int) -> FloatArray:
    """Return the correlation of trailing sums within customers and periods, shape (B, B).

    Parameters
    ----------
    information : array (B · G, B · G)
        Sums of squares and products of the lagged counts, by behaviour and group of lags.
    groups : tuple of (first, last)
    n_behaviours : int
    """
    sums = np.kron(np.eye(n_behaviours), _recent(groups))
    products = sums @ information @ sums.T
    precision = _inverse(_std(np.diag(products)))
    return np.asarray(products * np.outer(precision, precision))


def _std(variances: FloatArray) -> FloatArray:
    """Return standard deviations; 0 for what does not vary within customers and periods."""
    varies = variances > MIN_VARIATION * max(float(variances.max(initial=0.0)), 1e-300)
    return np.sqrt(np.where(varies, variances, 0.0))


def _inverse(values: FloatArray) -> FloatArray:
    """Return inverses, and 0 of 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def _recent(groups: LagGroups) -> FloatArray:
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
    weaker, mean : array (B, B)
        The smaller in size of the two ways, and their geometric mean; 0 if their signs differ.
    symmetry : array (B, B)
        The smaller of the two covariances as a share of the larger, 0 to 1.
    """

    weaker: FloatArray
    mean: FloatArray
    symmetry: FloatArray

    @classmethod
    def of(cls, covariance: FloatArray, past_std: FloatArray, now_std: FloatArray) -> Prediction:
        """Compare both ways, given covariances of the past (rows) with the present (columns)."""
        size, same_sign = np.abs(covariance), covariance * covariance.T > 0
        ahead = size * np.outer(_inverse(past_std), _inverse(now_std))
        larger = np.maximum(size, size.T)
        return cls(
            weaker=np.where(same_sign, np.minimum(ahead, ahead.T), 0.0),
            mean=np.where(same_sign, np.sqrt(ahead * ahead.T), 0.0),
            symmetry=np.minimum(size, size.T) * _inverse(larger),
        )


def mutual_prediction(information: FloatArray, groups: LagGroups, n_behaviours: int) -> Prediction:
    """Return how well any two behaviours predict each other, of `within_correlation`'s inputs."""
    recent, now = _recent(groups), np.array([1.0 if a == b == 0 else 0.0 for a, b in groups])
    past = np.kron(np.eye(n_behaviours), recent)
    present = np.kron(np.eye(n_behaviours), now)
    return Prediction.of(
        past @ information @ present.T,
        _std(np.einsum("ip,pq,iq->i", past, information, past)),
        _std(np.einsum("ip,pq,iq->i", present, information, present)),
    )


def correlated_groups(correlation: FloatArray, prediction: Prediction) -> list[list[int]]:
    """Return groups of at least `MIN_CARRIERS` behaviours that may share a hidden cause.

    Parameters
    ----------
    correlation : array (B, B)
        Two behaviours are linked from `MIN_CORRELATION` on,
    prediction : Prediction
        if each predicts the other by at least `MIN_PREDICTION`, or if they correlate clearly, by
        less.

    Examples
    --------
    >>> r = np.eye(4)
    >>> r[0, 1] = r[1, 0] = r[1, 3] = r[3, 1] = 0.3
    >>> correlated_groups(r, Prediction.of(r, np.ones(4), np.ones(4)))
    [[0, 1, 3]]
    """
    size = np.abs(correlation)
    mutual = (size >= MIN_CORRELATION) & (prediction.weaker >= MIN_PREDICTION)
    clear = (size >= CLEAR_CORRELATION) & (prediction.mean >= LEAST_PREDICTION)
    linked = mutual | (clear & (prediction.symmetry >= LEAST_SYMMETRY))
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


def group_loadings(correlation: FloatArray) -> FloatArray:
    """Return loadings by principal axis factoring, shape (B, F).

    Each factor must be carried by `MIN_CARRIERS` behaviours; F is 0 if none is.

    Examples
    --------
    >>> shared = np.array([0.7, 0.6, 0.5, 0.4])
    >>> r = np.outer(shared, shared)
    >>> np.fill_diagonal(r, 1.0)
    >>> np.abs(group_loadings(r)).round(2)[:, 0].tolist()
    [0.7, 0.6, 0.5, 0.4]
    """
    n_behaviours = len(correlation)
    for n_factors in range(min(MAX_FACTORS, n_behaviours // CARRIERS_PER_FACTOR), 0, -1):
        loadings = _varimax(principal_axes(correlation, n_factors, _AXES)[0])
        carriers = (np.abs(loadings) >= MIN_LOADING).sum(axis=0)
        if (carriers >= MIN_CARRIERS).all():
            return loadings
    return np.zeros((n_behaviours, 0))


def left_given_one(information: FloatArray, groups: LagGroups, members: list[int]) -> FloatArray:
    """Return the share of the others' correlation that is left given each behaviour, (M,).

    Parameters
    ----------
    information : array (B · G, B · G)
        As for `within_correlation`.
    groups : tuple of (first, last)
    members : list of int
        At least three behaviours that carry a factor.

    Returns
    -------
    array (M,)
        Sum of the sizes of covariances between the trailing sums of the other members, given all
        leads and lags of this one, over the sum without it.
    """
    n_groups, recent = len(groups), _recent(groups)
    shares = []
    for given in members:
        others = [b for b in members if b != given]
        own = [given * n_groups + g for g in range(n_groups)]
        rows = [b * n_groups + g for b in others for g in range(n_groups)]
        total, cross = information[np.ix_(rows, rows)], information[np.ix_(rows, own)]
        inverse = np.linalg.pinv(information[np.ix_(own, own)], hermitian=True)
        sums = np.kron(np.eye(len(others)), recent)
        before, after = sums @ total @ sums.T, sums @ (total - cross @ inverse @ cross.T) @ sums.T
        scale = _inverse(_std(np.diag(before)))
        pairs = np.triu_indices(len(others), 1)
        weight = np.outer(scale, scale)[pairs]
        correlated = float((np.abs(before[pairs]) * weight).sum())
        left = float((np.abs(after[pairs]) * weight).sum())
        shares.append(left / correlated if correlated > 0 else 1.0)
    return np.array(shares)


def principal_axes(
    correlation: FloatArray, n_factors: int, settings: AxisSettings
) -> tuple[FloatArray, float]:
    """Return loadings of principal axis factoring, and the variance of the smallest factor.

    Communalities replace the diagonal of the correlation matrix until they reproduce themselves.

    Parameters
    ----------
    correlation : array (B, B)
    n_factors : int
    settings : AxisSettings

    Returns
    -------
    loadings : array (B, F)
    smallest_variance : float
        In variances of one behaviour.
    """
    off_diagonal = np.abs(correlation - np.diag(np.diag(correlation)))
    communality = np.clip(off_diagonal.max(axis=1), *settings.start)
    for _ in range(settings.max_rounds):
        reduced = correlation.copy()
        np.fill_diagonal(reduced, communality)
        values, vectors = np.linalg.eigh(reduced)
        values, vectors = values[::-1][:n_factors], vectors[:, ::-1][:, :n_factors]
        loadings = np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
        explained = np.clip((loadings**2).sum(axis=1), *settings.communality)
        change = float(np.abs(explained - communality).max())
        communality = explained
        if change < settings.tolerance:
            break
    return loadings, float(values[-1])


def _varimax(loadings: FloatArray, rounds: int = 50) -> FloatArray:
    """Rotate loadings to simple structure (Kaiser 1958), with a fixed sign for each factor."""
    rotation = np.eye(loadings.shape[1])
    for _ in range(rounds if loadings.shape[1] > 1 else 0):
        rotated = loadings @ rotation
        target = rotated**3 - rotated * (rotated**2).mean(axis=0)
        left, _, right = np.linalg.svd(loadings.T @ target)
        rotation = left @ right
    rotated = loadings @ rotation
    return np.asarray(rotated * np.where(rotated.sum(axis=0) < 0, -1.0, 1.0))
