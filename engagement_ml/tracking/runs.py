"""Logging a run: parameters, metrics, data set fingerprints, files and models, in MLflow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.drivers.evidence import row_dict
from engagement_ml.errors import TrackingError
from engagement_ml.masking import masked_uri
from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import plain
from engagement_ml.progress import OnStep
from engagement_ml.records import RunRecord
from engagement_ml.tracking.flatten import flat_numbers, flat_texts, safe_key
from engagement_ml.tracking.models import log_booster, log_metric_model
from engagement_ml.tracking.registry import RECORD_TAG, register_version, results_hash
from engagement_ml.tracking.session import get_or_create_experiment, tracking_session

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.tables.quality import TableQuality

# Limits of MLflow: per call of log_batch, and on the digest of a data set.
_METRICS_PER_CALL = 1000
_PARAMS_PER_CALL = 100
_MAX_DIGEST_LENGTH = 36


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


def log_run(
    record: RunRecord,
    metric: EngagementMetric,
    folder: str | Path,
    *,
    uri: str,
    experiment: str | None = None,
    register: bool = True,
    models: Mapping[str, Any] | None = None,
    input_examples: Mapping[str, pd.DataFrame] | None = None,
    on_status: OnStep | None = None,
) -> LoggedRun:
    """Log a run to the tracking store, and register the metric.

    Parameters
    ----------
    record : RunRecord
        Its configuration becomes parameters; its evaluation, drivers and seconds become metrics;
        the fingerprints of its tables become data set inputs.
    metric : EngagementMetric
        Logged as a model unless it abstained.
    folder : path
        Its files become artifacts, and those of the models; other subfolders do not.
    uri : str
        The tracking store.
    experiment : str, optional
        By default the pipeline's name.
    register : bool, default True
        Whether to register a version of the model that has the metric's name.
    models : mapping of str to LightGBM booster or estimator, optional
        Models to log, by name: ``profit`` and ``churn``. For an estimator, its booster is logged.
    input_examples : mapping of str to DataFrame, optional
        A few rows for the model of the same name, columns in the model's order, as float64.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Returns
    -------
    LoggedRun

    Raises
    ------
    TrackingError
        If the store cannot be reached or refuses a request. A run that has started is marked as
        failed.
    """
    with tracking_session(uri, on_status=on_status) as client:
        import mlflow

        experiment_id = get_or_create_experiment(client, experiment or record.name, uri)
        if on_status:
            on_status("Logging the run")
        with mlflow.start_run(
            experiment_id=experiment_id,
            run_name=record.name,
            tags=_tags(record, metric),
            nested=True,
        ) as run:
            run_id = str(run.info.run_id)
            # Models come first: logging a model copies the run's metrics so far, one query each.
            for name, model in (models or {}).items():
                log_booster(model, name, example=(input_examples or {}).get(name))
            logged = None if metric.abstained else log_metric_model(metric, record.version)
            _log_values(client, run_id, record, metric)
            _log_files(client, run_id, _files_of(Path(folder)))
            if logged is None or not register:
                return _unregistered(run_id, logged, uri)
            version, alias = register_version(
                client, metric, logged, run_id, _version_tags(record, metric)
            )
    return LoggedRun(run_id, metric.name, version, alias, f"models:/{metric.name}/{version}", uri)


def log_files(uri: str, run_id: str, *paths: str | Path) -> None:
    """Add files to a logged run: the report, for instance, which names the registered version.

    Raises
    ------
    TrackingError
        If the store or the run cannot be reached, or if a file is missing.
    """
    with tracking_session(uri, create=False) as client:
        _log_files(client, run_id, [Path(path) for path in paths])


def _unregistered(run_id: str, logged: Any, uri: str) -> LoggedRun:
    if logged is None:
        note = "the metric abstained: its definition is logged, and no version is registered"
        return LoggedRun(run_id, None, None, None, None, uri, note)
    note = "tracking.register is false: the model is logged, and no version is registered"
    return LoggedRun(run_id, None, None, None, str(logged.model_uri), uri, note)


def _tags(record: RunRecord, metric: EngagementMetric) -> dict[str, str]:
    config = json.dumps(record.config, sort_keys=True)
    tags = {
        "engagement_ml.version": record.version,
        RECORD_TAG: results_hash(record),
        "engagement_ml.definition_hash": metric.definition_hash,
        "engagement_ml.evidence": metric.evidence,
        "engagement_ml.abstained": str(metric.abstained).lower(),
        "engagement_ml.config_fingerprint": hashlib.sha256(config.encode()).hexdigest(),
    }
    for table in record.tables:
        tags[safe_key("engagement_ml", "fingerprint", table.table)] = table.fingerprint
    return tags


def _version_tags(record: RunRecord, metric: EngagementMetric) -> dict[str, str]:
    evaluation = record.evaluation.get("metric") or {}
    measures = {
        side: (evaluation.get(side) or {}).get("metric") or {}
        for side in ("across", "within")
        if isinstance(evaluation.get(side), Mapping)
    }
    numbers = {key: f"{value:.6g}" for key, value in flat_numbers(measures).items()}
    return {
        RECORD_TAG: results_hash(record),
        "definition_hash": metric.definition_hash,
        "evidence": metric.evidence,
        "behaviours": ", ".join(behaviour.behaviour for behaviour in metric.behaviours),
        **numbers,
    }


def _log_values(client: Any, run_id: str, record: RunRecord, metric: EngagementMetric) -> None:
    import time

    from mlflow.entities import Metric, Param

    params = flat_texts(record.config)
    for key, text in flat_texts(plain(record.windows), "planned_windows").items():
        params.setdefault(key, text)
    for key, text in flat_texts(plain(record.sample) or {}, "drawn_sample").items():
        params.setdefault(key, text)
    entries = [Param(key, text) for key, text in params.items()]
    for start in range(0, len(entries), _PARAMS_PER_CALL):
        client.log_batch(run_id, params=entries[start : start + _PARAMS_PER_CALL])
    numbers = {
        **flat_numbers({"n_entities": record.n_entities, "n_rows": record.n_rows}),
        **flat_numbers(record.evaluation, "evaluation"),
        **flat_numbers(record.seconds, "seconds"),
        **flat_numbers({b.behaviour: b.weight for b in metric.behaviours}, "weight"),
    }
    for row in record.drivers:
        numbers.update(flat_numbers(row_dict(row), "drivers", row.behaviour))
    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, 0) for key, value in numbers.items()]
    for start in range(0, len(metrics), _METRICS_PER_CALL):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_PER_CALL])
    if inputs := [_dataset_input(table) for table in record.tables]:
        client.log_inputs(run_id, inputs)


def _dataset_input(table: TableQuality) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    values = plain(table)
    profile = {key: values[key] for key in ("rows_read", "rows_kept", "first", "last")}
    dataset = Dataset(
        name=table.table,
        digest=table.fingerprint[:_MAX_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": table.source}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _files_of(folder: Path) -> list[Path]:
    paths = [*folder.iterdir(), *(folder / "models").glob("*.txt")]
    return sorted(path for path in paths if path.is_file())


def _log_files(client: Any, run_id: str, paths: list[Path]) -> None:
    for path in paths:
        if not path.is_file():
            raise TrackingError(f"{path}: no such file to log with run {run_id}")
        client.log_artifact(run_id, str(path))
