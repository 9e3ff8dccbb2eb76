"""Randomised tests: their lifts, over all, per event and by segment."""

from __future__ import annotations

from engagement_ml.experiments.lifts import Estimate, combine, disagree, same_everywhere
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
    "lift",
    "measure",
    "read_experiments",
    "same_everywhere",
]
