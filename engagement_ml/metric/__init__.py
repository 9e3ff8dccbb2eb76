"""The engagement metric: saturating transforms, weights, scores, JSON, SQL.

It needs only NumPy and Narwhals, so that a metric scores without any model library.
"""

from __future__ import annotations

from engagement_ml.metric.behaviour import WeightedBehaviour
from engagement_ml.metric.definition import EngagementMetric
from engagement_ml.metric.evidence import Evidence
from engagement_ml.metric.rounding import round_weights
from engagement_ml.metric.schema import metric_schema
from engagement_ml.metric.transforms import Transform

__all__ = [
    "EngagementMetric",
    "Evidence",
    "Transform",
    "WeightedBehaviour",
    "metric_schema",
    "round_weights",
]
