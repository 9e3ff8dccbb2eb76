"""First purchases: what brings prospects to buy, by a discrete-time hazard on their own events."""

from __future__ import annotations

from engagement_ml.outcomes.first_purchase.evidence import find_first_purchase
from engagement_ml.outcomes.first_purchase.prospects import Prospects, read_prospects

__all__ = ["Prospects", "find_first_purchase", "read_prospects"]
