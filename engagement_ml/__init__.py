"""Find the behaviours that move margin, and combine them into one weighted engagement metric.

Examples
--------
>>> import engagement_ml as em
>>> shop = em.make_shop(n_customers=50, n_weeks=30)
>>> model = em.EngagementModel(name="shop-engagement")
>>> model.fit(shop.events, shop.transactions, shop.customers)  # doctest: +SKIP
>>> model.metric_.score_events(shop.events, as_of="2024-07-29")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports
from engagement_ml.version import __version__

if TYPE_CHECKING:
    from engagement_ml.config import PipelineConfig, read_config
    from engagement_ml.datasets import make_shop
    from engagement_ml.errors import EngagementError, NotFittedError
    from engagement_ml.experiments import lift
    from engagement_ml.metric import EngagementMetric
    from engagement_ml.model import EngagementModel
    from engagement_ml.tracking import load_metric
    from engagement_ml.workflow import (
        act,
        audit,
        check,
        evaluate,
        monitor,
        predict,
        promote,
        read_action,
        register,
        roll_back,
        score,
        track_record,
        train,
    )
    from engagement_ml.workflow.attributing import attribution
    from engagement_ml.workflow.feature_frame import features
    from engagement_ml.workflow.scorecarding import scorecard

__all__ = [
    "EngagementError",
    "EngagementMetric",
    "EngagementModel",
    "NotFittedError",
    "PipelineConfig",
    "__version__",
    "act",
    "attribution",
    "audit",
    "check",
    "evaluate",
    "features",
    "lift",
    "load_metric",
    "make_shop",
    "monitor",
    "predict",
    "promote",
    "read_action",
    "read_config",
    "register",
    "roll_back",
    "score",
    "scorecard",
    "track_record",
    "train",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "EngagementError": "errors",
        "EngagementMetric": "metric",
        "EngagementModel": "model",
        "NotFittedError": "errors",
        "PipelineConfig": "config",
        "act": "workflow",
        "attribution": "",
        "audit": "workflow",
        "check": "workflow",
        "evaluate": "workflow",
        "features": "",
        "lift": "experiments",
        "load_metric": "tracking",
        "make_shop": "datasets",
        "predict": "workflow",
        "promote": "workflow",
        "monitor": "workflow",
        "read_action": "workflow",
        "read_config": "config",
        "register": "workflow",
        "roll_back": "workflow",
        "score": "workflow",
        "scorecard": "",
        "track_record": "workflow",
        "train": "workflow",
    },
    "__version__",
)
