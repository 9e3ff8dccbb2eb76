"""Metrics and runs read back, from a folder or by MLflow URI."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from engagement_ml.errors import InputError, OutputError, TrackingError
from engagement_ml.metric import EngagementMetric
from engagement_ml.tracking.models import METRIC_FILE
from engagement_ml.tracking.session import Status, using

_MODEL = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_LOGGED = re.compile(r"models:/(?P<id>m-[^/@]+)")
_RUN = re.compile(r"runs:/(?P<id>[^/]+)(?:/.*)?")
_FORMS = "models:/name@champion, models:/name/3 or runs:/<run id>"


def is_uri(source: str | Path) -> bool:
    """Tell whether a source is an MLflow URI and no path.

    Examples
    --------
    >>> is_uri("models:/shop@champion"), is_uri("runs/shop/2024-01-01")
    (True, False)
    """
    return isinstance(source, str) and source.startswith(("models:/", "runs:/"))


def load_metric(source: str | Path, *, tracking_uri: str | None = None) -> EngagementMetric:
    """Read a metric from where `train` left it.

    Parameters
    ----------
    source : str or path
        A run's folder, a ``metric.json``, ``models:/name@alias``, ``models:/name/3`` or
        ``runs:/<run id>``.
    tracking_uri : str or None
        For URIs. None: the one MLflow has been told, else ``sqlite:///mlruns/mlflow.db``.

    Raises
    ------
    InputError
        Where there is no metric, or it is damaged.
    TrackingError
        Where the store cannot be reached or does not know the URI.
    """
    if not is_uri(source):
        return EngagementMetric.from_json(_metric_file(Path(source)))
    with (
        tempfile.TemporaryDirectory() as folder,
        using(tracking_uri, create=False) as client,
    ):
        run_id, model_uri = _resolve(client, str(source))
        import mlflow

        if model_uri is None:
            found = client.download_artifacts(run_id, METRIC_FILE, folder)
        else:
            found = mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=folder)
        return EngagementMetric.from_json(_metric_file(Path(found)))


def download_run(
    uri: str,
    to: str | Path,
    *,
    tracking_uri: str | None = None,
    on_status: Status | None = None,
) -> Path:
    """Copy all files of the run that made a model, or of a run, into a folder.

    Parameters
    ----------
    uri : str
        ``models:/name@alias``, ``models:/name/3`` or ``runs:/<run id>``.
    to : path
        The folder; made where there is none.
    tracking_uri : str or None
        As in `load_metric`.
    on_status : callable, optional
        Called with a line for people before what takes seconds.

    Returns
    -------
    Path
        The folder, with ``metric.json`` and what else the run kept.

    Raises
    ------
    TrackingError
        Where the store cannot be reached or does not know the URI.
    OutputError
        Where the folder cannot be made.
    """
    if not is_uri(uri):
        raise InputError(f"{uri}: is no MLflow URI; give {_FORMS}")
    folder = Path(to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from None
    with using(tracking_uri, create=False, on_status=on_status) as client:
        run_id, _ = _resolve(client, uri)
        for artifact in client.list_artifacts(run_id):
            client.download_artifacts(run_id, artifact.path, str(folder))
    return folder


def _resolve(client: Any, uri: str) -> tuple[str, str | None]:
    if found := _RUN.fullmatch(uri):
        return str(client.get_run(found["id"]).info.run_id), None
    if found := _LOGGED.fullmatch(uri):
        return str(client.get_logged_model(found["id"]).source_run_id), uri
    if not (found := _MODEL.fullmatch(uri)):
        raise InputError(f"{uri}: cannot be read; give {_FORMS}")
    if found["alias"]:
        version = client.get_model_version_by_alias(found["name"], found["alias"])
    else:
        version = client.get_model_version(found["name"], found["version"])
    if not version.run_id:
        raise TrackingError(f"{uri}: its version does not say which run made it")
    return str(version.run_id), uri


def _metric_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for file in (path / METRIC_FILE, path / "artifacts" / METRIC_FILE):
        if file.is_file():
            return file
    raise InputError(f"{path}: holds no {METRIC_FILE}; give the folder that 'train' wrote")
