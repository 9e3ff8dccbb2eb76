"""How a behaviour's effect flattens out with its count, and where one more event stops to pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.rolling import Rolling
from engagement_ml.drivers.windowed import Spans, WindowRows
from engagement_ml.features.periods import Periods

Floats = npt.NDArray[np.float64]

_SCALES = (4.0, 1.0, 0.25)
"""Scales of log(1 + x/scale) tried, in mean counts of those who do the behaviour."""

_LEAST_BEND = 5.0
"""z that the bent count must reach beside the straight one before a bend is believed."""

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
    correction : float
        By what an effect estimated on plain counts is multiplied to be the mean over entities.
    """

    kind: str
    scale: float | None
    amplitude: float
    spread: float
    steepness: float
    correction: float

    def shape(self, x: Floats) -> Floats:
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


def fit_curves(
    periods: Periods,
    spans: Spans,
    rows: WindowRows,
    behaviours: tuple[str, ...],
    effects: dict[str, float],
) -> dict[str, Curve]:
    """Choose, for each behaviour with an effect, between a straight and a bending response.

    A bent rolling count is put beside the straight one in the Poisson model with entity and period
    effects; where it takes the effect over, the scale with the largest squared z is taken.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    rows : WindowRows
        Where the counts' spread is taken from.
    behaviours : tuple of str
        All that are fitted together.
    effects : dict of behaviour to effect per event
        The ones to draw curves for, with their linear estimate in currency.
    """
    rolling = Rolling.of(periods, spans, behaviours)
    curves = {}
    for behaviour, effect in effects.items():
        counts = rows.counts[:, periods.behaviours.index(behaviour)]
        scale = _bend(rolling, behaviours.index(behaviour), counts)
        curves[behaviour] = make_curve(counts, effect, scale, rows)
    return curves


def _bend(rolling: Rolling, b: int, counts: Floats) -> float | None:
    """Return the scale of the bend, or None where a straight line does."""
    doers = counts[counts > 0]
    if doers.size == 0:
        return None
    typical = float(doers.mean())
    bent = np.log1p(rolling.counts[..., [b]] / np.float32(typical))
    coef, error = rolling.fit(np.concatenate([bent, rolling.counts], axis=2))
    # Beside the straight count, the bent one must carry the effect.
    straight = coef[1 + b] / error[1 + b] if error[1 + b] > 0 else 0.0
    curved = coef[0] / error[0] if error[0] > 0 else 0.0
    if abs(curved) < _LEAST_BEND or straight * np.sign(curved) > abs(curved) / 2:
        return None
    best, scale, power = -np.inf, typical, 1.0
    for candidate in (typical * s for s in _SCALES):
        other = rolling.counts.copy()
        other[..., b] = np.log1p(other[..., b] / candidate)
        coef, error = rolling.fit(other)
        strength = float((coef[b] / error[b]) ** 2) if error[b] > 0 else 0.0
        if strength > best:
            best, scale, power = strength, candidate, float(coef[b])
    # Margin goes with (1 + x / scale)^power: a power near 1 is a straight line in currency.
    flattening = (1.0 + float(np.quantile(doers, 0.9)) / scale) ** (power - 1.0)
    return scale if flattening < _FLAT else None


def make_curve(counts: Floats, effect: float, scale: float | None, rows: WindowRows) -> Curve:
    """Scale a response so that one more event is worth the effect on average over entities.

    An effect estimated on plain counts is the slope of the least squares line through the bent
    response, which leans on those who do most; the correction takes the mean over all instead.
    """
    curve = Curve("linear" if scale is None else "log1p", scale, 1.0, 1.0, 1.0, 1.0)
    g = curve.shape(counts)
    steepness = float((curve.shape(counts + 1.0) - g).mean()) if counts.size else 1.0
    correction = 1.0
    if scale is not None and counts.size:
        _, place = np.unique(rows.entity, return_inverse=True)
        size = np.bincount(place)
        x_within = counts - (np.bincount(place, counts) / size)[place]
        g_within = g - (np.bincount(place, g) / size)[place]
        variance = float((x_within**2).sum())
        slope = float((x_within * g_within).sum()) / variance if variance > 0 else steepness
        correction = steepness / slope if slope > 0 else 1.0
    amplitude = effect * correction / steepness if steepness > 0 else 0.0
    spread = float(g.std()) if counts.size else 0.0
    return Curve(curve.kind, scale, amplitude, spread, steepness, correction)
