"""Hidden causes that vary in time: a common factor of behaviours, and the bias that it explains.

A hidden cause, such as a life event or a spell of interest, moves several behaviours of a customer
at once, and margin with them. A driver acts alone. So what behaviours have in common within
customers points to the hidden cause, and the bias that it puts on their coefficients has one
direction: with x the regressors, J their sums of products and u the hidden cause, omitting u biases
the coefficients by ``J⁻¹ Σ x u``. The products of behaviour b with u are proportional to its
loading λ_b, at every lag with the same factor h_g, whatever the memory of the hidden cause. The few
numbers h are found from many coefficients by robust regression, as most behaviours that share a
hidden cause do nothing themselves (null treatments: Miao, Hu, Ogburn and Zhou 2023).

What is left after the bias is taken off is evidence, less sure by a share of what was taken off:
the direction is an approximation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.event_study import EventStudyFit
from engagement_ml.drivers.estimation.factor_analysis import (
    MIN_LEFT,
    MIN_LOADING,
    group_loadings,
    left_given_one,
)
from engagement_ml.drivers.estimation.shared_movement import (
    MIN_CARRIERS,
    correlated_groups,
    mutual_prediction,
    within_correlation,
)

TUKEY_LIMIT = 9.0
"""Mean squared z of a behaviour's residuals from which it has no weight (Tukey's biweight)."""

MAX_ROUNDS = 60
"""Largest number of reweighting rounds from one start."""

TOLERANCE = 1e-3
"""Reweighting ends if no weight changes by more than this."""

RELATIVE_RIDGE = 1e-9
"""Ridge of the robust regression, as a share of the trace, against exact singularity."""


@dataclass(frozen=True)
class FactorBias:
    """How much of a behaviour's association a common factor explains.

    Attributes
    ----------
    loading : float
        Correlation of the behaviour with the factor within customers.
    together_with : tuple of str
        The other behaviours that carry the factor, the strongest first.
    z : float
        z of what is left, with the error of the correction.
    share : float
        The bias as a share of the uncorrected effect.
    """

    loading: float
    together_with: tuple[str, ...]
    z: float
    share: float


def factor_biases(
    fit: EventStudyFit,
    lags: Lags,
    correction_error: float,
    composed: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, FactorBias]:
    """Find common factors and the bias of each behaviour that carries one.

    What is composed of others moves with them by construction, which is no sign of a hidden cause.
    So the factors are those of the others. The loading of what is composed is what it shares with
    carriers that are no members of it (extension analysis: Dwyer 1937).

    Parameters
    ----------
    fit : EventStudyFit
    lags : Lags
        Weights of the lags in the effect.
    correction_error : float
        Standard error of a bias, as a share of it.
    composed : mapping of behaviour to its members, optional
        Behaviours that are made of others, such as sequences.

    Returns
    -------
    dict of behaviour to FactorBias
        Only of behaviours that carry a factor; empty without one.
    """
    n_behaviours, n_groups = len(fit.behaviours), len(fit.groups)
    composed = composed or {}
    own = [k for k, b in enumerate(fit.behaviours) if b not in composed]
    if len(own) < MIN_CARRIERS or not fit.converged:
        return {}
    correlation = within_correlation(fit.information, fit.groups, n_behaviours)
    biases: dict[str, FactorBias] = {}
    rows = [b * n_groups + g for b in own for g in range(n_groups)]
    prediction = mutual_prediction(fit.information[np.ix_(rows, rows)], fit.groups, len(own))
    for group in correlated_groups(correlation[np.ix_(own, own)], prediction):
        members = [own[k] for k in group]
        loadings = group_loadings(correlation[np.ix_(members, members)])
        largest = np.abs(loadings).max(axis=1, initial=0.0)
        carriers = [m for m, size in zip(members, largest, strict=True) if size >= MIN_LOADING]
        if len(carriers) < MIN_CARRIERS:
            continue
        if left_given_one(fit.information, fit.groups, carriers).min() < MIN_LEFT:
            continue  # one of them is what the others have in common
        full = np.zeros((n_behaviours, loadings.shape[1]))
        full[members] = loadings
        for b, name in enumerate(fit.behaviours):
            if name in composed:
                others = [k for k in carriers if fit.behaviours[k] not in composed[name]]
                full[b] = _extended(correlation[b, others], full[others])
                carriers += [b] if np.abs(full[b]).max() >= MIN_LOADING else []
        biases |= _biases_of(fit, lags, full, carriers, correction_error)
    return biases


def _extended(correlation: FloatArray, loadings: FloatArray) -> FloatArray:
    """Return the loadings that explain correlations with carriers best; 0 without carriers.

    Parameters
    ----------
    correlation : array (C,)
    loadings : array (C, F)
        Those of the carriers.
    """
    if not len(correlation):
        return np.zeros(loadings.shape[1])
    return np.asarray(np.linalg.lstsq(loadings, correlation, rcond=None)[0], dtype=np.float64)


@dataclass(frozen=True)
class _Problem:
    """The robust regression of coefficients on the directions of the bias.

    Attributes
    ----------
    coef : array (B · G,)
    direction : array (B · G, F · G)
    rows : list of list of int
        Positions of each behaviour's coefficients, without the same period.
    precision : list of array
        Inverse covariance of these.
    """

    coef: FloatArray
    direction: FloatArray
    rows: list[list[int]]
    precision: list[FloatArray]

    def solve(self, weights: FloatArray) -> FloatArray:
        """Return the sizes h of the bias by weighted generalised least squares."""
        size = self.direction.shape[1]
        normal, moment = np.zeros((size, size)), np.zeros(size)
        for weight, rows, precision in zip(weights, self.rows, self.precision, strict=True):
            if weight > 0:
                weighted = weight * self.direction[rows].T @ precision
                normal += weighted @ self.direction[rows]
                moment += weighted @ self.coef[rows]
        normal += RELATIVE_RIDGE * max(float(np.trace(normal)), 1e-300) * np.eye(size)
        return np.asarray(np.linalg.solve(normal, moment))

    def misfit(self, sizes: FloatArray) -> FloatArray:
        """Return each behaviour's mean squared z of the residuals, shape (B,)."""
        residual = self.coef - self.direction @ sizes
        return np.array(
            [
                float(residual[rows] @ precision @ residual[rows]) / max(len(rows), 1)
                for rows, precision in zip(self.rows, self.precision, strict=True)
            ]
        )


def _biases_of(
    fit: EventStudyFit,
    lags: Lags,
    loadings: FloatArray,
    carriers: list[int],
    correction_error: float,
) -> dict[str, FactorBias]:
    """Return the biases of the behaviours that carry the factors."""
    problem = _problem(fit, loadings)
    bias = (problem.direction @ _robust_sizes(problem, carriers)).reshape(fit.relative.shape)
    first_lag = fit.n_leads + 1
    strongest = sorted(carriers, key=lambda b: -float(np.abs(loadings[b]).max()))
    biases = {}
    for b in carriers:
        influence = fit.relative_influence[:, b, first_lag:]
        decay = DecayProfile.from_covariance(influence.T @ influence, lags)
        if decay is None:
            continue
        coef, off = fit.relative[b, first_lag:], bias[b, first_lag:]
        effect, left = decay.effect(coef), decay.effect(coef - off)
        error = float(np.hypot(1.0, correction_error * _bias_z(decay, coef, off)))
        biases[fit.behaviours[b]] = FactorBias(
            loading=float(loadings[b, np.abs(loadings[b]).argmax()]),
            together_with=tuple(fit.behaviours[k] for k in strongest if k != b),
            z=decay.max_z(coef - off) / error,
            share=float(1.0 - left / effect) if effect else 0.0,
        )
    return biases


def _bias_z(decay: DecayProfile, coef: FloatArray, bias: FloatArray) -> float:
    """Return |z| of the bias, in the profiles that show the effect with and without it best."""
    return max(abs(decay.z_as(bias, shown)) for shown in (coef, coef - bias))


def _problem(fit: EventStudyFit, loadings: FloatArray) -> _Problem:
    n_behaviours, n_groups = fit.relative.shape
    std = np.sqrt(np.maximum(np.diag(fit.information), 0.0)).reshape(n_behaviours, n_groups)
    products = np.zeros((n_behaviours, n_groups, loadings.shape[1], n_groups))
    for g in range(n_groups):
        products[:, g, :, g] = loadings * std[:, [g]]
    flat = products.reshape(n_behaviours * n_groups, -1)
    direction = np.linalg.pinv(fit.information, hermitian=True) @ flat
    kept = [g for g in range(n_groups) if g != fit.n_leads]
    rows = [[b * n_groups + g for g in kept] for b in range(n_behaviours)]
    influence = fit.relative_influence.reshape(-1, n_behaviours * n_groups)
    precision = [
        np.asarray(np.linalg.pinv(influence[:, r].T @ influence[:, r], hermitian=True))
        for r in rows
    ]
    return _Problem(fit.relative.ravel(), np.asarray(direction), rows, precision)


def _robust_sizes(problem: _Problem, carriers: list[int]) -> FloatArray:
    """Return the sizes with the smallest Tukey loss, of starts from each carrier alone."""
    best: tuple[float, FloatArray] | None = None
    for start in carriers:
        weights = np.zeros(len(problem.rows))
        weights[start] = 1.0
        sizes = problem.solve(weights)
        for _ in range(MAX_ROUNDS):
            sizes = problem.solve(weights)
            updated = np.maximum(1.0 - problem.misfit(sizes) / TUKEY_LIMIT, 0.0) ** 2
            change = float(np.abs(updated - weights).max())
            weights = updated
            if change < TOLERANCE or not weights.any():
                break
        kept = np.maximum(1.0 - problem.misfit(sizes)[carriers] / TUKEY_LIMIT, 0.0)
        loss = float((1.0 - kept**3).sum())
        if best is None or loss < best[0]:
            best = (loss, sizes)
    assert best is not None
    return best[1]


def corrected_z(biases: Mapping[str, FactorBias], behaviour: str, z: float) -> float:
    """Return the z of a behaviour after correction; z itself if it carries no factor.

    Never further from zero than z, as the correction is an argument against an effect.
    """
    if behaviour not in biases:
        return z
    left = biases[behaviour].z
    if left * z <= 0:
        return 0.0
    return left if abs(left) < abs(z) else z
