"""Response curves: margin by count, and the count at which one more event no longer pays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.response_functions import SaturatingResponse
from engagement_ml.drivers.estimation.turning import Turning

_MAX_RELATIVE_SLOPE = 0.7
"""A response counts as saturating if one more event at the 90th percentile of positive counts earns
less than this share of what the first event earns."""

_EXHAUSTED_SHARE = 0.1
"""Without a cost, an effect counts as exhausted once one more event earns a tenth of the first."""

_RISING_POINTS = 101
_RISING_SCALES = tuple(float(share) for share in np.geomspace(0.05, 20.0, 41))
"""Scales tried for the rising part of a turning response, as shares of its optimum."""


@dataclass(frozen=True)
class Curve:
    """The response ``amplitude · g(x)`` to x events in the observation window, in currency.

    Attributes
    ----------
    kind : {"linear", "log1p"}
        ``g(x) = x`` or ``g(x) = log(1 + x / scale)``.
    scale : float or None
    amplitude : float
        Scaled so that one more event is worth the effect on average over customers.
    std : float
        Standard deviation of g(x) over customers and cutoffs.
    steepness : float
        Mean of ``g(x + 1) − g(x)``.
    """

    kind: str
    scale: float | None
    amplitude: float
    std: float
    steepness: float

    def shape(self, x: FloatArray) -> FloatArray:
        """Return g(x)."""
        return np.log1p(x / self.scale) if self.scale is not None else np.asarray(x, dtype=float)

    def inverse(self, g: float) -> float:
        """Return the count at which the response reaches g."""
        return float(self.scale * np.expm1(g)) if self.scale is not None else float(g)

    def saturation_point(self, cost: float, limit: float) -> float | None:
        """Return the count past which one more event earns less than it costs.

        Without a cost: less than a tenth of what the first earns. None if that lies beyond `limit`,
        the largest count considered.
        """
        x = np.arange(0.0, np.ceil(max(limit, 1.0)) + 1.0)
        gains = self.amplitude * (self.shape(x + 1.0) - self.shape(x))
        min_gain = cost if cost > 0 else _EXHAUSTED_SHARE * gains[0]
        below = np.nonzero(gains < min_gain)[0]
        return float(x[below[0]]) if below.size else None


def choose_scale(
    counts: FloatArray, response: SaturatingResponse | None, lags: Lags, observation: int
) -> float | None:
    """Return the scale of a saturating response, or None if linear is adequate.

    The response in currency is ``(1 + κ u)^(1/κ)``, with u the effect that the events of an
    observation window add up to if they are spread evenly over it. If one more event at the 90th
    percentile of positive counts earns less than 70% of what the first event earns, the response is
    approximated by ``log(1 + x / scale)`` with the same loss of slope.

    Parameters
    ----------
    counts : array (R,)
        Events in observation windows.
    response : SaturatingResponse or None
        None if the response was fitted as linear.
    lags : Lags
    observation : int
        Length of the observation window in periods.
    """
    positive = counts[counts > 0]
    if response is None or positive.size == 0:
        return None
    within = [min(last, observation) - first + 1 for first, last in lags.groups]
    per_event = float(np.maximum(within, 0) @ response.index_coef) / observation
    high_count = float(np.quantile(positive, 0.9))
    slope = response.relative_slope(high_count * per_event)
    return high_count * slope / (1.0 - slope) if 0.0 < slope < _MAX_RELATIVE_SLOPE else None


def rising_scale(turning: Turning) -> float | None:
    """Return the scale of ``log(1 + x / scale)`` closest to a turning response's rising part.

    Least squares over the counts up to the optimum, the height free; None if a straight line is
    closer. Points of a metric stop at the optimum (`weigh`).
    """
    x, effect = np.array(turning.x), np.array(turning.effect)
    grid = np.linspace(0.0, turning.optimum, _RISING_POINTS)
    rise = np.interp(grid, x, effect) if x.size else grid
    best, scale = _misfit(grid, rise), None
    for share in _RISING_SCALES:
        misfit = _misfit(np.log1p(grid / (share * max(turning.optimum, 1e-9))), rise)
        if misfit < best:
            best, scale = misfit, share * max(turning.optimum, 1e-9)
    return scale


def _misfit(shape: FloatArray, rise: FloatArray) -> float:
    """Return the sum of squares that the best multiple of a shape leaves of a curve."""
    height = float(shape @ rise) / max(float(shape @ shape), 1e-300)
    return float(((rise - height * shape) ** 2).sum())


def make_curve(counts: FloatArray, effect: float, scale: float | None) -> Curve:
    """Scale a response so that one more event is worth the effect on average over customers.

    Parameters
    ----------
    counts : array (R,)
        Events in observation windows.
    effect : float
        In currency per event.
    scale : float or None
        Of the saturating response; None if it is linear.
    """
    curve = Curve("linear" if scale is None else "log1p", scale, 1.0, 1.0, 1.0)
    g = curve.shape(counts)
    steepness = float((curve.shape(counts + 1.0) - g).mean()) if counts.size else 1.0
    amplitude = effect / steepness if steepness > 0 else 0.0
    std = float(g.std()) if counts.size else 0.0
    return Curve(curve.kind, scale, amplitude, std, steepness)
