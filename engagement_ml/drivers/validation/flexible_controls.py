"""Robustness to flexible (step-function) controls for the other behaviours.

A behaviour that happens where another one's response saturates is correlated with the error of a
linear control for it: an e-mail sent to recent upgraders seems to keep them, although the upgrade
does, and its effect soon wears off. With the other behaviours' counts in doubling steps, each with
a coefficient of its own, no functional form is left to take credit for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.finding import Veto
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.formatting import listed

_MIN_CELL_SHARE = 0.002
"""Share of the cells that a step must hold, and leave below it."""

NAME = "flexible controls"
_LOST = (
    "it is lost if the other behaviours may act in any shape, so it reflects the saturation of "
    "another behaviour"
)


@dataclass(frozen=True)
class FlexibleFit:
    """z of a behaviour's rolling count with linear controls, and with stepped ones."""

    linear: float
    stepped: float
    thresholds: Thresholds = THRESHOLDS

    @property
    def lost(self) -> bool:
        """Whether less than `lost_share` of the evidence is left."""
        z, share = abs(self.linear), self.thresholds.lost_share
        left = np.sign(self.linear) * self.stepped
        return bool(z >= self.thresholds.lost_min_z and left < z * share)


@dataclass(frozen=True)
class FlexibleControls:
    """Refits each effect with step functions of the other behaviours; vetoes those that vanish."""

    name: str = NAME
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Does each effect remain if the other behaviours may act in any shape?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether an effect shows, and another behaviour may act."""
        candidates, acting = _candidates_and_acting(context)
        return bool(candidates) and len(acting) >= 2

    def run(self, context: CheckContext) -> CheckResult:
        """Fit each candidate with linear and with stepped controls."""
        assert context.estimates.main is not None
        rolling = context.study.rolling_counts(context.estimates.main.behaviours)
        fits = flexible_fits(
            rolling, *_candidates_and_acting(context), thresholds=context.study.thresholds
        )
        return CheckResult(
            value=_value(context, {b: f for b, f in fits.items() if b not in context.tested}),
            passed=not any(f.lost for b, f in fits.items() if b not in context.tested),
            vetoes={b: Veto(NAME, _LOST) for b, fit in fits.items() if fit.lost},
        )


def _candidates_and_acting(context: CheckContext) -> tuple[list[str], list[str]]:
    main, within = context.estimates.main, context.estimates.within
    if main is None or not context.within_periods:
        return [], []
    thresholds = context.study.thresholds
    turning = context.estimates.turning  # a linear control of its own says nothing of a turn
    candidates = [
        b for b in main.behaviours if abs(within[b].z) >= thresholds.min_z and b not in turning
    ]
    return candidates, [b for b in main.behaviours if abs(within[b].z) >= thresholds.may_act_z]


def _value(context: CheckContext, fits: Mapping[str, FlexibleFit]) -> str | None:
    if not fits:
        return None
    lost = context.labels([b for b, fit in fits.items() if fit.lost])
    if lost:
        return f"the effect of {listed(lost)} is lost, so it is no driver"
    return "the effect remains" if len(fits) == 1 else f"all {len(fits)} effects remain"


def flexible_fits(
    rolling: RollingCounts,
    candidates: Sequence[str],
    acting: Sequence[str],
    thresholds: Thresholds = THRESHOLDS,
) -> dict[str, FlexibleFit]:
    """Fit each candidate's rolling count beside those of all, and steps of the other acting ones.

    Parameters
    ----------
    rolling : RollingCounts
    candidates : sequence of str
    acting : sequence of str
        Behaviours that may have an effect.
    thresholds : Thresholds

    Returns
    -------
    dict of candidate to FlexibleFit
    """
    coef, error = rolling.fit_coefficients(rolling.counts)
    place = {b: i for i, b in enumerate(rolling.behaviours)}
    steps = {b: step_indicators(rolling.counts[..., place[b]], rolling.cells) for b in acting}
    fits = {}
    for b in candidates:
        controls = [steps[other] for other in acting if other != b]
        counts = np.concatenate([rolling.counts, *controls], axis=2)
        stepped, stepped_error = rolling.fit_coefficients(counts)
        i = place[b]
        fits[b] = FlexibleFit(_z(coef[i], error[i]), _z(stepped[i], stepped_error[i]), thresholds)
    return fits


def step_indicators(counts: Float32Array, cells: BoolArray) -> Float32Array:
    """Return indicators of at least 1, 2, 3, 5, 9, 17, … events, shape (n, T, S).

    Steps that hardly any cell reaches, or hardly any does not, are left out.

    Examples
    --------
    >>> counts = np.array([[0.0, 1.0, 2.0, 6.0]], dtype=np.float32)
    >>> step_indicators(counts, np.ones((1, 4), dtype=bool))[0].tolist()
    [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]
    """
    in_cells = counts[cells]
    bounds = [1, 2, *(1 + 2**k for k in range(1, 20))]
    shares = [
        (bound, float((in_cells >= bound).mean()) if in_cells.size else 0.0) for bound in bounds
    ]
    kept = [b for b, share in shares if _MIN_CELL_SHARE <= share <= 1.0 - _MIN_CELL_SHARE]
    columns = [(counts >= bound).astype(np.float32) for bound in kept]
    return np.stack(columns, axis=-1) if columns else np.zeros((*counts.shape, 0), np.float32)


def _z(coef: float, error: float) -> float:
    return float(coef / error) if error > 0 else 0.0
