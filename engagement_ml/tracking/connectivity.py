"""Connectivity check of a tracking store: before the long work, and without loading MLflow."""

from __future__ import annotations

import os
import socket
import urllib.parse
from importlib.metadata import entry_points
from pathlib import Path

from engagement_ml.config.secrets import revealed_uri
from engagement_ml.errors import TrackingError, nearest
from engagement_ml.masking import is_masked, masked_uri
from engagement_ml.tracking.credentials import without_user
from engagement_ml.tracking.server_check import check_server, reason_of

DEFAULT_URI = "sqlite:///mlruns/mlflow.db"
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
WEB = ("http", "https")
HOSTED = ("databricks", "databricks-uc", "uc")
SCHEMES = ("sqlite", *DATABASES, *WEB, *HOSTED)
TIMEOUT_SECONDS = 5.0
SERVER_SECONDS = 15.0
"""A server that has just started asks its database for the first time."""
_SQLITE_MAGIC = b"SQLite format 3\x00"


def check_store(uri: str) -> None:
    """Raise an error if a tracking store cannot be reached; writes nothing.

    A SQLite file must be a SQLite database, or it must be possible to create one there. A server
    must answer MLflow's API within 15 seconds, and accept the credentials that its URI, the
    environment or MLflow's file of credentials has. The host of a database must accept connections
    within five seconds. Hosted stores are not checked.

    Parameters
    ----------
    uri : str
        MLflow's tracking URI, ``sqlite:///mlruns/mlflow.db`` or ``https://mlflow.example.com``.
        ``${NAME}`` in it is an environment variable.

    Raises
    ------
    ConfigError
        If an environment variable that the URI names is not set.
    TrackingError
        If the store cannot be used. The message is one line: the URI, the reason, what to do.

    Examples
    --------
    >>> check_store("sqlit:///mlruns/mlflow.db")
    Traceback (most recent call last):
    ...
    engagement_ml.errors.TrackingError: tracking store sqlit:///...: unknown scheme 'sqlit' (did...
    """
    uri = revealed_uri(uri)
    scheme = scheme_of(uri)
    if scheme not in WEB and is_masked(uri):
        raise TrackingError(
            f"tracking store {masked_uri(uri)}: the password is masked, as in the files of a run; "
            "give the whole URI with --tracking-uri, or write ${NAME} in place of the password "
            "and set that environment variable"
        )
    if scheme == "sqlite":
        _check_sqlite(uri)
    elif scheme in WEB:
        check_server(uri, SERVER_SECONDS)
    elif scheme in DATABASES:
        _check_host(uri, DATABASES[scheme])
    elif scheme in ("", "file"):
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() not in ("1", "true"):
            raise TrackingError(
                f"tracking store {masked_uri(uri)}: MLflow no longer keeps runs in plain folders; "
                f"give a database such as {DEFAULT_URI}, or a server"
            )
    elif scheme not in HOSTED and scheme not in _plugin_schemes():
        raise TrackingError(
            f"tracking store {masked_uri(uri)}: unknown scheme '{scheme}'"
            f"{nearest(scheme, SCHEMES)}; known schemes are {', '.join(SCHEMES)}"
        )


def scheme_of(uri: str) -> str:
    """Return the URI's scheme in lower case, without the driver; "" for a plain path.

    Examples
    --------
    >>> scheme_of("postgresql+psycopg2://ann@host/db"), scheme_of("mlruns"), scheme_of("uc")
    ('postgresql', '', 'uc')
    """
    if uri in HOSTED:
        return uri
    head, colon, _ = uri.partition(":")
    windows_drive = len(head) == 1
    return head.split("+")[0].lower() if colon and not windows_drive else ""


def sqlite_file(uri: str) -> Path | None:
    """Return the absolute path of a SQLite URI's file; None for a store in memory or no SQLite.

    Examples
    --------
    >>> sqlite_file("sqlite:////data/mlflow.db").as_posix(), sqlite_file("https://host")
    ('/data/mlflow.db', None)
    """
    if scheme_of(uri) != "sqlite":
        return None
    path = uri.partition(":///")[2].partition("?")[0]
    return Path(path).absolute() if path not in ("", ":memory:") else None


def absolute_uri(uri: str) -> str:
    """Return the URI that MLflow gets: an absolute path of a SQLite file, a server without user.

    MLflow caches stores by URI, and repeats a server's URI in messages and addresses of files.

    Examples
    --------
    >>> absolute_uri("https://host"), absolute_uri("sqlite:///mlruns/mlflow.db").startswith("sqlite:///")
    ('https://host', True)
    """
    file = sqlite_file(uri)
    if file is None:
        return without_user(uri) if scheme_of(uri) in WEB else uri
    driver = uri.partition(":///")[0]
    query = uri.partition("?")[2]
    return f"{driver}:///{file.as_posix()}" + (f"?{query}" if query else "")


def _check_sqlite(uri: str) -> None:
    if ":///" not in uri:
        raise TrackingError(
            f"tracking store {masked_uri(uri)}: write a SQLite file with three slashes, "
            f"{DEFAULT_URI}, or with four before an absolute path"
        )
    file = sqlite_file(uri)
    if file is None:
        raise TrackingError(
            f"tracking store {masked_uri(uri)}: names no file; give one such as {DEFAULT_URI}"
        )
    try:
        _check_sqlite_file(file)
    except OSError as error:
        raise TrackingError(
            f"tracking store {masked_uri(uri)}: {file} cannot be used ({error.strerror}); "
            "set tracking.uri to a file in a folder you may write to"
        ) from None


def _check_sqlite_file(file: Path) -> None:
    if file.exists():
        with file.open("r+b") as opened:
            if (start := opened.read(len(_SQLITE_MAGIC))) not in (b"", _SQLITE_MAGIC):
                raise OSError(0, f"it is not a SQLite database, it starts with {start[:6]!r}")
        _require_writable(file.parent)
        return
    parent = file.parent
    while not parent.exists() and not parent.is_symlink():
        parent = parent.parent
    _require_writable(parent)


def _require_writable(folder: Path) -> None:
    if not folder.is_dir():
        raise OSError(0, f"{folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(0, f"{folder} cannot be written to")


def _check_host(uri: str, port: int) -> None:
    parts = urllib.parse.urlsplit(uri)
    if not parts.hostname:
        return
    try:
        address = (parts.hostname, parts.port or port)
        with socket.create_connection(address, timeout=TIMEOUT_SECONDS):
            pass
    except (OSError, ValueError) as error:
        raise TrackingError(
            f"tracking store {masked_uri(uri)}: the database cannot be reached ({reason_of(error)})"
        ) from None


def _plugin_schemes() -> set[str]:
    return {plugin.name for plugin in entry_points(group="mlflow.tracking_store")}
