"""What the search for drivers hands on: plain data for the metric, the report and tracking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Choice:
    """A chosen behaviour with its weight and the shape of its response.

    Attributes
    ----------
    behaviour : str
    weight : float
        Share of the margin effect in percent.
    weight_low, weight_high : float or None
        95% interval; None where weights are equal for want of evidence.
    kind : {"linear", "log1p"}
    scale, shape : float or None
        Parameters of the transform.
    cap : float
        Events in the observation window at which the behaviour has earned all its points.
    """

    behaviour: str
    weight: float
    weight_low: float | None
    weight_high: float | None
    kind: str
    scale: float | None
    shape: float | None
    cap: float


@dataclass(frozen=True)
class DriverEvidence:
    """All that was found about the behaviours.

    Attributes
    ----------
    evidence : {"driver", "indicator"}
    choices : tuple of Choice
        Empty where nothing could be chosen; weights add up to 100.
    reason : str or None
        Why nothing was chosen.
    rows : tuple of dict
        One per behaviour, the selected first, then by SHAP rank.
    naive : tuple of dict
        The ranking that the usual model gives.
    responses : dict of behaviour to response curve
    checks, segments, pairs : tuple of dict
    unprofitable : dict or None
    experiments : dict
    notes : tuple of str
    """

    evidence: str
    choices: tuple[Choice, ...]
    reason: str | None
    rows: tuple[dict[str, Any], ...]
    naive: tuple[dict[str, Any], ...] = ()
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: tuple[dict[str, Any], ...] = ()
    segments: tuple[dict[str, Any], ...] = ()
    pairs: tuple[dict[str, Any], ...] = ()
    unprofitable: dict[str, Any] | None = None
    experiments: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
