"""Churn: what keeps customers, in percentage points of churn."""

from __future__ import annotations

from engagement_ml.outcomes.churn.evidence import find_churn

__all__ = ["find_churn"]
