"""What a pipeline does, from tables to results: the command line and ``pipelines/`` call these."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagement_ml.workflow.evaluating import evaluate
    from engagement_ml.workflow.featuring import write_features
    from engagement_ml.workflow.reporting import report
    from engagement_ml.workflow.results import TrainResult
    from engagement_ml.workflow.scoring import Scores, score
    from engagement_ml.workflow.training import train

__all__ = ["Scores", "TrainResult", "evaluate", "report", "score", "train", "write_features"]

_HOMES = {
    "Scores": "scoring",
    "TrainResult": "results",
    "evaluate": "evaluating",
    "report": "reporting",
    "score": "scoring",
    "train": "training",
    "write_features": "featuring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
