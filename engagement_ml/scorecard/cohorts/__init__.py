"""Cohorts of customers by age."""

from __future__ import annotations

from engagement_ml.scorecard.cohorts.tables import cohort_tables

__all__ = ["cohort_tables"]
