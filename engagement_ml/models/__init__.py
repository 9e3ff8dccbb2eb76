"""Profit and churn models, and their evaluation out of time; loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagement_ml.models.churn import ChurnModel, RecencyFrequencyMonetaryChurn
    from engagement_ml.models.evaluation import evaluate
    from engagement_ml.models.profit import ProfitModel, RecencyFrequencyMonetary

__all__ = [
    "ChurnModel",
    "ProfitModel",
    "RecencyFrequencyMonetary",
    "RecencyFrequencyMonetaryChurn",
    "evaluate",
]

_MODULE_OF = {
    "ChurnModel": "churn",
    "ProfitModel": "profit",
    "RecencyFrequencyMonetary": "profit",
    "RecencyFrequencyMonetaryChurn": "churn",
    "evaluate": "evaluation",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
