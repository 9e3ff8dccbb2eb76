"""Randomised experiments: lift in total, per event and by segment."""

from __future__ import annotations

from engagement_ml.experiments.lifts import Estimate, combine, disagree, homogeneity_p_value
from engagement_ml.experiments.measuring import Lift, SegmentLift, measure
from engagement_ml.experiments.notebook import lift
from engagement_ml.experiments.results import ExperimentResult, read_experiments

__all__ = [
    "Estimate",
    "ExperimentResult",
    "Lift",
    "SegmentLift",
    "combine",
    "disagree",
    "homogeneity_p_value",
    "lift",
    "measure",
    "read_experiments",
]
