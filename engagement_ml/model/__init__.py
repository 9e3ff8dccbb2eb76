"""Estimator-style interface for notebooks."""

from __future__ import annotations

from engagement_ml.model.estimator import EngagementModel

__all__ = ["EngagementModel"]
