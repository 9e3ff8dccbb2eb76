"""Logging a run in MLflow: models, parameters, metrics, data sets, files, and the registration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engagement_ml.masking import masked_uri
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import OnStep
from engagement_ml.records import RunRecord
from engagement_ml.tracking.descriptions import (
    describe_model,
    run_description,
    version_description,
)
from engagement_ml.tracking.git_commit import git_commit
from engagement_ml.tracking.models import METRIC_MODEL, log_model, metric_model, prediction_model
from engagement_ml.tracking.registry import mark_abstention, register_version
from engagement_ml.tracking.run_files import (
    folder_files,
    log_driver_table,
    log_paths,
    log_plots,
    model_files,
)
from engagement_ml.tracking.run_values import (
    log_values,
    run_name,
    run_tags,
    run_times,
    version_tags,
)
from engagement_ml.tracking.session import get_or_create_experiment, tracking_session

_NOTE_TAG = "mlflow.note.content"


@dataclass(frozen=True)
class LoggedRun:
    """A run in the tracking store, and its version in the model registry.

    Attributes
    ----------
    run_id : str
    tracking_uri : str
        Without its password.
    model : str or None
        The registered model's name; None if no version was registered.
    version : int or None
    alias : {"champion", "challenger"} or None
    model_uri : str or None
        The argument of ``mlflow.pyfunc.load_model``; None if the metric abstained.
    note : str or None
        The reason if no version was registered.
    """

    run_id: str
    model: str | None
    version: int | None
    alias: str | None
    model_uri: str | None
    tracking_uri: str
    note: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tracking_uri", masked_uri(self.tracking_uri))

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, as ``RunRecord.registered`` holds them."""
        values = asdict(self)
        return {"uri": values.pop("model_uri"), **values}

    @classmethod
    def from_dict(cls, registered: Mapping[str, Any]) -> LoggedRun:
        """Read what `to_dict` returned; other keys are ignored."""
        values = {**registered, "model_uri": registered["uri"]}
        names = [field.name for field in fields(cls) if field.name in values]
        return cls(**{name: values[name] for name in names})


def log_run(
    record: RunRecord,
    metric: EngagementMetric,
    folder: str | Path,
    *,
    uri: str | None,
    experiment: str | None = None,
    register: bool = True,
    on_status: OnStep | None = None,
) -> LoggedRun:
    """Log a run to the tracking store, and register the metric.

    The run's start and end are those of the training, also if it is logged later.

    Parameters
    ----------
    record : RunRecord
        Its configuration becomes parameters; its main figures become metrics; the fingerprints of
        its tables become data set inputs; its findings become descriptions, a table and plots.
    metric : EngagementMetric
        Logged as a model unless it abstained.
    folder : path
        Its files become artifacts, and those of the models; other subfolders do not. The profit
        and churn models are logged from their texts in ``models``, as far as they are there.
    uri : str or None
        The tracking store; None means the one that MLflow is set to, else the default.
    experiment : str, optional
        By default the pipeline's name.
    register : bool, default True
        Whether to register a version of the model that has the metric's name. If the metric
        abstained and there is such a model, the model gets the tag
        ``engagement_ml.last_abstained``.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Returns
    -------
    LoggedRun

    Raises
    ------
    InputError
        If the text of a model is damaged.
    TrackingError
        If the store cannot be reached or refuses a request. A run that has started is marked as
        failed.
    """
    with tracking_session(uri, on_status=on_status) as client:
        store = uri if uri is not None else str(client.tracking_uri)
        experiment_id = get_or_create_experiment(client, experiment or record.name)
        if on_status:
            on_status("Logging the run")
        commit = git_commit(record.created_at)
        with _run(client, experiment_id, record, metric, commit) as run_id:
            # Models come first: logging a model copies the run's metrics so far, one query each.
            models = _log_models(client, run_id, experiment_id, metric, Path(folder))
            ids = {name: model.model_id for name, model in models.items()}
            log_values(client, run_id, record, metric, ids)
            log_paths(client, run_id, folder_files(Path(folder)))
            log_driver_table(client, run_id, record)
            log_plots(client, run_id, record)
            logged = models.get(METRIC_MODEL)
            if logged is None or not register:
                if logged is None and register:
                    mark_abstention(client, metric, record.created_at)
                return _unregistered(run_id, logged, store)
            version, alias = register_version(
                client,
                metric,
                logged,
                run_id,
                version_tags(record, metric, commit),
                version_description(record, metric),
            )
            describe_model(client, record, metric, version)
    model_uri = f"models:/{metric.name}/{version}"
    return LoggedRun(run_id, metric.name, version, alias, model_uri, store)


def log_files(uri: str | None, run_id: str, *paths: str | Path) -> None:
    """Add files to a logged run: the report, for instance, which names the registered version.

    Raises
    ------
    TrackingError
        If the store or the run cannot be reached, or if a file is missing.
    """
    with tracking_session(uri, create=False) as client:
        log_paths(client, run_id, [Path(path) for path in paths])


@contextmanager
def _run(
    client: Any,
    experiment_id: str,
    record: RunRecord,
    metric: EngagementMetric,
    commit: str | None,
) -> Iterator[str]:
    """Create a run for the block; it is not MLflow's active run, which may be the user's."""
    from mlflow.tracking.context.registry import resolve_tags

    start, end = run_times(record)
    tags = resolve_tags(
        run_tags(record, metric, commit) | {_NOTE_TAG: run_description(record, metric)}
    )
    run = client.create_run(experiment_id, start_time=start, tags=tags, run_name=run_name(record))
    run_id = str(run.info.run_id)
    try:
        yield run_id
    except BaseException:
        client.set_terminated(run_id, "FAILED", end)
        raise
    client.set_terminated(run_id, "FINISHED", end)


def _log_models(
    client: Any, run_id: str, experiment_id: str, metric: EngagementMetric, folder: Path
) -> dict[str, Any]:
    """Log the metric unless it abstained, and the models whose texts are there; return them."""
    prepared = {name: prediction_model(path) for name, path in model_files(folder).items()}
    if not metric.abstained:
        prepared[METRIC_MODEL] = metric_model(metric)
    logged = {}
    for name, arguments_of in prepared.items():
        with arguments_of as arguments:
            logged[name] = log_model(client, run_id, experiment_id, name, arguments)
    return logged


def _unregistered(run_id: str, logged: Any, uri: str) -> LoggedRun:
    if logged is None:
        note = "the metric abstained: its definition is logged, and no version is registered"
        return LoggedRun(run_id, None, None, None, None, uri, note)
    note = "tracking.register is false: the model is logged, and no version is registered"
    return LoggedRun(run_id, None, None, None, str(logged.model_uri), uri, note)
