"""Out-of-time evaluation of models and metric, compared with baselines; imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.evaluation.out_of_time import evaluate

__all__ = ["evaluate"]

__getattr__, __dir__ = lazy_exports(__name__, {"evaluate": "out_of_time"})
