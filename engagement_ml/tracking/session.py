"""Tracking session: a client of a tracking store, with MLflow's settings restored afterwards."""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engagement_ml.config.secrets import revealed_uri
from engagement_ml.errors import TrackingError
from engagement_ml.masking import masked, masked_uri
from engagement_ml.progress import OnStep
from engagement_ml.tracking.connectivity import (
    DEFAULT_URI,
    WEB,
    absolute_uri,
    check_store,
    scheme_of,
    sqlite_file,
)
from engagement_ml.tracking.creation import open_store
from engagement_ml.tracking.credentials import credentials_for

NO_TELEMETRY = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_SESSION_SETTINGS = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
}
_SERVER_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_VERBOSE_LOGGERS = ("mlflow", "alembic")


def import_mlflow() -> Any:
    """Import MLflow with telemetry disabled, unless the user's environment sets it."""
    for key, value in NO_TELEMETRY.items():
        os.environ.setdefault(key, value)
    import mlflow

    return mlflow


@contextmanager
def tracking_session(
    uri: str | None, *, create: bool = True, on_status: OnStep | None = None
) -> Iterator[Any]:
    """Set MLflow's tracking store for the block and yield a client.

    After the block, MLflow's tracking URI, environment variables, log levels and warning filters
    are as before. Within it, MLflow's log records below level ERROR are not shown. A registry URI
    that differs from the store's stays set.

    Parameters
    ----------
    uri : str or None
        None means the store that MLflow is set to, else ``sqlite:///mlruns/mlflow.db``.
    create : bool, default True
        Whether a missing SQLite file is created; if not, it is an error.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Yields
    ------
    mlflow.MlflowClient

    Raises
    ------
    TrackingError
        If the store cannot be reached or refuses a request; the message is one line.
    """
    store = revealed_uri(uri if uri is not None else current_uri())
    check_store(store)
    file = sqlite_file(store)
    new = file is not None and (not file.exists() or file.stat().st_size == 0)
    if new and not create:
        raise TrackingError(
            f"tracking store {masked_uri(store)}: there is no file {file}; train first, run this "
            "in the folder of the training, or set MLFLOW_TRACKING_URI"
        )
    report_status = on_status or _ignore
    report_status("Loading MLflow")
    web = scheme_of(store) in WEB
    settings = _SESSION_SETTINGS | (_SERVER_SETTINGS if web else {})
    signed = credentials_for(store).settings if web else {}
    with _environment(settings), _environment(signed, replace=True), _quiet_logs():
        mlflow = import_mlflow()
        with _one_line_errors(store), _tracking_uri(mlflow, absolute_uri(store)):
            yield open_store(mlflow, absolute_uri(store), file, report_status)


def get_or_create_experiment(client: Any, name: str) -> str:
    """Return the id of an experiment; create it if missing.

    The artifacts of an experiment in a SQLite store lie beside the database file.

    Raises
    ------
    TrackingError
        If the experiment was deleted.
    """
    store = str(client.tracking_uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        file = sqlite_file(store)
        location = None if file is None else (file.parent / "artifacts").as_uri()
        return str(client.create_experiment(name, artifact_location=location))
    if experiment.lifecycle_stage == "deleted":
        raise TrackingError(
            f"tracking store {masked_uri(store)}: experiment '{name}' was deleted; restore it with "
            f"'mlflow experiments restore -x {experiment.experiment_id}', or set "
            "tracking.experiment"
        )
    return str(experiment.experiment_id)


def current_uri() -> str:
    """Return the tracking store that MLflow is set to, else the default."""
    # MLflow writes its setting to the variable too; if they differ, the variable is newer.
    in_environment = os.environ.get("MLFLOW_TRACKING_URI")
    if in_environment:
        return in_environment
    mlflow = import_mlflow()
    return str(mlflow.get_tracking_uri()) if mlflow.is_tracking_uri_set() else DEFAULT_URI


def _ignore(_: str) -> None:
    return None


@contextmanager
def _tracking_uri(mlflow: Any, uri: str) -> Iterator[None]:
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    # `set_tracking_uri` writes this variable too.
    in_environment = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        # If the setting came from the variable, it must go when the variable goes.
        mlflow.set_tracking_uri(None if before == in_environment else before)
        _restore("MLFLOW_TRACKING_URI", in_environment)


@contextmanager
def _environment(settings: Mapping[str, str], *, replace: bool = False) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in settings}
    for key, value in settings.items():
        os.environ[key] = value if replace else os.environ.get(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            _restore(key, old)


def _restore(key: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(key, None)
    else:
        os.environ[key] = value


@contextmanager
def _quiet_logs() -> Iterator[None]:
    # Importing MLflow sets log levels, so it must come before they are saved.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_mlflow()
        loggers = [logging.getLogger(name) for name in _VERBOSE_LOGGERS]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def _one_line_errors(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        lines = masked(str(error)).strip().splitlines() or [type(error).__name__]
        raise TrackingError(f"tracking store {masked_uri(uri)}: {lines[0]}") from error
