"""Check of a tracking server: it answers MLflow's API, and accepts the credentials."""

from __future__ import annotations

import json
import logging
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import Any

from engagement_ml.errors import TrackingError
from engagement_ml.masking import is_masked, masked_uri
from engagement_ml.tracking.credentials import (
    OTHER_WAYS,
    PASSWORD,
    TOKEN,
    USER,
    Credentials,
    credentials_for,
    without_user,
)

API_PATH = "api/2.0/mlflow/experiments/search?max_results=1"
_UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _SERVER_ERROR = 401, 403, 404, 500
_LONGEST_REASON = 200
_logger = logging.getLogger(__name__)


def check_server(uri: str, timeout: float) -> None:
    """Ask a server for an experiment, with the credentials that MLflow will use.

    Parameters
    ----------
    uri : str
        ``https://mlflow.example.com``, with or without ``user:password@``.
    timeout : float
        Seconds to wait for the answer.

    Raises
    ------
    TrackingError
        If the server does not answer, refuses the credentials (401, 403), or is no MLflow server.
    """
    shown = f"tracking store {masked_uri(uri)}"
    if not urllib.parse.urlsplit(uri).hostname:
        raise TrackingError(f"{shown}: names no host")
    credentials = credentials_for(uri)
    if is_masked(uri) and not credentials.password:
        raise TrackingError(
            f"{shown}: the password is masked, as in the files of a run; set {PASSWORD}, or give "
            "the whole URI with --tracking-uri"
        )
    request = urllib.request.Request(f"{without_user(uri).rstrip('/')}/{API_PATH}")
    if credentials.header:
        # Not sent on to another host after a redirection.
        request.add_unredirected_header("Authorization", credentials.header)
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=_tls()) as answer:
            _check_content(answer.read(), shown)
    except urllib.error.HTTPError as answer:
        with answer:
            signed_by_mlflow = any(os.environ.get(name) for name in OTHER_WAYS)
            if answer.url == request.full_url and not signed_by_mlflow:
                _check_status(answer.code, _reason_in(answer), credentials, shown)
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, ssl.SSLError):
            # The server answers; certificates are up to MLflow's own settings.
            return
        raise TrackingError(
            f"{shown}: no answer ({reason_of(cause)}); start the server, or set tracking.uri to "
            "another store, or to null to track no runs"
        ) from None


def reason_of(error: object) -> str:
    """Return the reason of an error in one line.

    Examples
    --------
    >>> reason_of(ConnectionRefusedError(111, "Connection refused"))
    'Connection refused'
    """
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def _check_status(status: int, reason: str, credentials: Credentials, shown: str) -> None:
    said = f" ({status}{': ' + reason if reason else ''})"
    if status == _UNAUTHORISED:
        if not credentials.header:
            raise TrackingError(
                f"{shown}: the server wants to know who you are{said}; set {USER} and {PASSWORD}, "
                f"or {TOKEN}"
            )
        who = f"user '{credentials.user}'" if credentials.password else "the token"
        raise TrackingError(
            f"{shown}: the server refuses {who}{said}; correct {credentials.origin}"
        )
    if status == _FORBIDDEN:
        who = f"user '{credentials.user}'" if credentials.user else "this request"
        raise TrackingError(
            f"{shown}: the server forbids {who} to read experiments{said}; ask its administrator "
            "for permission, or set another user"
        )
    if status == _NOT_FOUND:
        raise TrackingError(
            f"{shown}: what answers there is no MLflow server{said}; correct the address"
        )
    if status >= _SERVER_ERROR:
        _logger.warning(
            "%s: the server has a fault now%s; if it still has one at the end, the results are "
            "kept, and 'engagement-ml register' registers them later",
            shown,
            said,
        )


def _check_content(content: bytes, shown: str) -> None:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise TrackingError(
            f"{shown}: what answers there is no MLflow server but a page, as of a login; give the "
            f"address of the server itself, and set {USER} and {PASSWORD}, or {TOKEN}"
        )


def _reason_in(answer: urllib.error.HTTPError) -> str:
    """Return what the server says, in one short line; "" for a page."""
    try:
        text = answer.read(10_000).decode("utf-8", "replace")
    except (OSError, HTTPException):
        return ""
    try:
        content: Any = json.loads(text)
        text = str(content.get("message") or "") if isinstance(content, dict) else ""
    except ValueError:
        text = "" if "<" in text else text
    return " ".join(text.split())[:_LONGEST_REASON].rstrip(". ")


def _tls() -> ssl.SSLContext | None:
    """Return what MLflow's variables say about certificates; None for the defaults."""
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    authorities = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    return ssl.create_default_context(cafile=authorities) if authorities else None
