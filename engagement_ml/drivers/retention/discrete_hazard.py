"""Logistic regression of what may happen once to an entity, period by period, in blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array

_BLOCK_ROWS = 50_000
_MAX_ITERATIONS = 40
_TOLERANCE = 1e-5
_LEAST_OWN = 1e-4  # of a further column's information, that others do not hold
_RIDGE = 1e-2
"""Precision of a prior around 0 on every coefficient, as much as a hundredth of one observation:
keeps categories in which nobody ever leaves finite."""


@dataclass(frozen=True)
class HazardFit:
    """A fitted ``logit P(event) = a + x'b``.

    Attributes
    ----------
    coef : array (P,)
        b, per unit of each column.
    std_error : array (P,)
        Standard errors from the information.
    linear_predictor : array (N,)
        ``a + x'b`` of each row.
    influence : array (n, P)
        What each entity adds to the estimate's error; outer products sum to the covariance
        clustered by entity.
    """

    coef: FloatArray
    std_error: FloatArray
    linear_predictor: FloatArray
    influence: FloatArray

    @property
    def probability(self) -> FloatArray:
        """Fitted probabilities, shape (N,)."""
        return logistic(self.linear_predictor)


def logistic(x: FloatArray) -> FloatArray:
    """Return ``1 / (1 + exp(−x))``, safe at the ends."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -35.0, 35.0))))


def fit_hazard(
    event: BoolArray,
    x: Float32Array,
    entity: Int64Array,
    n_entities: int,
) -> HazardFit:
    """Fit by Newton's method, columns at unit spread, a faint prior on all but the level.

    Parameters
    ----------
    event : bool array (N,)
    x : float32 array (N, P)
    entity : int array (N,)
        Place of each row's entity, in ascending order.
    n_entities : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((4000, 1)).astype(np.float32)
    >>> event = rng.random(4000) < logistic(0.5 * x[:, 0] - 1)
    >>> fit = fit_hazard(event, x, np.arange(4000), 4000)
    >>> bool(abs(fit.coef[0] - 0.5) < 3 * fit.std_error[0])
    True
    """
    problem = _Problem(event, x)
    theta = np.zeros(x.shape[1] + 1)
    share = float(np.clip(event.mean(), 1e-9, 1 - 1e-9)) if event.size else 0.5
    theta[-1] = np.log(share / (1 - share))
    score, hessian = problem.score_and_hessian(theta)
    for _ in range(_MAX_ITERATIONS):
        step = np.linalg.solve(hessian, score)
        theta = theta + step * min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-300))
        score, hessian = problem.score_and_hessian(theta)
        if np.abs(step).max() < _TOLERANCE:
            break
    inverse = np.linalg.inv(hessian)
    own = inverse[:, :-1] / problem.scale
    scores = np.zeros((n_entities, theta.size))
    linear = np.zeros(event.size)
    for rows in problem.blocks():
        design, linear[rows], residual = problem.fitted(theta, rows)
        places, first = np.unique(entity[rows], return_index=True)
        scores[places] += np.add.reduceat(design * residual[:, None], first, axis=0)
    return HazardFit(
        coef=theta[:-1] / problem.scale,
        std_error=np.sqrt(np.diag(inverse)[:-1]) / problem.scale,
        linear_predictor=linear,
        influence=scores @ own,
    )


def score_test_z(
    event: BoolArray, x: Float32Array, fit: HazardFit, more: Float32Array
) -> FloatArray:
    """Return Rao's score test of each further column, taken alone, as a signed z, shape (M,).

    Parameters
    ----------
    event : bool array (N,)
    x : float32 array (N, P)
        As fitted.
    fit : HazardFit
    more : float32 array (N, M)
    """
    problem = _Problem(event, x)
    score = np.zeros(more.shape[1])
    own = np.zeros(more.shape[1])
    cross = np.zeros((x.shape[1] + 1, more.shape[1]))
    hessian = np.diag(np.append(np.full(x.shape[1], _RIDGE), 0.0))
    centre = more.mean(axis=0, dtype=np.float64)
    for rows in problem.blocks():
        chance = logistic(fit.linear_predictor[rows])
        design = problem.design(rows)
        extra = more[rows] - centre
        score += extra.T @ (event[rows] - chance)
        weighted = design * (chance * (1.0 - chance))[:, None]
        hessian += weighted.T @ design
        cross += weighted.T @ extra
        own += (extra**2 * (chance * (1.0 - chance))[:, None]).sum(axis=0)
    left = own - (cross * np.linalg.solve(hessian, cross)).sum(axis=0)
    known = left > _LEAST_OWN * np.maximum(own, 1e-300)
    return np.where(known, score / np.sqrt(np.where(known, left, 1.0)), 0.0)


class _Problem:
    """The sums over rows that Newton's steps need."""

    def __init__(self, event: BoolArray, x: Float32Array) -> None:
        self.event, self.x = event, x
        self.mean = x.mean(axis=0, dtype=np.float64) if x.size else np.zeros(x.shape[1])
        spread = x.std(axis=0, dtype=np.float64) if x.size else np.zeros(x.shape[1])
        self.scale = np.where(spread > 1e-7, spread, 1.0)

    def blocks(self) -> Iterator[slice]:
        for start in range(0, self.event.size, _BLOCK_ROWS):
            yield slice(start, min(start + _BLOCK_ROWS, self.event.size))

    def design(self, rows: slice) -> FloatArray:
        """Return max_z columns with a last one of ones."""
        found = np.ones((rows.stop - rows.start, self.mean.size + 1))
        found[:, :-1] = (self.x[rows] - self.mean) / self.scale
        return found

    def fitted(self, theta: FloatArray, rows: slice) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the design, linear predictors and residuals."""
        design = self.design(rows)
        linear = design @ theta
        return design, linear, self.event[rows] - logistic(linear)

    def score_and_hessian(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        prior = np.full(theta.size, _RIDGE)
        prior[-1] = 0.0
        score, hessian = -prior * theta, np.diag(prior)
        for rows in self.blocks():
            design, linear, residual = self.fitted(theta, rows)
            chance = logistic(linear)
            score += design.T @ residual
            design *= np.sqrt(chance * (1.0 - chance))[:, None]
            single = design.astype(np.float32)
            hessian += single.T @ single
        return score, hessian
