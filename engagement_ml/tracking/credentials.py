"""Credentials of a tracking server: from its URI, the environment or MLflow's own file."""

from __future__ import annotations

import base64
import configparser
import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from engagement_ml.masking import MASK, remember

USER, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
TOKEN = "MLFLOW_TRACKING_TOKEN"
OTHER_WAYS = (
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
)
"""Variables by which MLflow signs requests in ways that only MLflow itself knows."""
_FILE = Path("~/.mlflow/credentials")


@dataclass(frozen=True, repr=False)
class Credentials:
    """What a request to a tracking server is signed with, as MLflow would do it.

    Attributes
    ----------
    user, password, token : str or None
    origin : str
        Where they are from, as people write it: ``tracking.uri``, names of variables.
    """

    user: str | None
    password: str | None
    token: str | None
    origin: str

    @property
    def header(self) -> str | None:
        """Value of the header ``Authorization``; None without credentials."""
        if self.user and self.password:
            pair = f"{self.user}:{self.password}".encode()
            return f"Basic {base64.b64encode(pair).decode('ascii')}"
        return f"Bearer {self.token}" if self.token else None

    @property
    def settings(self) -> dict[str, str]:
        """MLflow's environment variables for them."""
        pairs = {USER: self.user, PASSWORD: self.password}
        return {name: value for name, value in pairs.items() if value}


def credentials_for(uri: str) -> Credentials:
    """Return the credentials for a server: those in its URI, else those that MLflow would find.

    A masked password in the URI is none: the environment may have it.

    Examples
    --------
    >>> credentials_for("https://ann:p%40ss@mlflow.example.com").password
    'p@ss'
    """
    parts = urllib.parse.urlsplit(uri)
    user = urllib.parse.unquote(parts.username or "")
    password = urllib.parse.unquote(parts.password or "")
    if user and password and password != MASK:
        return _remembered(Credentials(user, password, None, "tracking.uri"))
    stored_user, stored_password = _stored()
    user = user or os.environ.get(USER) or stored_user or ""
    password = os.environ.get(PASSWORD) or stored_password or ""
    if user and password:
        return _remembered(Credentials(user, password, None, f"{USER} and {PASSWORD}"))
    token = os.environ.get(TOKEN)
    return _remembered(Credentials(user or None, None, token, TOKEN if token else ""))


def without_user(uri: str) -> str:
    """Return a server's URI without user and password.

    Examples
    --------
    >>> without_user("https://ann:geheim@mlflow.example.com/path")
    'https://mlflow.example.com/path'
    """
    parts = urllib.parse.urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _stored() -> tuple[str | None, str | None]:
    """Return user and password of the file that ``mlflow.login`` and people write."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(_FILE.expanduser(), encoding="utf-8")
    except (OSError, configparser.Error, UnicodeDecodeError, RuntimeError):
        return None, None
    names = (USER.lower(), PASSWORD.lower())
    user, password = (parser.get("mlflow", name, fallback=None) for name in names)
    return user, password


def _remembered(credentials: Credentials) -> Credentials:
    remember(credentials.password or "", credentials.token or "")
    return credentials
