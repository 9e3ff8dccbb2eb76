"""Curves of turning responses in the evidence."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.response_evidence import OptimumRow, ResponseCurve

TURNING = "turning"
"""Kind of a response curve that rises up to an optimum and falls beyond it."""


def turning_curve(turning: Turning, counts: FloatArray) -> ResponseCurve:
    """Return a turning response with its band.

    Parameters
    ----------
    turning : Turning
    counts : array (R,)
        Events in observation windows.
    """
    positive = counts[counts > 0]
    return ResponseCurve(
        x=turning.x,
        effect=turning.effect,
        low=turning.low,
        high=turning.high,
        saturation_point=turning.optimum,
        typical=float(np.median(positive)) if positive.size else 0.0,
        p90=float(np.quantile(positive, 0.9)) if positive.size else 0.0,
        kind=TURNING,
        optimum=turning.optimum,
        optimum_low=turning.optimum_low,
        optimum_high=turning.optimum_high,
        break_even=turning.break_even,
        optima=tuple(OptimumRow(**asdict(each)) for each in turning.segments),
        step_std=turning.step_std,
    )
