"""Discrete-time hazard model: logistic regression of a single event, period by period.

``logit P(event in period t | no event before) = a + x_it'b`` (Cox 1972; Allison 1982), fitted by
Newton's method with a weak ridge penalty. Sums run over blocks of rows, so that memory stays
bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import cluster_sums

BLOCK_ROWS = 50_000
"""Number of rows worked on at once."""

MAX_ITERATIONS = 40
"""Largest number of Newton steps; fits that need more have not converged."""

MAX_HALVINGS = 20
"""Largest number of times a Newton step is halved because the likelihood would fall."""

VALUE_TOLERANCE = 1e-10
"""Fall of the log likelihood, as a share of it, that is rounding error."""

MAX_PRIOR_SHARE = 0.1
"""Share of a coefficient's precision from the prior above which the data do not identify it.

Data that identify a coefficient have the information of many events, ten thousand times the prior.
"""

STEP_TOLERANCE = 1e-5
"""Newton's method ends if no coefficient of a standardised column moves by this much."""

MAX_STEP = 3.0
"""Largest change of a standardised coefficient in one Newton step, against overflow."""

MIN_UNEXPLAINED_INFORMATION = 1e-4
"""Share of an added column's information that other columns must leave for its score test."""

RIDGE = 1e-2
"""Precision of a normal prior around 0 on every coefficient but the intercept.

As much as a hundredth of one observation: it keeps the coefficient of a category finite in which no
event ever happens.
"""

MIN_STD = 1e-7
"""A column with a smaller standard deviation is taken as constant and not rescaled."""

MAX_LOGIT = 35.0
"""Largest absolute linear predictor, against overflow."""


@dataclass(frozen=True)
class HazardFit:
    """Coefficients, predictors and influence functions of ``logit P(event) = a + x'b``.

    Attributes
    ----------
    coef : array (P,)
        b, per unit of each column.
    std_error : array (P,)
        Model-based standard errors, from the information.
    linear_predictor : array (N,)
        ``a + x'b`` of each row.
    influence : array (n, P)
        Influence function of each entity: its contribution to the estimation error. The sum of
        outer products is the covariance clustered by entity. Zero for columns that are separated.
    converged : bool
        Whether Newton's method ended within `STEP_TOLERANCE` of the maximum.
    separated : bool array (P,)
        Columns whose coefficient the prior keeps finite, not the data: the column predicts the
        event perfectly (separation), or is collinear with others, or constant.
    """

    coef: FloatArray
    std_error: FloatArray
    linear_predictor: FloatArray
    influence: FloatArray
    converged: bool
    separated: BoolArray

    @property
    def probability(self) -> FloatArray:
        """Fitted hazards, shape (N,)."""
        return logistic(self.linear_predictor)


def logistic(x: FloatArray) -> FloatArray:
    """Return ``1 / (1 + exp(−x))``, with x clipped to ±`MAX_LOGIT`."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -MAX_LOGIT, MAX_LOGIT))))


def fit_hazard(
    event: BoolArray,
    x: Float32Array,
    entity: Int64Array,
    n_entities: int,
    clusters: Int64Array | None = None,
) -> HazardFit:
    """Fit the hazard by Newton's method with step halving, on standardised columns.

    Parameters
    ----------
    event : bool array (N,)
    x : float32 array (N, P)
    entity : int array (N,)
        Position of each row's entity, ascending.
    n_entities : int
        Number n of entities, those without rows included.
    clusters : int array (n,), optional
        Entities of a cluster are not independent; see ``clusters.cluster_sums``.

    Returns
    -------
    HazardFit

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((4000, 1)).astype(np.float32)
    >>> event = rng.random(4000) < logistic(0.5 * x[:, 0] - 1)
    >>> fit = fit_hazard(event, x, np.arange(4000), 4000)
    >>> bool(abs(fit.coef[0] - 0.5) < 3 * fit.std_error[0])
    True
    """
    model = _LogisticModel(event, x)
    theta, information, converged = _maximise(model)
    inverse = np.linalg.inv(information)
    separated = np.diag(inverse)[:-1] * RIDGE > MAX_PRIOR_SHARE
    # Influence functions: the entities' scores times the inverse information.
    scores = np.zeros((n_entities, theta.size))
    linear_predictor = np.zeros(event.size)
    for rows in model.blocks():
        design, linear_predictor[rows], residual = model.fitted(theta, rows)
        positions, first = np.unique(entity[rows], return_index=True)
        scores[positions] += np.add.reduceat(design * residual[:, None], first, axis=0)
    influence = cluster_sums(scores @ (inverse[:, :-1] / model.scale), clusters)
    influence[:, separated] = 0.0
    return HazardFit(
        coef=theta[:-1] / model.scale,
        std_error=np.sqrt(np.diag(inverse)[:-1]) / model.scale,
        linear_predictor=linear_predictor,
        influence=influence,
        converged=converged,
        separated=separated,
    )


def _maximise(model: _LogisticModel) -> tuple[FloatArray, FloatArray, bool]:
    """Return the maximum of the penalised likelihood, its information, and whether it converged.

    A Newton step is halved until the likelihood does not fall (Nocedal and Wright 2006, chapter 3).
    """
    theta = model.start_values()
    value, score, information = model.derivatives(theta)
    for _ in range(MAX_ITERATIONS):
        step = np.linalg.solve(information, score)
        if np.abs(step).max() < STEP_TOLERANCE:
            return theta, information, True
        step *= min(1.0, MAX_STEP / float(np.abs(step).max()))
        for _ in range(MAX_HALVINGS):
            trial = model.derivatives(theta + step)
            if trial[0] >= value - VALUE_TOLERANCE * abs(value):
                break
            step /= 2
        else:
            return theta, information, False
        theta = theta + step
        value, score, information = trial
    return theta, information, False


def score_test_z(
    event: BoolArray, x: Float32Array, fit: HazardFit, added: Float32Array
) -> FloatArray:
    """Return Rao's score test of each added column alone, as a signed z, shape (M,).

    Parameters
    ----------
    event : bool array (N,)
    x : float32 array (N, P)
        The columns of the fit.
    fit : HazardFit
    added : float32 array (N, M)

    Returns
    -------
    array (M,)
        0 for a column that is collinear with `x`.
    """
    model = _LogisticModel(event, x)
    n_added = added.shape[1]
    score, added_information = np.zeros(n_added), np.zeros(n_added)
    cross = np.zeros((x.shape[1] + 1, n_added))
    information = np.diag(np.append(np.full(x.shape[1], RIDGE), 0.0))
    mean = added.mean(axis=0, dtype=np.float64)
    for rows in model.blocks():
        probability = logistic(fit.linear_predictor[rows])
        variance = (probability * (1.0 - probability))[:, None]
        design = model.design(rows)
        centred = added[rows] - mean
        score += centred.T @ (event[rows] - probability)
        weighted = design * variance
        information += weighted.T @ design
        cross += weighted.T @ centred
        added_information += (centred**2 * variance).sum(axis=0)
    # Information of each added column given the fitted ones (Schur complement).
    unexplained = added_information - (cross * np.linalg.solve(information, cross)).sum(axis=0)
    threshold = MIN_UNEXPLAINED_INFORMATION * np.maximum(added_information, 1e-300)
    identified = unexplained > threshold
    return np.where(identified, score / np.sqrt(np.where(identified, unexplained, 1.0)), 0.0)


class _LogisticModel:
    """Score and information of a logistic regression on standardised columns, in blocks of rows."""

    def __init__(self, event: BoolArray, x: Float32Array) -> None:
        self.event, self.x = event, x
        self.mean = x.mean(axis=0, dtype=np.float64) if x.size else np.zeros(x.shape[1])
        std = x.std(axis=0, dtype=np.float64) if x.size else np.zeros(x.shape[1])
        self.scale = np.where(std > MIN_STD, std, 1.0)

    def start_values(self) -> FloatArray:
        """Return zero coefficients and, last, the logit of the event rate."""
        theta = np.zeros(self.x.shape[1] + 1)
        rate = float(np.clip(self.event.mean(), 1e-9, 1 - 1e-9)) if self.event.size else 0.5
        theta[-1] = np.log(rate / (1 - rate))
        return theta

    def blocks(self) -> Iterator[slice]:
        """Yield slices of rows, of bounded size."""
        for start in range(0, self.event.size, BLOCK_ROWS):
            yield slice(start, min(start + BLOCK_ROWS, self.event.size))

    def design(self, rows: slice) -> FloatArray:
        """Return the standardised columns and, last, a column of ones."""
        design = np.ones((rows.stop - rows.start, self.mean.size + 1))
        design[:, :-1] = (self.x[rows] - self.mean) / self.scale
        return design

    def fitted(self, theta: FloatArray, rows: slice) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return design, linear predictors and residuals of some rows."""
        design = self.design(rows)
        linear_predictor = design @ theta
        return design, linear_predictor, self.event[rows] - logistic(linear_predictor)

    def derivatives(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return value, score and information of the penalised log likelihood."""
        ridge = np.full(theta.size, RIDGE)
        ridge[-1] = 0.0
        value, score, information = -float(ridge @ theta**2) / 2, -ridge * theta, np.diag(ridge)
        for rows in self.blocks():
            design, linear_predictor, residual = self.fitted(theta, rows)
            probability = logistic(linear_predictor)
            value += float((self.event[rows] * linear_predictor).sum())
            value -= float(np.logaddexp(0.0, linear_predictor).sum())
            score += design.T @ residual
            design *= np.sqrt(probability * (1.0 - probability))[:, None]
            weighted = design.astype(np.float32)  # halves the time of the product
            information += weighted.T @ weighted
        return value, score, information
