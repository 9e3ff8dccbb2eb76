"""Lookup of a run that is in the store already: whole, or as a killed registration left it."""

from __future__ import annotations

from typing import Any

from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import OnStep
from engagement_ml.records import RunRecord
from engagement_ml.tracking.registry import (
    CHALLENGER,
    CHAMPION,
    RECORD_TAG,
    complete_version,
    results_hash,
)
from engagement_ml.tracking.runs import LoggedRun
from engagement_ml.tracking.session import tracking_session

_FINISHED, _RUNNING, _KILLED = "FINISHED", "RUNNING", "KILLED"


def find_registration(
    record: RunRecord,
    metric: EngagementMetric,
    *,
    uri: str,
    experiment: str,
    on_status: OnStep | None = None,
) -> LoggedRun | None:
    """Return what the store has of a run; None if there is no version of it.

    A registration that was killed is completed if its version exists. Before that, it is marked
    as killed, and nothing is found: the run must be logged again.

    Parameters
    ----------
    record : RunRecord
    metric : EngagementMetric
        Of an abstaining metric, no version is expected: its run is found.
    uri : str
        The tracking store.
    experiment : str
        Where the run would be logged. Versions are found whatever their experiment.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Raises
    ------
    TrackingError
        If the store cannot be reached or refuses a request.
    """
    with tracking_session(uri, on_status=on_status) as client:
        version = None if metric.abstained else _version_of(client, record, metric.name)
        if version is not None:
            return _registered(client, version, uri)
        finished = None
        for run in _runs_of(client, record, experiment):
            if run.info.status == _RUNNING:
                client.set_terminated(run.info.run_id, _KILLED)
            elif run.info.status == _FINISHED and finished is None:
                finished = str(run.info.run_id)
        if finished is None or not metric.abstained:
            return None
        note = "the metric abstained: its definition is logged, and no version is registered"
        return LoggedRun(finished, None, None, None, None, uri, note)


def _version_of(client: Any, record: RunRecord, name: str) -> Any | None:
    """Return the newest version of a record."""
    found = client.search_model_versions(
        f"name = '{name}' and tags.`{RECORD_TAG}` = '{results_hash(record)}'"
    )
    return max(found, key=lambda version: int(version.version), default=None)


def _registered(client: Any, version: Any, uri: str) -> LoggedRun:
    if client.get_run(version.run_id).info.status != _FINISHED:
        if not _aliases(client, version):
            complete_version(client, version)
        client.set_terminated(version.run_id, _FINISHED)
    aliases = _aliases(client, version)
    alias = next((name for name in (CHAMPION, CHALLENGER) if name in aliases), None)
    name, number = str(version.name), int(version.version)
    return LoggedRun(version.run_id, name, number, alias, f"models:/{name}/{number}", uri)


def _aliases(client: Any, version: Any) -> list[str]:
    return list(client.get_model_version(version.name, version.version).aliases)


def _runs_of(client: Any, record: RunRecord, experiment: str) -> list[Any]:
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return []
    tag = f"tags.`{RECORD_TAG}` = '{results_hash(record)}'"
    return list(client.search_runs([found.experiment_id], tag))
