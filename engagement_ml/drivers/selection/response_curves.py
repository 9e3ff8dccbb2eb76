"""How a behaviour's effect flattens out with its count, and where one more event stops to pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.response_functions import SaturatingResponse

_FLAT = 0.7
"""One more event at the 90th percentile of those who do it must earn less than this share of what
the first earns, for a response to count as bent."""

_SPENT = 0.1
"""Without a cost, an effect counts as spent where one more event earns a tenth of the first."""


@dataclass(frozen=True)
class Curve:
    """The response ``amplitude · g(x)`` to x events in the observation window, in currency.

    Attributes
    ----------
    kind : {"linear", "log1p"}
        ``g(x) = x`` or ``g(x) = log(1 + x / scale)``.
    scale : float or None
    amplitude : float
        So that one more event is worth the effect on average over entities.
    spread : float
        Standard deviation of g(x) over entities and cutoffs.
    steepness : float
        Mean of ``g(x + 1) − g(x)``.
    """

    kind: str
    scale: float | None
    amplitude: float
    spread: float
    steepness: float

    def shape(self, x: FloatArray) -> FloatArray:
        """Return g(x)."""
        return np.log1p(x / self.scale) if self.scale is not None else np.asarray(x, dtype=float)

    def inverse(self, g: float) -> float:
        """Return the count at which g is reached."""
        return float(self.scale * np.expm1(g)) if self.scale is not None else float(g)

    def saturation_point(self, cost: float, limit: float) -> float | None:
        """Return the count past which one more event earns less than it costs.

        Without a cost: less than a tenth of what the first earns. None where that lies beyond
        `limit`, the largest count to speak of.
        """
        x = np.arange(0.0, np.ceil(max(limit, 1.0)) + 1.0)
        gains = self.amplitude * (self.shape(x + 1.0) - self.shape(x))
        least = cost if cost > 0 else _SPENT * gains[0]
        below = np.nonzero(gains < least)[0]
        return float(x[below[0]]) if below.size else None


def choose_scale(
    counts: FloatArray, bend: SaturatingResponse | None, lags: Lags, observation: int
) -> float | None:
    """Return the scale of a bending response, or None where a straight line does.

    The response in currency is ``(1 + κ u)^(1/κ)``, with u what the events of an observation
    window add up to when spread over it. Where one more event at the 90th percentile of those who
    do the behaviour earns less than `_FLAT` of what the first earns, ``log(1 + x / scale)`` with
    the same loss of steepness stands for it.

    Parameters
    ----------
    counts : array (R,)
        Events in observation windows.
    bend : SaturatingResponse or None
        None where the response was not let free.
    lags : Lags
    observation : int
        Length of the observation window in periods.
    """
    doers = counts[counts > 0]
    if bend is None or doers.size == 0:
        return None
    within = [min(last, observation) - first + 1 for first, last in lags.groups]
    per_event = float(np.maximum(within, 0) @ bend.index_coef) / observation
    many = float(np.quantile(doers, 0.9))
    left = bend.relative_slope(many * per_event)
    return many * left / (1.0 - left) if 0.0 < left < _FLAT else None


def make_curve(counts: FloatArray, effect: float, scale: float | None) -> Curve:
    """Scale a response so that one more event is worth the effect on average over entities.

    Parameters
    ----------
    counts : array (R,)
        Events in observation windows.
    effect : float
        In currency per event.
    scale : float or None
        Of the bend; None for a straight line.
    """
    curve = Curve("linear" if scale is None else "log1p", scale, 1.0, 1.0, 1.0)
    g = curve.shape(counts)
    steepness = float((curve.shape(counts + 1.0) - g).mean()) if counts.size else 1.0
    amplitude = effect / steepness if steepness > 0 else 0.0
    spread = float(g.std()) if counts.size else 0.0
    return Curve(curve.kind, scale, amplitude, spread, steepness)
