"""Evaluation workflow: contestants on the same customers and the same cutoffs."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import ConfigError, InputError, TrackingError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs.external_scores import MAX_AGE_DAYS
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.tables.quality import TableQuality
from engagement_ml.tracking.evaluations import log_evaluation
from engagement_ml.tracking.load import is_uri
from engagement_ml.windows import Windows
from engagement_ml.workflow.contest_reading import read_contest
from engagement_ml.workflow.contest_results import contest_results, primary_part
from engagement_ml.workflow.contestants import (
    Contestant,
    Model,
    as_models,
    read_contestants,
)
from engagement_ml.workflow.fitting import evaluate_panel
from engagement_ml.workflow.results import EVALUATION, evaluation_json
from engagement_ml.workflow.run_log import log_evaluation_notes, log_notes
from engagement_ml.workflow.sampling import sample_size
from engagement_ml.workflow.settings import as_config


@machine_faults_named()
def evaluate(
    model: Model | Sequence[Model],
    config: PipelineConfig | str | Path | None = None,
    *,
    scores: Mapping[str, Any] | Sequence[Any] | Any = None,
    against: Model | None = None,
    max_score_age: int = MAX_AGE_DAYS,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    tracking_uri: str | None = None,
    log: bool | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Evaluate metrics, models and scores on the last cutoffs of the data.

    All contestants are compared on the same customers and cutoffs. Only the baselines are fitted.
    If there are more customers than the configuration's ``sample.customers``, that number of
    customers is drawn as in training: on the same data, the same customers.

    Parameters
    ----------
    model : EngagementMetric, path or str, or a sequence of these
        The folder that `train` wrote; an MLflow URI: ``models:/name@champion``,
        ``models:/name/3``, ``runs:/<run id>``; a ``metric.json``; a YAML file of weights.
    config : PipelineConfig or path, optional
        Names the data, for example newer data; by default the configuration of the first run.
    scores : path or frame, a sequence of these or a mapping by name, optional
        Scores from elsewhere: tables of ``customer_id``, ``date`` and ``score``. At a cutoff, the
        last score dated at or before it counts.
    against : EngagementMetric, path or str, optional
        One more contestant; ``"champion"`` and other aliases are those of the first model.
    max_score_age : int, default 31
        Days for which a score from elsewhere holds.
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``.
    output : path, optional
        A folder for ``evaluation.json``; by default nothing is written.
    tracking_uri : str, optional
        Tracking store for URIs; by default the configuration's, else the one that MLflow is set
        to, else ``sqlite:///mlruns/mlflow.db``.
    log : bool, optional
        Whether the evaluation is logged as an MLflow run, and its main figures as tags of the
        model versions. By default it is if a model was given by an MLflow URI.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    dict
        The content of ``evaluation.json``: the first run as `train` evaluates it, then
        ``contestants``, ``differences`` and ``comparison``. If test cutoffs are so early that
        their data was used for fitting, a note says so.

    Raises
    ------
    ConfigError
        If outcome windows differ, or no configuration names the data.
    InputError, NotEnoughDataError, OutputError, TrackingError
        If a contestant or the tables cannot be used, or if the result cannot be written.
    """
    settings = None if config is None else as_config(config)
    if tracking_uri is None and settings is not None:
        tracking_uri = settings.tracking.uri
    age = as_days(max_score_age)
    with progress_for(progress, on_step) as steps:
        steps.start("Reading the model")
        contestants = read_contestants(
            _with_rival(model, against), scores=scores, tracking_uri=tracking_uri,
            on_status=steps.start,
        )  # fmt: skip
        if output is None:
            evaluation = _evaluate(contestants, settings, frames, age, steps)
        else:
            with new_folder_whole(Path(output)) as folder:
                evaluation = _evaluate(contestants, settings, frames, age, steps)
                (folder / EVALUATION).write_text(evaluation_json(evaluation), encoding="utf-8")
        uris = {each.name: each.uri for each in contestants if each.uri is not None}
        if log or (log is None and uris):
            steps.start("Logging the evaluation")
            base = base_config(contestants, settings)
            try:
                log_evaluation(
                    evaluation, uris, experiment=base.experiment,
                    uri=tracking_uri if uris else tracking_uri or base.tracking.uri,
                    on_status=steps.start,
                )  # fmt: skip
            except TrackingError as error:
                if log:
                    raise
                # The evaluation is complete, and the log was not asked for: say it and go on.
                note = f"the evaluation is not logged: {error}"
                log_notes([note], [note])
                evaluation["notes"] = [*evaluation["notes"], note]
    return evaluation


def _evaluate(
    contestants: Sequence[Contestant],
    settings: PipelineConfig | None,
    frames: Mapping[str, Any] | None,
    max_age_days: int,
    progress: Progress,
) -> dict[str, Any]:
    first = next((each for each in contestants if each.kind == "run"), None)
    config = base_config(contestants, settings)
    for each in contestants:
        check_windows(config, each)
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        read = read_contest(engine, contestants, config, frames, max_age_days, progress)
    windows, plan, data, sample = read.windows, read.plan, read.data, read.sample
    progress.start("Evaluating out of time")
    results = contest_results(contestants, config, windows, plan, data, max_age_days=max_age_days)
    results["comparison"]["data"] = _digest(read.quality, plan.measured)
    if first is None or first.metric is None or first.profit is None or first.churn is None:
        evaluation = primary_part(data.panel, results, contestants)
    else:
        assert first.record is not None
        evaluation = evaluate_panel(
            data.panel, windows, first.metric, first.profit, first.churn, first.record.drivers,
            config.random_seed, fit_until=first.fit_until, sample=sample,
        )  # fmt: skip
        results["contestants"] = [
            {**each, "profit": evaluation["profit"], "churn": evaluation["churn"]}
            if each["name"] == first.name
            else each
            for each in results["contestants"]
        ]
        evaluation["notes"] = [*evaluation["notes"], *_in_sample_notes(windows, first.fit_until)]
    if sample is not None:
        evaluation["sample"] = sample_size(sample)
    # The notes on the tables were logged when they were read.
    log_evaluation_notes(evaluation)
    evaluation["notes"] = [*read.notes, *evaluation["notes"]]
    return {**evaluation, **results}


def _with_rival(model: Model | Sequence[Model], against: Model | None) -> list[Model]:
    """Return the models, and the one that they are compared with; an alias is of the first."""
    models = as_models(model)
    if against is None:
        return models
    is_alias = isinstance(against, str) and not is_uri(against) and not Path(against).exists()
    if not is_alias:
        return [*models, against]
    for each in models:
        if isinstance(each, str) and each.startswith("models:/"):
            name = each.removeprefix("models:/").partition("@")[0].partition("/")[0]
            return [*models, f"models:/{name}@{against}"]
    first = models[0] if models else None
    name = _registered_name(first)
    return [*models, f"models:/{name}@{against}"]


def _registered_name(model: Model | None) -> str:
    """Return the name of a model in the registry: that of its metric."""
    if model is None:
        raise InputError("evaluate: there is no model; give one, or scores from elsewhere")
    if not isinstance(model, EngagementMetric) and is_uri(model):
        raise InputError(
            f"{model}: names no registered model; give models:/NAME@ALIAS as the rival"
        )
    (read,) = read_contestants([model])
    assert read.metric is not None
    return read.metric.name


def base_config(
    contestants: Sequence[Contestant], settings: PipelineConfig | None
) -> PipelineConfig:
    """Return the configuration of the data, with windows and event types of the first run."""
    first = next((each for each in contestants if each.kind == "run"), None)
    if first is None or first.config is None or first.metric is None:
        if settings is None:
            raise ConfigError(
                "evaluate: none of the contestants is a trained run, so nothing names the data; "
                "give the pipeline's configuration as well"
            )
        return settings
    if settings is None:
        return first.config
    updates: dict[str, Any] = {}
    if first.config.event_types.keep is not None:
        updates["event_types"] = first.config.event_types
    if settings.windows.observation_days != first.metric.observation_days:
        updates["windows"] = settings.windows.model_copy(
            update={"observation_days": first.metric.observation_days}
        )
    return settings.model_copy(update=updates)


def check_windows(config: PipelineConfig, contestant: Contestant) -> None:
    """Check that a contestant was made for the outcome window that is measured.

    Raises
    ------
    ConfigError
        If it was made for another one.
    """
    metric = contestant.metric
    # Weights by hand were not made for an outcome.
    if metric is None or metric.evidence not in ("driver", "indicator"):
        return
    for key in ("outcome_days", "gap_days"):
        value, required = getattr(config.windows, key), getattr(metric, key)
        if value != required:
            raise ConfigError(
                f"key 'windows.{key}': {value}, but metric '{contestant.name}' was made with "
                f"{required}; set it to {required}, or train again"
            )


def as_days(value: Any) -> int:
    """Return the age until which a score holds.

    Raises
    ------
    InputError
        If it is not a whole number of days.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"max_score_age: {value!r} is not a number of days from 0 on")
    return value


def _digest(tables: Sequence[TableQuality], cutoffs: Sequence[dt.date]) -> str:
    """Return a digest of the data that is measured: the tables' rows and the cutoffs."""
    parts = [*(table.fingerprint for table in tables), *map(str, cutoffs)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]


def _in_sample_notes(windows: Windows, fit_until: dt.date | None) -> list[str]:
    """Return a note if the first test cutoff lies before the end of the fitting data."""
    if fit_until is None or not windows.test or windows.test[0] >= fit_until:
        return []
    return [
        f"not all of this is out of time: the test cutoffs start at {windows.test[0]}, but the "
        f"model was fitted to outcomes until {fit_until}; evaluate it on newer data"
    ]
