"""Evaluating a trained metric and its models again, on the same data or on newer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import ConfigError
from engagement_ml.inputs import read_tables
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.windows import Windows, plan_windows
from engagement_ml.workflow.fitting import measure
from engagement_ml.workflow.results import EVALUATION, evaluation_json
from engagement_ml.workflow.runs import Run, open_run
from engagement_ml.workflow.sampling import draw, in_words
from engagement_ml.workflow.settings import as_config


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
    """Measure a trained metric and its models on the last cutoffs of the data.

    Nothing is fitted but the baselines that it stands beside. Where there are more customers than
    ``sample.customers`` of the configuration, so many are drawn as in training: on the same data,
    the same ones.

    Parameters
    ----------
    model : path or str
        The folder that `train` left, or an MLflow URI: ``models:/name@champion``,
        ``models:/name/3``, ``runs:/<run id>``.
    config : PipelineConfig or path, optional
        Says where the data lies, newer data for instance; by default the run's own.
    frames : mapping of table name to path or frame, optional
        Takes the place of the configuration's ``sources``.
    output : path, optional
        A folder for ``evaluation.json``; without it nothing is written.
    tracking_uri : str, optional
        For URIs; by default the configuration's, else the one MLflow has been told, else
        ``sqlite:///mlruns/mlflow.db``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    dict
        What ``evaluation.json`` holds. A note says where test cutoffs lie so early that fitting
        saw them.

    Raises
    ------
    ConfigError
        Where the configuration's windows are not those of the metric.
    InputError, NotEnoughDataError, OutputError, TrackingError
        Where model or tables cannot be used, or the result cannot be written.
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
    run: Run, given: PipelineConfig | None, frames: Mapping[str, Any] | None, progress: Progress
) -> dict[str, Any]:
    from engagement_ml.features import build_panel

    record, metric = run.record(), run.metric()
    profit, churn = run.models()
    config = given if given is not None else run.config()
    _check_windows(config, metric)
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, on_part=progress.update)
        windows = plan_windows(tables.history, config.windows)
        tables, sample = draw(tables, config, windows, progress)
        progress.start("Building features", in_words(sample, config.entity))
        panel = build_panel(tables, config, windows)
    progress.start("Evaluating out of time")
    until = record.windows.fit_until
    found = measure(
        panel,
        windows,
        metric,
        profit,
        churn,
        record.drivers,
        config.random_seed,
        fit_until=until,
        sample=sample,
    )
    found["notes"] = [*found["notes"], *_seen_by_fitting(windows, until)]
    return found


def _check_windows(config: PipelineConfig, metric: EngagementMetric) -> None:
    for key in ("observation_days", "outcome_days", "gap_days"):
        found, needed = getattr(config.windows, key), getattr(metric, key)
        if found != needed:
            raise ConfigError(
                f"key 'windows.{key}': {found}, and metric '{metric.name}' was made with {needed}; "
                f"set it to {needed}, or train again"
            )


def _seen_by_fitting(windows: Windows, until: dt.date) -> list[str]:
    if not windows.test or windows.test[0] >= until:
        return []
    return [
        f"not all of this is out of time: cutoffs from {windows.test[0]} are measured, and the "
        f"model was fitted to outcomes until {until}; newer data would be free of this"
    ]
