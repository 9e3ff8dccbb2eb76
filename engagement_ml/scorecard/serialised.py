"""A scorecard as plain data: the content of ``scorecard.json``."""

from __future__ import annotations

from typing import Any

from engagement_ml.plain_types import plain
from engagement_ml.scorecard.card import Scorecard

FORMAT = 1


def card_dict(card: Scorecard) -> dict[str, Any]:
    """Return all of a scorecard in plain JSON types."""
    return {"format": FORMAT, **plain(card)}
