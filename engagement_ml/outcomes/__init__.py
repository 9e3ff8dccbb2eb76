"""Outcomes beside margin: first purchases, churn, and parts of margin such as products."""

from __future__ import annotations

from engagement_ml.outcomes.evidence import MixRow, OutcomeEvidence

__all__ = ["MixRow", "OutcomeEvidence"]
