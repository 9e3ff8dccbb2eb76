"""Evaluation workflow: measures a trained metric and its models again, on the same or new data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import ConfigError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs import read_tables
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.windows import Windows, plan_windows
from engagement_ml.workflow.fitting import evaluate_panel
from engagement_ml.workflow.results import EVALUATION, evaluation_json
from engagement_ml.workflow.run_log import log_evaluation_notes
from engagement_ml.workflow.runs import Run, open_run
from engagement_ml.workflow.sampling import draw_training_sample, sample_detail
from engagement_ml.workflow.settings import as_config


@machine_faults_named()
def evaluate(
    model: str | Path,
    config: PipelineConfig | str | Path | None = None,
    *,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Evaluate a trained metric and its models on the last cutoffs of the data.

    Only the baselines are fitted. If there are more customers than the configuration's
    ``sample.customers``, that number of customers is drawn as in training: on the same data, the
    same customers.

    Parameters
    ----------
    model : path or str
        The folder that `train` wrote, or an MLflow URI: ``models:/name@champion``,
        ``models:/name/3``, ``runs:/<run id>``.
    config : PipelineConfig or path, optional
        Names the data, for example newer data; by default the run's configuration.
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``.
    output : path, optional
        A folder for ``evaluation.json``; by default nothing is written.
    tracking_uri : str, optional
        Tracking store for URIs; by default the configuration's, else the one that MLflow is set
        to, else ``sqlite:///mlruns/mlflow.db``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    dict
        The content of ``evaluation.json``. If test cutoffs are so early that their data was used
        for fitting, a note says so.

    Raises
    ------
    ConfigError
        If the configuration's windows differ from the metric's.
    InputError, NotEnoughDataError, OutputError, TrackingError
        If the model or the tables cannot be used, or if the result cannot be written.
    """
    settings = None if config is None else as_config(config)
    if tracking_uri is None and settings is not None:
        tracking_uri = settings.tracking.uri
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the model")
        with open_run(model, tracking_uri=tracking_uri, on_status=steps.start) as run:
            if output is None:
                return _evaluate(run, settings, frames, steps)
            with new_folder_whole(Path(output)) as folder:
                evaluation = _evaluate(run, settings, frames, steps)
                (folder / EVALUATION).write_text(evaluation_json(evaluation), encoding="utf-8")
    return evaluation


def _evaluate(
    run: Run, settings: PipelineConfig | None, frames: Mapping[str, Any] | None, progress: Progress
) -> dict[str, Any]:
    from engagement_ml.features import build_panel

    record, metric = run.record(), run.metric()
    profit, churn = run.models()
    config = _as_trained(run.config(), settings)
    _check_windows(config, metric)
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, on_part=progress.update)
        windows = plan_windows(tables.history, config.windows)
        data_notes = tables.notes
        tables, sample = draw_training_sample(tables, config, windows, progress)
        progress.start("Building features", sample_detail(sample, config.entity))
        panel = build_panel(tables, config, windows)
    progress.start("Evaluating out of time")
    fit_until = record.windows.fit_until
    evaluation = evaluate_panel(
        panel,
        windows,
        metric,
        profit,
        churn,
        record.drivers,
        config.random_seed,
        fit_until=fit_until,
        sample=sample,
    )
    evaluation["notes"] = [*evaluation["notes"], *_in_sample_notes(windows, fit_until)]
    # The notes on the tables were logged when they were read.
    log_evaluation_notes(evaluation)
    evaluation["notes"] = [*data_notes, *evaluation["notes"]]
    return evaluation


def _as_trained(trained: PipelineConfig, settings: PipelineConfig | None) -> PipelineConfig:
    """Return the configuration of the data, with the groups of event types of the training."""
    if settings is None or trained.event_types.keep is None:
        return trained if settings is None else settings
    return settings.model_copy(update={"event_types": trained.event_types})


def _check_windows(config: PipelineConfig, metric: EngagementMetric) -> None:
    for key in ("observation_days", "outcome_days", "gap_days"):
        value, required = getattr(config.windows, key), getattr(metric, key)
        if value != required:
            raise ConfigError(
                f"key 'windows.{key}': {value}, but metric '{metric.name}' was made with {required}"
                f"; set it to {required}, or train again"
            )


def _in_sample_notes(windows: Windows, fit_until: dt.date) -> list[str]:
    """Return a note if the first test cutoff lies before the end of the fitting data."""
    if not windows.test or windows.test[0] >= fit_until:
        return []
    return [
        f"not all of this is out of time: the test cutoffs start at {windows.test[0]}, but the "
        f"model was fitted to outcomes until {fit_until}; evaluate it on newer data"
    ]
