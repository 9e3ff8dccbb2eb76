"""Model registry: versions of the metric and their aliases, champion and challenger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord

CHAMPION, CHALLENGER = "champion", "challenger"
_EXISTS = ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")
_MISSING = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
ABSTAINED_TAG = "engagement_ml.last_abstained"
"""Tag of a registered model: the moment and the reason of the last training that abstained."""
RECORD_TAG = "engagement_ml.record"
"""Tag of runs and versions by which a run is found again; see `results_hash`."""
_AFTER_RESULTS = ("registered", "seconds")
_VERSIONS_TAG = "mlflow.modelVersions"


def results_hash(record: RunRecord) -> str:
    """Return the SHA-256 of a record's results: the same before and after its registration."""
    values = {k: v for k, v in record.to_dict().items() if k not in _AFTER_RESULTS}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def register_version(
    client: Any,
    metric: EngagementMetric,
    logged: Any,
    run_id: str,
    tags: Mapping[str, str],
    description: str | None = None,
) -> tuple[int, str]:
    """Register a logged metric as a version of its model, and set the version's alias.

    The first version of a model becomes its `champion`. Each later version becomes the
    `challenger`.

    Parameters
    ----------
    client : mlflow.MlflowClient
    metric : EngagementMetric
    logged : mlflow.models.model.ModelInfo
        The return value of `log_model`.
    run_id : str
    tags : mapping of str to str
        Tags of the version.
    description : str, optional
        What MLflow's page of the version says, in Markdown.

    Returns
    -------
    version : int
    alias : str
    """
    from mlflow.exceptions import MlflowException

    name = metric.name
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in _EXISTS:
            raise
    created = client.create_model_version(
        name,
        logged.model_uri,
        run_id,
        tags=dict(tags),
        description=description,
        model_id=logged.model_id,
    )
    return int(created.version), complete_version(client, created)


def complete_version(client: Any, created: Any) -> str:
    """Link a version to its logged model and set its alias, which is returned.

    A version whose registration was killed after its creation lacks both.
    """
    name, version = created.name, int(created.version)
    # MLflow's pages link the logged model to its version by this tag.
    link = json.dumps([{"name": name, "version": created.version}])
    model_id = created.source.removeprefix("models:/")
    client.set_logged_model_tags(model_id, {_VERSIONS_TAG: link})
    others = [
        other
        for other in client.search_model_versions(f"name='{name}'", max_results=2)
        if int(other.version) != version
    ]
    has_champion = CHAMPION in client.get_registered_model(name).aliases
    alias = CHALLENGER if others or has_champion else CHAMPION
    client.set_registered_model_alias(name, alias, str(version))
    return alias


def mark_abstention(client: Any, metric: EngagementMetric, moment: str) -> None:
    """Tag the registered model, if there is one, with when and why a later training abstained."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(metric.name)
    except MlflowException as error:
        if error.error_code not in _MISSING:
            raise
        return
    client.set_registered_model_tag(metric.name, ABSTAINED_TAG, f"{moment}: {metric.reason}")
