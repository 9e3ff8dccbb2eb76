"""Logging an evaluation: an MLflow run, metrics of the logged model, and tags of its version."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engagement_ml.formatting import number, spread
from engagement_ml.progress import OnStep
from engagement_ml.tracking.flatten import flat_numbers
from engagement_ml.tracking.load import logged_model_id, parse_version_uri
from engagement_ml.tracking.session import get_or_create_experiment, tracking_session

FILE = "evaluation.json"
TYPE_TAG, TYPE = "engagement_ml.type", "evaluation"
_MODELS = ("profit", "churn")
_SEPARATOR = "/"


def log_evaluation(
    evaluation: Mapping[str, Any],
    uris: Mapping[str, str],
    *,
    experiment: str,
    uri: str | None = None,
    on_status: OnStep | None = None,
) -> str:
    """Log an evaluation as a run, linked to the models that were given by URI.

    Each model's measures are metrics of its logged model, with the data set's name, so that the
    model's page shows them and ``search_logged_models`` finds them. With several models, each one
    after the first has a nested run. The main figures become tags of the model version,
    ``evaluation.<date>.across`` and so on.

    Parameters
    ----------
    evaluation : mapping
        The content of ``evaluation.json``, which is logged as an artifact.
    uris : mapping of str to str
        MLflow URIs by contestant.
    experiment : str
    uri : str, optional
        Tracking store; by default the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Returns
    -------
    str
        The id of the run.

    Raises
    ------
    TrackingError
        If the store cannot be reached or refuses a request.
    """
    with tracking_session(uri, on_status=on_status) as client:
        import mlflow

        today = dt.datetime.now(dt.UTC).date()
        experiment_id = get_or_create_experiment(client, experiment)
        by_name = {each["name"]: each for each in evaluation["contestants"]}
        first = evaluation["contestants"][0]["name"]
        with mlflow.start_run(
            experiment_id=experiment_id,
            run_name=f"evaluation {today}",
            tags=_tags(evaluation),
            nested=True,
        ) as run:
            run_id = str(run.info.run_id)
            text = json.dumps(evaluation, indent=2, ensure_ascii=False, allow_nan=False)
            client.log_text(run_id, text + "\n", FILE)
            for place, name in enumerate(uris or [first]):
                version = _version_of(client, uris[name]) if name in uris else None
                with _nested(mlflow, experiment_id, f"evaluation {today}: {name}", place) as nested:
                    _log_contestant(client, nested or run_id, by_name[name], version, evaluation)
                if version is None:
                    continue
                for key, value in _version_tags(evaluation, by_name[name], today, run_id):
                    client.set_model_version_tag(version.name, version.version, key, value)
    return run_id


@contextmanager
def _nested(mlflow: Any, experiment_id: str, name: str, place: int) -> Iterator[str | None]:
    """Yield the id of a nested run for each model after the first, which has the run itself."""
    if place == 0:
        yield None
        return
    with mlflow.start_run(
        experiment_id=experiment_id, run_name=name, tags={TYPE_TAG: TYPE}, nested=True
    ) as run:
        yield str(run.info.run_id)


def _version_of(client: Any, uri: str) -> Any:
    """Return the model version that a URI names; None if it names a run."""
    match = parse_version_uri(uri)
    if match is None:
        return None
    if match["alias"]:
        return client.get_model_version_by_alias(match["name"], match["alias"])
    return client.get_model_version(match["name"], match["version"])


def _log_contestant(
    client: Any,
    run_id: str,
    measured: Mapping[str, Any],
    version: Any,
    evaluation: Mapping[str, Any],
) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, Metric

    model_id = None if version is None else logged_model_id(str(version.source))
    comparison = evaluation["comparison"]
    name, digest = (
        f"evaluation to {(comparison['cutoffs'] or ['no cutoff'])[-1]}",
        comparison["data"],
    )
    dataset = Dataset(name, digest, "local", json.dumps({"cutoffs": comparison["cutoffs"]}))
    inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])]
    models = None if model_id is None else [LoggedModelInput(model_id=model_id)]
    client.log_inputs(run_id, inputs, models)
    now = int(time.time() * 1000)
    metrics = [
        Metric(
            key, value, now, 0, model_id=model_id, dataset_name=name,
            dataset_digest=digest, run_id=run_id,
        )
        for key, value in _numbers(measured).items()
    ]  # fmt: skip
    client.log_batch(run_id, metrics=metrics)


def _numbers(measured: Mapping[str, Any]) -> dict[str, float]:
    """Return the measures of a contestant as metrics, grouped by ``/``."""
    parts = {part: measured[part] or {} for part in ("across", "within")}
    for model in _MODELS:
        held = measured.get(model) or {}
        parts[model] = {k: v for k, v in held.items() if isinstance(v, Mapping) and "value" in v}
    return {
        f"evaluation{_SEPARATOR}{key.replace('.', _SEPARATOR)}".removesuffix("/value"): value
        for key, value in flat_numbers(parts).items()
    }


def _tags(evaluation: Mapping[str, Any]) -> dict[str, str]:
    comparison = evaluation["comparison"]
    return {
        TYPE_TAG: TYPE,
        "engagement_ml.contestants": ", ".join(each["name"] for each in evaluation["contestants"]),
        "engagement_ml.out_of_time": json.dumps(comparison["out_of_time"]),
        "mlflow.note.content": (
            f"{comparison['reason']} {number(comparison['customers'], 0)} compared at "
            f"{', '.join(comparison['cutoffs'])}."
        ),
    }


def _version_tags(
    evaluation: Mapping[str, Any], measured: Mapping[str, Any], today: dt.date, run_id: str
) -> Iterator[tuple[str, str]]:
    """Yield the main figures as tags of a version: few, as a version is evaluated often."""
    prefix = f"evaluation.{today}"
    for part in ("across", "within"):
        held = (measured[part] or {}).get("spearman")
        if held:
            value = f"{number(held['value'], 3)} ({spread(held['low'], held['high'], 3)})"
            yield f"{prefix}.{part}", value
    yield f"{prefix}.out_of_time", json.dumps(evaluation["comparison"]["out_of_time"])
    yield f"{prefix}.run_id", run_id
