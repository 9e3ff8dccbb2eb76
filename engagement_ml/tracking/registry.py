"""Model registry: versions of the metric and their aliases, champion and challenger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.display import INDICATOR_CAUTION
from engagement_ml.records import RunRecord

CHAMPION, CHALLENGER = "champion", "challenger"
_EXISTS = ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")
RECORD_TAG = "engagement_ml.record"
"""Tag of runs and versions by which a run is found again; see `results_hash`."""
_AFTER_RESULTS = ("registered", "seconds")
_VERSIONS_TAG = "mlflow.modelVersions"


def results_hash(record: RunRecord) -> str:
    """Return the SHA-256 of a record's results: the same before and after its registration."""
    values = {k: v for k, v in record.to_dict().items() if k not in _AFTER_RESULTS}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def register_version(
    client: Any, metric: EngagementMetric, logged: Any, run_id: str, tags: Mapping[str, str]
) -> tuple[int, str]:
    """Register a logged metric as a version of its model, the `challenger`.

    Parameters
    ----------
    client : mlflow.MlflowClient
    metric : EngagementMetric
    logged : mlflow.models.model.ModelInfo
        The return value of `log_metric_model`.
    run_id : str
    tags : mapping of str to str
        Tags of the version.

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
        description=INDICATOR_CAUTION if metric.evidence == "indicator" else None,
        model_id=logged.model_id,
    )
    return int(created.version), complete_version(client, created)


def complete_version(client: Any, created: Any) -> str:
    """Link a version to its logged model and set its alias, which is returned.

    A version whose registration was killed after its creation lacks both. Every version becomes
    the `challenger`; only the gate makes a champion. The alias does not go back to an older version
    if two runs register at once.
    """
    name, version = created.name, int(created.version)
    # MLflow's pages link the logged model to its version by this tag.
    link = json.dumps([{"name": name, "version": created.version}])
    model_id = created.source.removeprefix("models:/")
    client.set_logged_model_tags(model_id, {_VERSIONS_TAG: link})
    newest = client.get_registered_model(name).aliases.get(CHALLENGER)
    if newest is None or int(newest) < version:
        client.set_registered_model_alias(name, CHALLENGER, str(version))
    return CHALLENGER
