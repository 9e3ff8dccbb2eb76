"""Connectivity check of a tracking store: before the long work, and without loading MLflow."""

from __future__ import annotations

import os
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from importlib.metadata import entry_points
from pathlib import Path

from engagement_ml.errors import TrackingError, nearest

DEFAULT_URI = "sqlite:///mlruns/mlflow.db"
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
WEB = ("http", "https")
HOSTED = ("databricks", "databricks-uc", "uc")
SCHEMES = ("sqlite", *DATABASES, *WEB, *HOSTED)
TIMEOUT_SECONDS = 5.0
_SQLITE_MAGIC = b"SQLite format 3\x00"


def check_store(uri: str) -> None:
    """Raise an error if a tracking store cannot be reached; writes nothing.

    A SQLite file must be a SQLite database, or it must be possible to create one there. A server
    must answer within five seconds, with any status. The host of a database must accept
    connections within five seconds. Hosted stores are not checked.

    Parameters
    ----------
    uri : str
        MLflow's tracking URI, ``sqlite:///mlruns/mlflow.db`` or ``https://mlflow.example.com``.

    Raises
    ------
    TrackingError
        If the store cannot be used. The message is one line: the URI, the reason, what to do.

    Examples
    --------
    >>> check_store("sqlit:///mlruns/mlflow.db")
    Traceback (most recent call last):
    ...
    engagement_ml.errors.TrackingError: tracking store sqlit:///...: unknown scheme 'sqlit' (did...
    """
    scheme = scheme_of(uri)
    if scheme == "sqlite":
        _check_sqlite(uri)
    elif scheme in WEB:
        _check_web(uri)
    elif scheme in DATABASES:
        _check_host(uri, DATABASES[scheme])
    elif scheme in ("", "file"):
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() not in ("1", "true"):
            raise TrackingError(
                f"tracking store {redacted(uri)}: MLflow no longer keeps runs in plain folders; "
                f"give a database such as {DEFAULT_URI}, or a server"
            )
    elif scheme not in HOSTED and scheme not in _plugin_schemes():
        raise TrackingError(
            f"tracking store {redacted(uri)}: unknown scheme '{scheme}'{nearest(scheme, SCHEMES)}; "
            f"known schemes are {', '.join(SCHEMES)}"
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


def redacted(uri: str) -> str:
    """Return the URI without its password.

    Examples
    --------
    >>> redacted("postgresql://ann:secret@host/db")
    'postgresql://ann:***@host/db'
    """
    password = _password(uri)
    return uri.replace(f":{password}@", ":***@") if password else uri


def redact_password(text: str, uri: str) -> str:
    """Return `text` without the URI's password, which error messages of drivers may repeat."""
    password = _password(uri)
    return text.replace(password, "***") if password else text


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
    """Return the URI with an absolute path of its SQLite file, as MLflow caches stores by URI.

    Examples
    --------
    >>> absolute_uri("https://host"), absolute_uri("sqlite:///mlruns/mlflow.db").startswith("sqlite:///")
    ('https://host', True)
    """
    file = sqlite_file(uri)
    if file is None:
        return uri
    driver = uri.partition(":///")[0]
    query = uri.partition("?")[2]
    return f"{driver}:///{file.as_posix()}" + (f"?{query}" if query else "")


def _check_sqlite(uri: str) -> None:
    if ":///" not in uri:
        raise TrackingError(
            f"tracking store {uri}: write a SQLite file with three slashes, {DEFAULT_URI}, or "
            "with four before an absolute path"
        )
    file = sqlite_file(uri)
    if file is None:
        raise TrackingError(f"tracking store {uri}: names no file; give one such as {DEFAULT_URI}")
    try:
        _check_sqlite_file(file)
    except OSError as error:
        raise TrackingError(
            f"tracking store {uri}: {file} cannot be used ({error.strerror}); set tracking.uri to "
            "a file in a folder you may write to"
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


def _check_web(uri: str) -> None:
    host = urllib.parse.urlsplit(uri).hostname
    if not host:
        raise TrackingError(f"tracking store {redacted(uri)}: names no host")
    try:
        request = urllib.request.Request(_without_user(uri), method="HEAD")
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as answer:
        answer.close()
    except (urllib.error.URLError, OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, ssl.SSLError):
            # The server answers; certificates are up to MLflow's own settings.
            return
        raise TrackingError(
            f"tracking store {redacted(uri)}: no answer ({_reason(cause)}); start the server, or "
            "set tracking.uri to another store, or to null to track no runs"
        ) from None


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
            f"tracking store {redacted(uri)}: the database cannot be reached ({_reason(error)})"
        ) from None


def _without_user(uri: str) -> str:
    parts = urllib.parse.urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _reason(error: object) -> str:
    """Return the reason of an error in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def _password(uri: str) -> str | None:
    try:
        return urllib.parse.urlsplit(uri).password
    except ValueError:
        return None


def _plugin_schemes() -> set[str]:
    return {plugin.name for plugin in entry_points(group="mlflow.tracking_store")}
