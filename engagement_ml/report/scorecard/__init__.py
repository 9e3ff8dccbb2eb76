"""Placeholder."""

from __future__ import annotations

from html import escape

from engagement_ml.scorecard.card import Scorecard


def render_scorecard(card: Scorecard) -> str:
    """Return a page (placeholder)."""
    return f"<!doctype html><title>{escape(card.name)}</title>"
