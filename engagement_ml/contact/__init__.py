"""How much contact is too much: response to contacts, its optimum, and a budget per customer."""

from __future__ import annotations

from engagement_ml.contact.evidence import ContactEvidence, ContactRow

__all__ = ["ContactEvidence", "ContactRow"]
