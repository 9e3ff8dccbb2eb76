"""Profit and churn models; imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.models.churn import ChurnModel, RecencyFrequencyMonetaryChurn
    from engagement_ml.models.profit import ProfitModel, RecencyFrequencyMonetary

__all__ = [
    "ChurnModel",
    "ProfitModel",
    "RecencyFrequencyMonetary",
    "RecencyFrequencyMonetaryChurn",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ChurnModel": "churn",
        "ProfitModel": "profit",
        "RecencyFrequencyMonetary": "profit",
        "RecencyFrequencyMonetaryChurn": "churn",
    },
)
