"""Whether a tracking store can be used, found out before the long work and without MLflow."""

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
    """Raise where a tracking store cannot be reached; leaves nothing behind, takes little time.

    A SQLite file must be one, or its folder must be one that can be made and written; a server
    must answer, whatever it answers, within five seconds; the host of a database must take
    connections. Hosted stores are not asked.

    Parameters
    ----------
    uri : str
        MLflow's tracking URI, ``sqlite:///mlruns/mlflow.db`` or ``https://mlflow.example.com``.

    Raises
    ------
    TrackingError
        One line: the URI, what was found, what to do.

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
                f"tracking store {shown(uri)}: MLflow keeps no runs in plain folders any more; "
                f"give a database such as {DEFAULT_URI}, or a server"
            )
    elif scheme not in HOSTED and scheme not in _plugin_schemes():
        raise TrackingError(
            f"tracking store {shown(uri)}: unknown scheme '{scheme}'{nearest(scheme, SCHEMES)}; "
            f"known are {', '.join(SCHEMES)}"
        )


def scheme_of(uri: str) -> str:
    """Return the scheme in lower case, without a driver; "" for a plain path.

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


def shown(uri: str) -> str:
    """Return the URI without its password.

    Examples
    --------
    >>> shown("postgresql://ann:secret@host/db")
    'postgresql://ann:***@host/db'
    """
    password = _password(uri)
    return uri.replace(f":{password}@", ":***@") if password else uri


def without_password(text: str, uri: str) -> str:
    """Return `text` with the URI's password blotted out, as drivers like to repeat it."""
    password = _password(uri)
    return text.replace(password, "***") if password else text


def sqlite_file(uri: str) -> Path | None:
    """Return the absolute path of a SQLite URI's file; None in memory or for other stores.

    Examples
    --------
    >>> sqlite_file("sqlite:////data/mlflow.db").as_posix(), sqlite_file("https://host")
    ('/data/mlflow.db', None)
    """
    if scheme_of(uri) != "sqlite":
        return None
    path = uri.partition(":///")[2].partition("?")[0]
    return Path(path).absolute() if path not in ("", ":memory:") else None


def anchored(uri: str) -> str:
    """Return the URI with a SQLite file's path made absolute, as MLflow keeps stores by URI.

    Examples
    --------
    >>> anchored("https://host"), anchored("sqlite:///mlruns/mlflow.db").startswith("sqlite:///")
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
            f"tracking store {uri}: a SQLite file is written with three slashes, {DEFAULT_URI}, "
            "or with four before an absolute path"
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
                raise OSError(0, f"it is no SQLite database, it starts with {start[:6]!r}")
        _need_writable(file.parent)
        return
    parent = file.parent
    while not parent.exists() and not parent.is_symlink():
        parent = parent.parent
    _need_writable(parent)


def _need_writable(folder: Path) -> None:
    if not folder.is_dir():
        raise OSError(0, f"{folder} is no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(0, f"{folder} cannot be written to")


def _check_web(uri: str) -> None:
    host = urllib.parse.urlsplit(uri).hostname
    if not host:
        raise TrackingError(f"tracking store {shown(uri)}: names no host")
    try:
        request = urllib.request.Request(_without_user(uri), method="HEAD")
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as answer:
        answer.close()
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            # MLflow has its own settings for certificates; the server is there.
            return
        raise TrackingError(
            f"tracking store {shown(uri)}: no answer ({_words(reason)}); start the server, or set "
            f"tracking.uri to another, or to null to keep no runs"
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
            f"tracking store {shown(uri)}: the database cannot be reached ({_words(error)})"
        ) from None


def _without_user(uri: str) -> str:
    parts = urllib.parse.urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _words(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def _password(uri: str) -> str | None:
    try:
        return urllib.parse.urlsplit(uri).password
    except ValueError:
        return None


def _plugin_schemes() -> set[str]:
    return {found.name for found in entry_points(group="mlflow.tracking_store")}
