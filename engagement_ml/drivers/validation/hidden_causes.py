"""Sensitivity to a hidden cause, compared with the strongest observed behaviour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.shared_movement import within_correlation
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.formatting import number, percent


@dataclass(frozen=True)
class HiddenCauseSensitivity:
    """Asks what a hidden cause as strong as the strongest observed behaviour would leave.

    Cinelli and Hazlett (2020), section 4.4: benchmark bounds.
    """

    name: str = "sensitivity to a hidden cause"
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Would a hidden cause as strong as the strongest observed behaviour undo a finding?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether a joint fit selected any behaviour, and holds another to compare with."""
        fit = context.estimates.event_study
        return bool(context.selected) and fit is not None and len(fit.behaviours) > 1

    def run(self, context: CheckContext) -> CheckResult:
        """Compare what is left of the selected behaviours' z with the evidence that is needed."""
        fit, within = context.estimates.event_study, context.estimates.within
        assert fit is not None
        correlation = within_correlation(fit.information, fit.groups, len(fit.behaviours))
        z = np.array([within[b].z for b in fit.behaviours])
        left = {
            b: remaining_z(z, correlation, fit.behaviours.index(b))
            for b in context.selected
            if b in fit.behaviours
        }
        if not left:
            return CheckResult(None, None)
        weakest = min(left, key=lambda b: left[b][0])
        z_left, strongest, limit = *left[weakest], context.study.thresholds.may_act_z
        smallest = min(_robustness(context, b) for b in left)
        label = context.labels([fit.behaviours[strongest]])[0]
        return CheckResult(
            value=f"one related to margin and to the behaviour as much as {label} is would leave "
            f"a z of at least {number(z_left, 1)}; to explain a finding away, it must explain "
            f"{percent(smallest, 1)} of what is left to explain of both",
            passed=z_left >= limit,
        )


def remaining_z(z: FloatArray, correlation: FloatArray, b: int) -> tuple[float, int]:
    """Return |z| of a behaviour less the bias of a hidden cause as strong as another behaviour.

    With R²_Y the share of residual margin, and R²_D that of the behaviour, which the hidden cause
    explains, the bias in standard errors is ``sqrt(df · R²_Y · R²_D / (1 − R²_D))``. For a cause as
    strong as behaviour k, ``df · R²_Y = z_k²`` and ``R²_D = r_k²``.

    Parameters
    ----------
    z : array (B,)
    correlation : array (B, B)
        Within customers and periods.
    b : int

    Returns
    -------
    (float, int)
        And the position of the behaviour with the largest bias.

    Examples
    --------
    >>> z = np.array([10.0, 6.0])
    >>> correlation = np.array([[1.0, 0.6], [0.6, 1.0]])
    >>> round(remaining_z(z, correlation, 0)[0], 6)
    5.5
    """
    r = np.clip(np.abs(np.delete(correlation[b], b)), 0.0, 0.999)
    bias = np.abs(np.delete(z, b)) * r / np.sqrt(1.0 - r**2)
    strongest = int(bias.argmax())
    return float(abs(z[b]) - bias[strongest]), strongest + (strongest >= b)


def _robustness(context: CheckContext, b: str) -> float:
    from engagement_ml.drivers.validation.sensitivity import robustness_value

    value = robustness_value(context.estimates.within[b].z, int(context.study.cells.sum()))
    return value if math.isfinite(value) else 0.0
