"""Logistic regression of who answers, and the score weighted to all who might have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.measures.kinds.kind import Z

MAX_STEPS = 50
TOLERANCE = 1e-8
MAX_COEFFICIENT = 8.0
"""Largest coefficient of a standardised covariate: beyond it, answers are predicted perfectly."""
MIN_PROBABILITY = 0.01
"""Smallest chance to answer of those who did: below it, one answer would stand for a hundred."""
MIN_EFFECTIVE = 30.0
"""Smallest effective number of answers behind a weighted score."""


@dataclass(frozen=True)
class Propensity:
    """The chance to answer.

    Attributes
    ----------
    probability : float array (n,)
    converged : bool
    """

    probability: FloatArray
    converged: bool


def fit_propensity(x: FloatArray, answered: BoolArray, weight: FloatArray) -> Propensity:
    """Fit a logistic regression by Newton's method with step halving.

    Parameters
    ----------
    x : array (n, k)
        Covariates; they are standardised here.
    answered : bool array (n,)
    weight : array (n,)
        Inverse sampling fractions.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> answered = np.random.default_rng(0).random(200) < 1 / (1 + np.exp(-2 * x[:, 0]))
    >>> fit = fit_propensity(x, answered, np.ones(200))
    >>> fit.converged, bool(fit.probability[-1] > fit.probability[0])
    (True, True)
    """
    std = x.std(axis=0)
    scaled = (x - x.mean(axis=0))[:, std > 1e-12] / std[std > 1e-12]
    design = np.column_stack([np.ones(len(x)), scaled])
    coef, y = np.zeros(design.shape[1]), answered.astype(np.float64)
    objective = _log_likelihood(design @ coef, y, weight)
    for _ in range(MAX_STEPS):
        p = _logistic(design @ coef)
        score = design.T @ (weight * (y - p))
        information = (design * (weight * p * (1 - p))[:, None]).T @ design
        step = np.linalg.lstsq(information, score, rcond=1e-10)[0]
        raised = _log_likelihood(design @ (coef + step), y, weight)
        halvings = 0
        while raised < objective - 1e-12 * abs(objective) and halvings < 20:
            step, halvings = step / 2, halvings + 1
            raised = _log_likelihood(design @ (coef + step), y, weight)
        coef, objective = coef + step, raised
        if np.abs(coef[1:]).max(initial=0.0) > MAX_COEFFICIENT:
            break
        if np.abs(step).max() < TOLERANCE:
            return Propensity(_logistic(design @ coef), True)
    return Propensity(_logistic(design @ coef), False)


def weighted_mean(
    values: FloatArray, probability: FloatArray, weight: FloatArray
) -> tuple[float, float, float, float]:
    """Return the mean weighted by the inverse chance to answer, its interval, and its effective n.

    The interval takes the chances as known, which makes it slightly too wide (Lunceford and
    Davidian 2004).

    Examples
    --------
    >>> mean, _, _, n = weighted_mean(np.array([1.0, 3.0]), np.array([0.5, 0.25]), np.ones(2))
    >>> round(mean, 3), round(n, 2)
    (2.333, 1.8)
    """
    w = weight / probability
    total = float(w.sum())
    mean = float(w @ values) / total
    error = math.sqrt(float(((w * (values - mean)) ** 2).sum())) / total
    return mean, mean - Z * error, mean + Z * error, total**2 / float((w**2).sum())


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -40, 40))), dtype=np.float64)


def _log_likelihood(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    return float(weight @ (y * x - np.logaddexp(0.0, x)))
