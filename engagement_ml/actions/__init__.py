"""What to do next: gains of one more event, whom to act on, control groups, and what came of it."""

from __future__ import annotations

from engagement_ml.actions.evidence import Opportunity, OpportunityRow

__all__ = ["Opportunity", "OpportunityRow"]
