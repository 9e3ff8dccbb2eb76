"""Who the unprofitable engaged customers are: a shallow tree, grown and measured on two halves."""

from __future__ import annotations

from engagement_ml.profiles.evidence import ProfileGroup, UnprofitableProfile

__all__ = ["ProfileGroup", "UnprofitableProfile"]
