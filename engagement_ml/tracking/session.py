"""Using a tracking store for a while, and leaving MLflow's settings as they were."""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engagement_ml.errors import TrackingError
from engagement_ml.tracking.connectivity import (
    DEFAULT_URI,
    WEB,
    anchored,
    check_store,
    scheme_of,
    shown,
    sqlite_file,
    without_password,
)

Status = Callable[[str], None]

NO_TELEMETRY = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_WHILE_USED = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
}
_WHILE_A_SERVER_IS_USED = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_LOUD = ("mlflow", "alembic")


def import_mlflow() -> Any:
    """Import MLflow, told beforehand to phone nobody; what the user set wins."""
    for key, value in NO_TELEMETRY.items():
        os.environ.setdefault(key, value)
    import mlflow

    return mlflow


@contextmanager
def using(
    uri: str | None, *, create: bool = True, on_status: Status | None = None
) -> Iterator[Any]:
    """Set the tracking store for the block and yield a client of it.

    MLflow's tracking URI, environment variables, log levels and warnings are as before after the
    block; what it logs below errors is not shown. A registry set apart from the store is kept.

    Parameters
    ----------
    uri : str or None
        None: the one MLflow has been told, else ``sqlite:///mlruns/mlflow.db``.
    create : bool
        Whether a SQLite file may be made; else its absence is an error.
    on_status : callable, optional
        Called with a line for people before what takes seconds.

    Yields
    ------
    mlflow.MlflowClient

    Raises
    ------
    TrackingError
        Where the store cannot be reached or refuses; one line.
    """
    wanted = uri if uri is not None else _current_uri()
    check_store(wanted)
    file = sqlite_file(wanted)
    new = file is not None and (not file.exists() or file.stat().st_size == 0)
    if new and not create:
        raise TrackingError(
            f"tracking store {wanted}: there is no file {file}; train first, go to the folder "
            "where it was trained, or set MLFLOW_TRACKING_URI"
        )
    say = on_status or _nothing
    say("Loading MLflow")
    settings = _WHILE_USED | (_WHILE_A_SERVER_IS_USED if scheme_of(wanted) in WEB else {})
    with _environment(settings), _quiet():
        mlflow = import_mlflow()
        with _one_line(wanted), _tracking_uri(mlflow, anchored(wanted)):
            if new:
                say("Creating the tracking database (this once, some seconds)")
            client = mlflow.MlflowClient()
            yield client


def experiment_id(client: Any, name: str, uri: str) -> str:
    """Return the experiment of this name; made where there is none, artifacts beside the database.

    Raises
    ------
    TrackingError
        Where it was deleted.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        file = sqlite_file(uri)
        place = None if file is None else (file.parent / "artifacts").as_uri()
        return str(client.create_experiment(name, artifact_location=place))
    if found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"tracking store {shown(uri)}: experiment '{name}' was deleted; restore it with "
            f"'mlflow experiments restore -x {found.experiment_id}', or set tracking.experiment"
        )
    return str(found.experiment_id)


def _current_uri() -> str:
    # MLflow keeps the variable and its own setting alike; a variable set since then is newer.
    in_environment = os.environ.get("MLFLOW_TRACKING_URI")
    if in_environment:
        return in_environment
    mlflow = import_mlflow()
    return str(mlflow.get_tracking_uri()) if mlflow.is_tracking_uri_set() else DEFAULT_URI


def _nothing(_: str) -> None:
    return None


@contextmanager
def _tracking_uri(mlflow: Any, uri: str) -> Iterator[None]:
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    # MLflow sets this variable along with its own.
    in_environment = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        # Where the variable says it, MLflow's own setting must not outlive it.
        mlflow.set_tracking_uri(None if before == in_environment else before)
        _restore("MLFLOW_TRACKING_URI", in_environment)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in settings}
    for key, value in settings.items():
        os.environ.setdefault(key, value)
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
def _quiet() -> Iterator[None]:
    # The import of MLflow sets levels of its own, so it must come before they are kept.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_mlflow()
        loggers = [logging.getLogger(name) for name in _LOUD]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def _one_line(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        lines = without_password(str(error), uri).strip().splitlines() or [type(error).__name__]
        raise TrackingError(f"tracking store {shown(uri)}: {lines[0]}") from error
