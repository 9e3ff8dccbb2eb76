"""Loading metrics and runs, from a folder or by MLflow URI."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from engagement_ml.errors import InputError, OutputError, TrackingError
from engagement_ml.faults import machine_faults_named
from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import as_path
from engagement_ml.progress import OnStep
from engagement_ml.tracking.models import METRIC_FILE
from engagement_ml.tracking.session import tracking_session

_VERSION_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_LOGGED_MODEL_URI = re.compile(r"models:/(?P<id>m-[^/@]+)")
_RUN_URI = re.compile(r"runs:/(?P<id>[^/]+)(?:/.*)?")
_METRIC_FORMS = "a metric.json or of the folder that 'train' wrote, or an MLflow URI"
_URI_FORMS = "models:/name@champion, models:/name/3 or runs:/<run id>"


def is_uri(source: str | Path) -> bool:
    """Return whether a source is an MLflow URI rather than a path.

    Examples
    --------
    >>> is_uri("models:/shop@champion"), is_uri("runs/shop/2024-01-01")
    (True, False)
    """
    return isinstance(source, str) and source.startswith(("models:/", "runs:/"))


def parse_version_uri(uri: str) -> re.Match[str] | None:
    """Return the match of ``models:/name@alias`` or ``models:/name/3``, with these groups.

    Examples
    --------
    >>> parse_version_uri("models:/shop@champion").groupdict()
    {'name': 'shop', 'alias': 'champion', 'version': None}
    """
    return _VERSION_URI.fullmatch(uri)


def logged_model_id(source: str) -> str | None:
    """Return the id of the logged model that a version was registered from; None without one.

    Examples
    --------
    >>> logged_model_id("models:/m-1f0c"), logged_model_id("runs:/1f0c/model")
    ('m-1f0c', None)
    """
    match = _LOGGED_MODEL_URI.fullmatch(source)
    return None if match is None else match["id"]


@machine_faults_named()
def load_metric(source: str | Path, *, tracking_uri: str | None = None) -> EngagementMetric:
    """Load a trained metric.

    Parameters
    ----------
    source : str or path
        The folder that `train` wrote, a ``metric.json``, ``models:/name@alias``,
        ``models:/name/3`` or ``runs:/<run id>``.
    tracking_uri : str, optional
        Tracking store for URIs; by default the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.

    Raises
    ------
    InputError
        If there is no metric, or it is damaged.
    TrackingError
        If the store cannot be reached or does not know the URI.
    """
    if not is_uri(source):
        return EngagementMetric.from_json(_metric_file(as_path(source, _METRIC_FORMS)))
    with (
        tempfile.TemporaryDirectory() as folder,
        tracking_session(tracking_uri, create=False) as client,
    ):
        run_id, model_uri = _resolve(client, str(source))
        import mlflow

        if model_uri is None:
            path = client.download_artifacts(run_id, METRIC_FILE, folder)
        else:
            path = mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=folder)
        return EngagementMetric.from_json(_metric_file(Path(path)))


def download_run(
    uri: str,
    to: str | Path,
    *,
    tracking_uri: str | None = None,
    on_status: OnStep | None = None,
) -> Path:
    """Download all files of a run, or of the run that made a model version, into a folder.

    Parameters
    ----------
    uri : str
        ``models:/name@alias``, ``models:/name/3`` or ``runs:/<run id>``.
    to : path
        The folder; created if missing.
    tracking_uri : str, optional
        As in `load_metric`.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Returns
    -------
    Path
        The folder, with ``metric.json`` and the other files of the run.

    Raises
    ------
    InputError
        If `uri` is not an MLflow URI.
    TrackingError
        If the store cannot be reached or does not know the URI.
    OutputError
        If the folder cannot be created.
    """
    if not is_uri(uri):
        raise InputError(f"{uri}: is not an MLflow URI; give {_URI_FORMS}")
    folder = Path(to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from None
    with tracking_session(tracking_uri, create=False, on_status=on_status) as client:
        run_id, _ = _resolve(client, uri)
        for artifact in client.list_artifacts(run_id):
            client.download_artifacts(run_id, artifact.path, str(folder))
    return folder


def _resolve(client: Any, uri: str) -> tuple[str, str | None]:
    """Return the id of the run that a URI leads to and, for a model, the model's URI."""
    if match := _RUN_URI.fullmatch(uri):
        return str(client.get_run(match["id"]).info.run_id), None
    if match := _LOGGED_MODEL_URI.fullmatch(uri):
        return str(client.get_logged_model(match["id"]).source_run_id), uri
    if not (match := parse_version_uri(uri)):
        raise InputError(f"{uri}: cannot be read; give {_URI_FORMS}")
    if match["alias"]:
        version = client.get_model_version_by_alias(match["name"], match["alias"])
    else:
        version = client.get_model_version(match["name"], match["version"])
    if not version.run_id:
        raise TrackingError(f"{uri}: the model version does not name the run that made it")
    return str(version.run_id), uri


def _metric_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for file in (path / METRIC_FILE, path / "artifacts" / METRIC_FILE):
        if file.is_file():
            return file
    raise InputError(f"{path}: contains no {METRIC_FILE}; give the folder that 'train' wrote")
