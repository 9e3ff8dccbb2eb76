"""Who the unprofitable engaged customers are: a shallow tree, grown and measured on two halves."""

from __future__ import annotations

from engagement_ml.profiles.evidence import Condition, ProfileGroup, UnprofitableProfile
from engagement_ml.profiles.profile import compare_counts, profile_unprofitable

__all__ = [
    "Condition",
    "ProfileGroup",
    "UnprofitableProfile",
    "compare_counts",
    "profile_unprofitable",
]
