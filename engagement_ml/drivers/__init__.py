"""Which behaviours move margin, how much, and how sure: the search and its evidence."""

from __future__ import annotations

from engagement_ml.lazy import lazy_exports

__all__ = ["Choice", "DriverEvidence", "find_drivers", "period_days"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "find_drivers": "search",
        "Choice": "evidence",
        "DriverEvidence": "evidence",
        "period_days": "estimation.spans",
    },
)
