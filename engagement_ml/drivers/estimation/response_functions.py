"""Saturating response functions of an index of past events, and the baseline level they scale with.

``f(u; κ) = sign(u) log(1 + κ |u|) / κ`` is the effect of the index u on log margin, and
``u = exp(−φ m) x'c``: x are lagged counts, c their coefficients, m the log baseline level. κ is the
curvature: κ = 0 gives a log-linear response, κ = 1 a response linear in currency, larger values
diminishing returns. φ is the elasticity: φ = 0 gives effects in proportion to the baseline level,
φ = 1 effects of the same amount for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import BoolArray, Float32Array, FloatArray

LINEAR_CURVATURE = 1e-3
"""Curvature below which the response uses its Taylor series, as log(1 + κu) / κ loses precision."""

MAX_EXPONENT = 50.0
"""Largest exponent in a rescaling factor, against overflow."""

MIN_BETWEEN_VARIANCE = 0.05
"""Smallest variance of entities' rates, as a share of the squared mean rate.

Keeps the empirical Bayes estimate from shrinking all entities to exactly the same level.
"""


@dataclass(frozen=True)
class SaturatingResponse:
    """Fitted response function of one behaviour.

    Attributes
    ----------
    curvature : float
        κ.
    elasticity : float
        φ.
    index_coef : array (G,)
        c: what one event adds to the index u at each group of lags.
    """

    curvature: float
    elasticity: float
    index_coef: FloatArray

    def relative_slope(self, u: float) -> float:
        """Return the slope of the response in currency at u, relative to the slope at 0.

        Examples
        --------
        >>> SaturatingResponse(1.0, 0.0, np.ones(1)).relative_slope(3.0)
        1.0
        >>> SaturatingResponse(2.0, 0.0, np.ones(1)).relative_slope(4.0)
        0.3333333333333333
        """
        if self.curvature == 0.0:
            return float(np.exp(u))
        power = np.sign(u) / self.curvature - 1.0
        return float((1.0 + self.curvature * abs(u)) ** power)


def as_float32(values: npt.ArrayLike) -> Float32Array:
    """Return values in single precision."""
    return np.asarray(values, dtype=np.float32)


def baseline_level(
    y: FloatArray, index: FloatArray, period_effects: FloatArray, at_risk: BoolArray
) -> Float32Array:
    """Return the log baseline level of y by entity and period, centred, shape (n, T).

    The entity's part is the ratio of its total y to the total that a typical entity with the same
    behaviours would have. It is shrunken towards the mean by empirical Bayes, with the variances
    within and between entities, so that entities without any y have a level, too.

    Parameters
    ----------
    y : array (n, T)
    index : array (n, T)
        Contribution of behaviours and other regressors to log E[y].
    period_effects : array (n, T)
        On the log scale.
    at_risk : bool array (n, T)
    """
    typical = np.where(at_risk, np.exp(index + period_effects), 0.0)
    total, expected = y.sum(axis=1), typical.sum(axis=1)
    present = expected > 0
    mean_rate = float(total.sum() / max(expected.sum(), 1e-300))
    rate = total / np.where(present, expected, 1.0)
    # Variance within entities, and the sampling variance of a rate that follows from it.
    squares = float(((y - rate[:, None] * typical) ** 2).sum())
    within = squares / max(int(at_risk.sum() - present.sum()), 1)
    n_cells = at_risk.sum(axis=1)
    sampling = within * n_cells / np.where(present, expected, 1.0) ** 2
    # Variance between entities by moments: that of the rates less their sampling variance.
    between = float(np.average((rate[present] - mean_rate) ** 2, weights=expected[present]))
    between -= float(np.average(sampling[present], weights=expected[present]))
    between = max(between, MIN_BETWEEN_VARIANCE * mean_rate**2)
    reliability = between / (between + np.where(present, sampling, np.inf))
    entity = np.log((reliability * rate + (1 - reliability) * mean_rate) / mean_rate)
    level = entity[:, None] + period_effects
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
    if curvature < LINEAR_CURVATURE:
        value, by_curvature = size - kappa * size**2 / 2, -(size**2) / 2
    else:
        log = np.log1p(kappa * size)
        value, by_curvature = log / kappa, size * slope / kappa - log / kappa**2
    sign = np.sign(u)
    return as_float32(sign * value), as_float32(sign * by_curvature), as_float32(slope)


def rescaling_factor(mean_index: float, curvature: float, new_curvature: float) -> float:
    """Return the factor on c that keeps f(mean_index; κ) constant if κ changes.

    Examples
    --------
    >>> factor = rescaling_factor(0.5, 1.0, 3.0)
    >>> u = np.array([0.5], dtype=np.float32)
    >>> rescaled = saturating_response(u * np.float32(factor), 3.0)[0]
    >>> bool(np.isclose(saturating_response(u, 1.0)[0], rescaled))
    True
    """
    if mean_index <= 0.0 or curvature == new_curvature:
        return 1.0
    value = _response_value(mean_index, curvature)
    if new_curvature < LINEAR_CURVATURE:
        return value / mean_index
    exponent = min(new_curvature * value, MAX_EXPONENT)
    return float(np.expm1(exponent) / new_curvature / mean_index)


def log_rescaling_derivative(mean_index: float, curvature: float) -> float:
    """Return the derivative of log `rescaling_factor` by the new κ, at the present κ."""
    value = _response_value(mean_index, curvature)
    exponent = min(curvature * value, MAX_EXPONENT)
    # A fit that diverges has an infinite index, whose product with κ = 0 is no number.
    if curvature == 0.0 or exponent < LINEAR_CURVATURE:
        return value / 2
    return float(value / -np.expm1(-exponent) - 1.0 / curvature)


def _response_value(u: float, curvature: float) -> float:
    """Return f(u; κ) for u of 0 or more, in double precision."""
    if curvature < LINEAR_CURVATURE:
        return u
    return float(np.log1p(curvature * u) / curvature)
