"""Common factors of behaviours: their loadings, and whether one behaviour is the factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray, LagGroups
from engagement_ml.drivers.estimation.shared_movement import (
    MIN_CARRIERS,
    inverse_or_zero,
    positive_std,
    trailing_weights,
)

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
    n_groups, recent = len(groups), trailing_weights(groups)
    shares = []
    for given in members:
        others = [b for b in members if b != given]
        own = [given * n_groups + g for g in range(n_groups)]
        rows = [b * n_groups + g for b in others for g in range(n_groups)]
        total, cross = information[np.ix_(rows, rows)], information[np.ix_(rows, own)]
        inverse = np.linalg.pinv(information[np.ix_(own, own)], hermitian=True)
        sums = np.kron(np.eye(len(others)), recent)
        before, after = sums @ total @ sums.T, sums @ (total - cross @ inverse @ cross.T) @ sums.T
        scale = inverse_or_zero(positive_std(np.diag(before)))
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
