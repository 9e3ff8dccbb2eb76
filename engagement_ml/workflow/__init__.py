"""Workflows from tables to results, which the command line and ``pipelines/`` call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.workflow.checking import check
    from engagement_ml.workflow.evaluating import evaluate
    from engagement_ml.workflow.feature_export import write_features
    from engagement_ml.workflow.monitor_files import MonitorResult
    from engagement_ml.workflow.monitoring import monitor
    from engagement_ml.workflow.reporting import report
    from engagement_ml.workflow.results import TrainResult
    from engagement_ml.workflow.scoring import Scores, score
    from engagement_ml.workflow.starting import StarterResult, init
    from engagement_ml.workflow.training import train

__all__ = [
    "MonitorResult",
    "Scores",
    "StarterResult",
    "TrainResult",
    "check",
    "evaluate",
    "init",
    "monitor",
    "report",
    "score",
    "train",
    "write_features",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "MonitorResult": "monitor_files",
        "Scores": "scoring",
        "StarterResult": "starting",
        "TrainResult": "results",
        "check": "checking",
        "evaluate": "evaluating",
        "init": "starting",
        "monitor": "monitoring",
        "report": "reporting",
        "score": "scoring",
        "train": "training",
        "write_features": "feature_export",
    },
)
