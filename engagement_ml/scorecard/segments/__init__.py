"""Segments by behaviour, and the groups by which measures are split."""

from __future__ import annotations

from engagement_ml.scorecard.segments.behaviour import BehaviourSegments, find_behaviour_segments
from engagement_ml.scorecard.segments.groups import Groups, groups_of
from engagement_ml.scorecard.segments.profile import segment_card

__all__ = [
    "BehaviourSegments",
    "Groups",
    "find_behaviour_segments",
    "groups_of",
    "segment_card",
]
