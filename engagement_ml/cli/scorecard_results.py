"""Placeholder."""

from __future__ import annotations

from pathlib import Path

from engagement_ml.scorecard.card import Scorecard


def show_scorecard(card: Scorecard, folder: Path | None) -> None:
    """Print."""
    print(card.name, folder)  # noqa: T201
