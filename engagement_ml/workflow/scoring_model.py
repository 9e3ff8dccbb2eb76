"""The metric to score with, and what its run knows: configuration, evidence, models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import as_path
from engagement_ml.progress import Progress
from engagement_ml.workflow.results import RECORD
from engagement_ml.workflow.runs import open_run

if TYPE_CHECKING:
    from engagement_ml.records import RunRecord
    from engagement_ml.workflow.predictor import Predictor


@dataclass(frozen=True)
class ScoringModel:
    """A metric, how its tables are read, and what its run knows."""

    metric: EngagementMetric
    config: PipelineConfig
    record: RunRecord | None = None
    predictor: Predictor | None = None


def read_scoring_model(
    model: EngagementMetric | str | Path,
    tracking_uri: str | None,
    progress: Progress,
    data: PipelineConfig | None,
    *,
    predict: bool,
) -> ScoringModel:
    """Return what is read of a model; `data` replaces the run's configuration of its tables."""
    settings = data or PipelineConfig(name="metric")
    if isinstance(model, EngagementMetric):
        _refuse_predictions("a metric", predict=predict)
        return ScoringModel(model, settings)
    path = as_path(model, "the folder that 'train' wrote, or an MLflow URI")
    if path.is_file():
        _refuse_predictions(str(path), predict=predict)
        return ScoringModel(EngagementMetric.from_json(path), settings)
    with open_run(model, tracking_uri=tracking_uri, on_status=progress.start) as run:
        metric = run.metric()
        if not (run.has(RECORD) or predict):
            return ScoringModel(metric, settings)
        predictor = None
        if predict:
            from engagement_ml.workflow.predictor import read_predictor

            predictor = read_predictor(run, data)
        return ScoringModel(metric, data or run.config(), run.record(), predictor)


def _refuse_predictions(model: str, *, predict: bool) -> None:
    if predict:
        raise InputError(
            f"{model}: has no profit and churn models to predict with; give the folder that "
            "'train' wrote, or its MLflow URI"
        )
