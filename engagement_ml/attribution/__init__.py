"""Credit for conversions, divided among the touchpoints before them; credit is not cause."""

from __future__ import annotations

from engagement_ml.attribution.evidence import AttributionEvidence, CreditRow

__all__ = ["AttributionEvidence", "CreditRow"]
