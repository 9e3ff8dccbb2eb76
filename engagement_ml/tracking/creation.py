"""Opening of a store; a new SQLite database is created whole, by one of the runs that want it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engagement_ml.file_locks import locked
from engagement_ml.progress import OnStep
from engagement_ml.temporary_folders import temporary_folder

LOCK_SECONDS = 120.0
"""How long to wait for another run that creates the database, which takes some seconds."""
QUIET_SECONDS = 3.0
"""A database without all of its tables that has not changed for so long is not being created."""
_EVERY_SECONDS = 0.1


def open_store(mlflow: Any, uri: str, file: Path | None, on_status: OnStep) -> Any:
    """Return a client of a store; create a SQLite database that does not exist.

    MLflow creates the tables of a database in many steps that cannot be undone: two runs at once
    would stumble over each other's steps, and a killed run would leave a database that no run can
    use. So the tables are created in a file beside it, which takes its place at the end.

    Parameters
    ----------
    mlflow : module
        With its tracking URI set to `uri`.
    uri : str
    file : Path or None
        The file of a SQLite store.
    on_status : callable
        Called with a short text before each operation that takes seconds.

    Returns
    -------
    mlflow.MlflowClient
    """
    if file is None:
        return mlflow.MlflowClient()
    file.parent.mkdir(parents=True, exist_ok=True)

    def waiting() -> None:
        on_status("Waiting for another run that opens the tracking database")

    with locked(file.parent, seconds=LOCK_SECONDS, on_wait=waiting):
        _await_tables(file)
        if _is_new(file):
            on_status("Creating the tracking database (only once; takes seconds)")
            _create(uri, file)
            _await_tables(file)
        return mlflow.MlflowClient()


def _is_new(file: Path) -> bool:
    return not file.exists() or file.stat().st_size == 0


def _create(uri: str, file: Path) -> None:
    """Create a database with MLflow's tables, in its place whole or not at all."""
    upgrade: Any = import_module("mlflow.db").upgrade
    with temporary_folder(file.parent) as folder:
        made = folder / file.name
        # What "mlflow db upgrade" does.
        upgrade.callback(uri.replace(file.as_posix(), made.as_posix(), 1))
        try:
            # Fails if another run without a common lock has made one meanwhile: theirs stays.
            os.link(made, file)
        except OSError:
            if _is_new(file):
                os.replace(made, file)


def _await_tables(file: Path) -> None:
    """Wait as long as another program, such as ``mlflow ui``, creates the tables in their place."""
    until = time.monotonic() + LOCK_SECONDS
    while not _is_complete(file) and _changed_lately(file) and time.monotonic() < until:
        time.sleep(_EVERY_SECONDS)


def _changed_lately(file: Path) -> bool:
    try:
        return abs(time.time() - file.stat().st_mtime) < QUIET_SECONDS
    except FileNotFoundError:
        return False


def _is_complete(file: Path) -> bool:
    """Return whether the first experiment is there, which MLflow makes after all tables."""
    try:
        database = f"file:{quote(file.as_posix())}?mode=ro"
        with closing(sqlite3.connect(database, uri=True, timeout=1.0)) as connection:
            return connection.execute("SELECT 1 FROM experiments").fetchone() is not None
    except sqlite3.Error:
        return False
