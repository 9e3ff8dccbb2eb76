"""The monitor's history in MLflow: one run per version of a model, with the week as step."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.lifecycle.monitoring.rows import STATUSES, MonitorRow
from engagement_ml.progress import OnStep
from engagement_ml.tracking.flatten import safe_key
from engagement_ml.tracking.session import get_or_create_experiment, tracking_session

MONITORS_TAG = "engagement_ml.monitors"
"""Tag of the run: ``<model>/<version>``."""
_WEEK_TAG = "engagement_ml.week"
_VERSION_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_METRICS_PER_CALL = 900
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class MonitorLog:
    """Where a week was logged.

    Attributes
    ----------
    run_id : str
    step : int
        Weeks since 1970 of the last day of the week.
    note : str or None
        What was not logged, and why.
    """

    run_id: str
    step: int
    note: str | None = None


def version_of(source: str, tracking_uri: str | None) -> tuple[str, str] | None:
    """Return the name and the version that a URI ``models:/…`` leads to; None for other URIs.

    Raises
    ------
    TrackingError
        If the store cannot be reached or does not know the version.
    """
    match = _VERSION_URI.fullmatch(source)
    if match is None:
        return None
    if match["version"]:
        return match["name"], match["version"]
    with tracking_session(tracking_uri, create=False) as client:
        version = client.get_model_version_by_alias(match["name"], match["alias"])
        return match["name"], str(version.version)


def step_of(as_of: dt.date) -> int:
    """Return the step of the week that ends before a day.

    Examples
    --------
    >>> step_of(dt.date(2024, 1, 8)) - step_of(dt.date(2024, 1, 1))
    1
    """
    return (as_of - _EPOCH).days // 7


def log_monitoring(
    rows: Iterable[MonitorRow],
    files: Iterable[Path],
    *,
    model: str,
    version: str,
    as_of: dt.date,
    experiment: str,
    uri: str | None,
    on_status: OnStep | None = None,
) -> MonitorLog:
    """Log the rows of a week to the run that monitors a version; create it for the first week.

    A week that is in the run already is not logged twice, as MLflow cannot replace a value; its
    files are replaced. A run of this function that was killed leaves a part of the week, which
    the next one completes.

    Parameters
    ----------
    rows : iterable of MonitorRow
    files : iterable of Path
        Logged as artifacts in a folder of the week.
    model, version : str
    as_of : date
        End of the week, exclusive.
    experiment : str
        Of a new run.
    uri : str or None
        The tracking store.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Raises
    ------
    TrackingError
        If the store cannot be reached or refuses a request.
    """
    step = step_of(as_of)
    with tracking_session(uri, create=False, on_status=on_status) as client:
        run = _find_run(client, model, version)
        if run is None:
            experiment_id = get_or_create_experiment(client, experiment)
            run = _new_run(client, experiment_id, model, version)
        run_id, done = str(run.info.run_id), run.data.tags.get(f"{_WEEK_TAG}.{step}")
        note = None
        if done is None:
            _log_metrics(client, run_id, monitor_metrics(rows), step, as_of)
            client.set_tag(run_id, f"{_WEEK_TAG}.{step}", as_of.isoformat())
        else:
            note = (
                f"MLflow has the week before {done} already and cannot replace values; its files "
                "were replaced"
            )
        for file in files:
            client.log_artifact(run_id, str(file), as_of.isoformat())
        client.set_terminated(run_id, "FINISHED")
    return MonitorLog(run_id, step, note)


def monitor_metrics(rows: Iterable[MonitorRow]) -> dict[str, float]:
    """Return metrics: ``<kind>/<subject>``, what was expected, and rows by status.

    Examples
    --------
    >>> row = MonitorRow("volume", "visit", dt.date(2024, 1, 1), 9.0, 8.0, 5.0, 12.0, "ok", "")
    >>> monitor_metrics([row])
    {'volume/visit': 9.0, 'volume_expected/visit': 8.0, 'rows/alarm': 0.0, 'rows/warning': 0.0, \
'rows/unknown': 0.0, 'rows/ok': 1.0}
    """
    metrics: dict[str, float] = {}
    counts: Mapping[str, int] = {}
    for row in rows:
        counts = {**counts, row.status: counts.get(row.status, 0) + 1}
        subject = safe_key(row.subject)
        for name, value in ((row.kind, row.value), (f"{row.kind}_expected", row.expected)):
            if value is not None:
                metrics.setdefault(f"{name}/{subject}"[:250], float(value))
    return metrics | {f"rows/{status}": float(counts.get(status, 0)) for status in STATUSES}


def _find_run(client: Any, model: str, version: str) -> Any:
    """Return the oldest active run that monitors a version, or None."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    value = f"{model}/{version}".replace("'", "")
    found = client.search_runs(
        experiments,
        f"tags.`{MONITORS_TAG}` = '{value}'",
        order_by=["attributes.start_time ASC"],
        max_results=1,
    )
    return found[0] if found else None


def _new_run(client: Any, experiment_id: str, model: str, version: str) -> Any:
    tags = {
        MONITORS_TAG: f"{model}/{version}".replace("'", ""),
        "mlflow.note.content": f"What `engagement-ml monitor` found for version {version} of "
        f"{model}. The step is the week, counted since 1970.",
    }
    return client.create_run(
        experiment_id, run_name=f"monitor {model} version {version}", tags=tags
    )


def _log_metrics(
    client: Any, run_id: str, metrics: Mapping[str, float], step: int, as_of: dt.date
) -> None:
    from mlflow.entities import Metric

    # The same moment each time: a value that was logged already is then not doubled.
    moment = (as_of - _EPOCH).days * 86_400_000
    entries = [Metric(key, value, moment, step) for key, value in metrics.items()]
    for start in range(0, len(entries), _METRICS_PER_CALL):
        client.log_batch(run_id, metrics=entries[start : start + _METRICS_PER_CALL])
