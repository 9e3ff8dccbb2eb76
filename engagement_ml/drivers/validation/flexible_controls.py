"""Whether an effect remains when the other behaviours may act in any shape.

A behaviour that happens where another one's response bends takes credit for the bend: what is sent
to those who upgraded lately looks as if it kept them, where the upgrade itself does so and soon
wears off. With the other behaviours' counts in steps that double, each with an effect of its own,
there is no bend left to take credit for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts

_LEAST_CELLS = 0.002
"""Share of the cells that a step must hold, and leave below it."""

_TELLING_Z = 2.0
"""z from which on the rolling counts show an effect that could be lost."""


@dataclass(frozen=True)
class Flexible:
    """z of a behaviour's rolling count, the others straight and in steps."""

    straight: float
    stepped: float

    @property
    def lost(self) -> bool:
        """Whether less than half of the evidence is left."""
        sign = np.sign(self.straight)
        return bool(
            abs(self.straight) >= _TELLING_Z and sign * self.stepped < abs(self.straight) / 2
        )


def flexible_strengths(
    rolling: RollingCounts, candidates: Sequence[str], acting: Sequence[str]
) -> dict[str, Flexible]:
    """Fit each candidate's rolling count beside those of all, and steps of the other acting ones.

    Parameters
    ----------
    rolling : RollingCounts
    candidates : sequence of str
    acting : sequence of str
        Behaviours that may have an effect.

    Returns
    -------
    dict of candidate to Flexible
    """
    coef, error = rolling.fit_coefficients(rolling.counts)
    place = {b: i for i, b in enumerate(rolling.behaviours)}
    steps = {b: step_indicators(rolling.counts[..., place[b]], rolling.cells) for b in acting}
    found = {}
    for b in candidates:
        beside = [steps[other] for other in acting if other != b]
        counts = np.concatenate([rolling.counts, *beside], axis=2)
        stepped, stepped_error = rolling.fit_coefficients(counts)
        i = place[b]
        found[b] = Flexible(_z(coef[i], error[i]), _z(stepped[i], stepped_error[i]))
    return found


def step_indicators(counts: Float32Array, cells: BoolArray) -> Float32Array:
    """Return indicators of reaching 1, 2, 3, 5, 9, 17, … events, shape (n, T, S).

    Steps that hardly any cell reaches, or hardly any does not, are left out.

    Examples
    --------
    >>> counts = np.array([[0.0, 1.0, 2.0, 6.0]], dtype=np.float32)
    >>> step_indicators(counts, np.ones((1, 4), dtype=bool))[0].tolist()
    [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]
    """
    known = counts[cells]
    bounds = [1, 2, *(1 + 2**k for k in range(1, 20))]
    shares = [(bound, float((known >= bound).mean()) if known.size else 0.0) for bound in bounds]
    kept = [b for b, share in shares if _LEAST_CELLS <= share <= 1.0 - _LEAST_CELLS]
    columns = [(counts >= bound).astype(np.float32) for bound in kept]
    return np.stack(columns, axis=-1) if columns else np.zeros((*counts.shape, 0), np.float32)


def _z(coef: float, error: float) -> float:
    return float(coef / error) if error > 0 else 0.0
