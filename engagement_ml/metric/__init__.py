"""The engagement metric: saturating transforms, weights, scores, JSON, SQL.

Needs NumPy and Narwhals only, so that a metric scores where no model library is installed.
"""

from __future__ import annotations

from engagement_ml.metric.behaviour import WeightedBehaviour
from engagement_ml.metric.definition import EngagementMetric, Evidence
from engagement_ml.metric.rounding import round_weights
from engagement_ml.metric.transforms import Transform

__all__ = ["EngagementMetric", "Evidence", "Transform", "WeightedBehaviour", "round_weights"]
