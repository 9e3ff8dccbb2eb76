"""One run in the tracking store: parameters, metrics, data fingerprints, files and models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.drivers.evidence import row_dict
from engagement_ml.errors import TrackingError
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord, plain
from engagement_ml.tracking.flatten import flat_numbers, flat_texts, safe_key
from engagement_ml.tracking.models import log_booster, log_metric_model
from engagement_ml.tracking.registry import register as register_version
from engagement_ml.tracking.session import Status, experiment_id, using

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.tables.cleaning import TableQuality

_METRICS_PER_CALL = 1000
_PARAMS_PER_CALL = 100
_LONGEST_DIGEST = 36


@dataclass(frozen=True)
class Registered:
    """Where a run went.

    Attributes
    ----------
    run_id, tracking_uri : str
    model : str or None
        The registered model's name; null where no version was registered.
    version : int or None
    alias : {"champion", "challenger"} or None
    model_uri : str or None
        What ``mlflow.pyfunc.load_model`` takes; null where the metric abstained.
    note : str or None
        Why no version was registered, for people.
    """

    run_id: str
    model: str | None
    version: int | None
    alias: str | None
    model_uri: str | None
    tracking_uri: str
    note: str | None = None

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
    on_status: Status | None = None,
) -> Registered:
    """Write one run to the tracking store, and the metric to the model registry.

    Parameters
    ----------
    record : RunRecord
        Its configuration becomes parameters; evaluation, drivers and seconds become metrics; the
        fingerprints of its tables data set inputs.
    metric : EngagementMetric
        Logged as a model where it did not abstain.
    folder : path
        Its files (not its folders) become artifacts.
    uri : str
        The tracking store.
    experiment : str or None
        None: the pipeline's name.
    register : bool
        Whether to make a version of the registered model called as the metric.
    models : mapping of str to LightGBM booster or estimator, optional
        By the name to log them under, ``profit`` and ``churn``. An estimator's booster is logged.
    input_examples : mapping of str to DataFrame, optional
        A few rows for a model of the same name; columns in the model's order, as float64.
    on_status : callable, optional
        Called with a line for people before what takes seconds.

    Returns
    -------
    Registered

    Raises
    ------
    TrackingError
        Where the store cannot be reached or refuses. A run that was begun is marked as failed.
    """
    with using(uri, on_status=on_status) as client:
        import mlflow

        place = experiment_id(client, experiment or record.name, uri)
        if on_status:
            on_status("Logging the run")
        with mlflow.start_run(
            experiment_id=place, run_name=record.name, tags=_tags(record, metric), nested=True
        ) as run:
            run_id = str(run.info.run_id)
            # Models come first: logging one copies the run's metrics so far, a query each.
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
    return Registered(run_id, metric.name, version, alias, f"models:/{metric.name}/{version}", uri)


def log_files(uri: str, run_id: str, *paths: str | Path) -> None:
    """Add files to a run that was logged before: the report that names its version.

    Raises
    ------
    TrackingError
        Where the store or the run cannot be reached, or a file is missing.
    """
    with using(uri, create=False) as client:
        _log_files(client, run_id, [Path(path) for path in paths])


def _unregistered(run_id: str, logged: Any, uri: str) -> Registered:
    if logged is None:
        note = "the metric abstained, so its definition is kept with the run and no version is made"
        return Registered(run_id, None, None, None, None, uri, note)
    note = "tracking.register is false, so the model is kept with the run and no version is made"
    return Registered(run_id, None, None, None, str(logged.model_uri), uri, note)


def _tags(record: RunRecord, metric: EngagementMetric) -> dict[str, str]:
    config = json.dumps(record.config, sort_keys=True)
    tags = {
        "engagement_ml.version": record.version,
        "engagement_ml.definition_hash": metric.definition_hash,
        "engagement_ml.evidence": metric.evidence,
        "engagement_ml.abstained": str(metric.abstained).lower(),
        "engagement_ml.config_fingerprint": hashlib.sha256(config.encode()).hexdigest(),
    }
    for table in record.tables:
        tags[safe_key("engagement_ml", "fingerprint", table.table)] = table.fingerprint
    return tags


def _version_tags(record: RunRecord, metric: EngagementMetric) -> dict[str, str]:
    measured = record.evaluation.get("metric") or {}
    main = {
        side: (measured.get(side) or {}).get("metric") or {}
        for side in ("across", "within")
        if isinstance(measured.get(side), Mapping)
    }
    numbers = {key: f"{value:.6g}" for key, value in flat_numbers(main).items()}
    return {
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
    listed = [Param(key, text) for key, text in params.items()]
    for start in range(0, len(listed), _PARAMS_PER_CALL):
        client.log_batch(run_id, params=listed[start : start + _PARAMS_PER_CALL])
    numbers = {
        **flat_numbers({"n_entities": record.n_entities, "n_rows": record.n_rows}),
        **flat_numbers(record.evaluation, "evaluation"),
        **flat_numbers(record.seconds, "seconds"),
        **flat_numbers({b.behaviour: b.weight for b in metric.behaviours}, "weight"),
    }
    for row in record.drivers:
        numbers.update(flat_numbers(row_dict(row), "drivers", row.behaviour))
    now = int(time.time() * 1000)
    measured = [Metric(key, value, now, 0) for key, value in numbers.items()]
    for start in range(0, len(measured), _METRICS_PER_CALL):
        client.log_batch(run_id, metrics=measured[start : start + _METRICS_PER_CALL])
    if inputs := [_input(table) for table in record.tables]:
        client.log_inputs(run_id, inputs)


def _input(table: TableQuality) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    values = plain(table)
    profile = {key: values[key] for key in ("rows_read", "rows_kept", "first", "last")}
    dataset = Dataset(
        name=table.table,
        digest=table.fingerprint[:_LONGEST_DIGEST],
        source_type="local",
        source=json.dumps({"uri": table.source}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _log_files(client: Any, run_id: str, paths: list[Path]) -> None:
    for path in paths:
        if not path.is_file():
            raise TrackingError(f"{path}: no such file to keep with run {run_id}")
        client.log_artifact(run_id, str(path))
