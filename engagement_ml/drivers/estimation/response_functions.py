"""Shapes of a response: how it bends with the count, and the usual level of margin it goes by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import BoolArray, Float32Array, FloatArray

_NEARLY_LINEAR = 1e-3
_LARGEST_LOG = 50.0


@dataclass(frozen=True)
class SaturatingResponse:
    """The response of one behaviour.

    Attributes
    ----------
    curvature, elasticity : float
        κ and φ.
    index_coef : array (G,)
        c: what an event at each group of lags adds to u.
    """

    curvature: float
    elasticity: float
    index_coef: FloatArray

    def relative_slope(self, u: float) -> float:
        """Return how steep the response in currency is at u, relative to where it starts."""
        if self.curvature == 0.0:
            return float(np.exp(u))
        power = np.sign(u) / self.curvature - 1.0
        return float((1.0 + self.curvature * abs(u)) ** power)


def as_float32(values: npt.ArrayLike) -> Float32Array:
    """Return values in single precision."""
    return np.asarray(values, dtype=np.float32)


def baseline_level(
    y: FloatArray, index: FloatArray, levels: FloatArray, at_risk: BoolArray
) -> Float32Array:
    """Return the log of the usual y of each entity and period, centred, shape (n, T).

    The entity's part is its sum of y over what a typical entity with the same behaviours would
    have had, shrunken to the mean by the variance within and between entities (empirical Bayes),
    so that those without any y have a level too.

    Parameters
    ----------
    y : array (n, T)
    index_coef : array (n, T)
        What behaviours and other regressors add to the log of y.
    levels : array (n, T)
        Effects of the periods, log scale.
    at_risk : bool array (n, T)
    """
    typical = np.where(at_risk, np.exp(index + levels), 0.0)
    total, size = y.sum(axis=1), typical.sum(axis=1)
    there = size > 0
    mean = float(total.sum() / max(size.sum(), 1e-300))
    rate = total / np.where(there, size, 1.0)
    noise = float(((y - rate[:, None] * typical) ** 2).sum())
    within = noise / max(int(at_risk.sum() - there.sum()), 1)
    cells = at_risk.sum(axis=1)
    # Variance of a rate around its mean for a spread of noise over the cells of an entity.
    error = within * cells / np.where(there, size, 1.0) ** 2
    between = float(np.average((rate[there] - mean) ** 2, weights=size[there]))
    between -= float(np.average(error[there], weights=size[there]))
    between = max(between, 0.05 * mean**2)
    trust = between / (between + np.where(there, error, np.inf))
    own = np.log((trust * rate + (1 - trust) * mean) / mean)
    level = own[:, None] + levels
    return np.asarray(level - level[at_risk].mean(), dtype=np.float32)


def saturating_response(
    u: Float32Array, curvature: float
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return f(u; κ), its derivative by κ and its derivative by u.

    Examples
    --------
    >>> f, _, slope = saturating_response(np.array([-1.0, 0.0, 1.0], dtype=np.float32), 1.0)
    >>> [round(float(v), 3) for v in f], slope.tolist()
    ([-0.693, 0.0, 0.693], [0.5, 1.0, 0.5])
    """
    kappa = np.float32(curvature)
    size = np.abs(u)
    slope = 1 / (1 + kappa * size)
    if curvature < _NEARLY_LINEAR:
        value, by_curvature = size - kappa * size**2 / 2, -(size**2) / 2
    else:
        log = np.log1p(kappa * size)
        value, by_curvature = log / kappa, size * slope / kappa - log / kappa**2
    return as_float32(np.sign(u) * value), as_float32(np.sign(u) * by_curvature), as_float32(slope)


def rescaling_factor(usual: float, curvature: float, new: float) -> float:
    """Return the factor on c that keeps f(usual; κ) as it is when κ changes.

    Examples
    --------
    >>> factor = rescaling_factor(0.5, 1.0, 3.0)
    >>> u = np.array([0.5], dtype=np.float32)
    >>> rescaled = saturating_response(u * np.float32(factor), 3.0)[0]
    >>> bool(np.isclose(saturating_response(u, 1.0)[0], rescaled))
    True
    """
    if usual <= 0.0 or curvature == new:
        return 1.0
    value = _response(usual, curvature)
    if new < _NEARLY_LINEAR:
        return value / usual
    return float(np.expm1(min(new * value, _LARGEST_LOG)) / new / usual)


def log_rescaling_derivative(usual: float, curvature: float) -> float:
    """Return the derivative of the log of `rescaling` by the new κ, at the present one."""
    value = _response(usual, curvature)
    reach = min(curvature * value, _LARGEST_LOG)
    if reach < _NEARLY_LINEAR:
        return value / 2
    return float(value / -np.expm1(-reach) - 1.0 / curvature)


def _response(u: float, curvature: float) -> float:
    if curvature < _NEARLY_LINEAR:
        return u
    return float(np.log1p(curvature * u) / curvature)
