"""Masking of secrets: passwords, keys and tokens become ``***`` in all that people or files get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "***"
_REFERENCE = re.compile(r"(?:\$\{\w+\})+")
"""References to environment variables: they name a secret and do not show it."""
_NAME = (
    r"[\w.\-]*(?:passw|pwd|passphrase|secret|token|credential|signature|"
    r"(?:access|account|api|auth|encryption|private|storage)[._\-]?key)[\w.\-]*"
)
_SECRET_NAME = re.compile(rf"{_NAME}|.*\bsas\b.*|.*[._\-]key(?:[._\-].*)?", re.IGNORECASE)
_AFTER_NAME = re.compile(
    rf"(?P<before>\b(?:{_NAME}|sig)(?:=|%3D))(?P<secret>(?:(?!%3B)[^\s&;,\"'<>])+)", re.IGNORECASE
)
_PORT = r"\d{1,5}(?:[/?#,;\s]|$)"
_IN_TEXT = re.compile(
    rf"(?P<before>://[^\s:/@\"'<>]*:)(?!{_PORT})(?P<secret>[^\s\"'<>]+)(?P<after>@)"
)
# A database's URI as SQLAlchemy reads it: a password may contain a slash.
_IN_URI = re.compile(
    r"(?P<before>^(?!https?:)[\w+.\-]+://[^:/@]*:)(?P<secret>[^@]*)(?P<after>@)", re.DOTALL
)
_SHORTEST = 4
"""Characters of a secret that is looked for in texts: shorter ones are part of usual words."""
_remembered: set[str] = set()


def masked(text: str) -> str:
    """Return a text without the secrets in it.

    Secrets are passwords of URIs, values of parameters whose name is that of a secret, and all
    that `remember` was called with.

    Examples
    --------
    >>> masked("postgresql://ann:geheim@host/db: login failed")
    'postgresql://ann:***@host/db: login failed'
    >>> masked("jdbc:mysql://host/db?user=ann&password=geheim"), masked("http://host:5000/a@b")
    ('jdbc:mysql://host/db?user=ann&password=***', 'http://host:5000/a@b')
    """
    for secret in sorted(_remembered, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _AFTER_NAME.sub(_hidden, _IN_TEXT.sub(_hidden, text))


def masked_uri(uri: str) -> str:
    """Return a URI without its password and secret parameters; environment references stay.

    Examples
    --------
    >>> masked_uri("postgresql://ann:a/b@host/db"), masked_uri("https://ann:${PASSWORD}@host")
    ('postgresql://ann:***@host/db', 'https://ann:${PASSWORD}@host')
    """
    return _AFTER_NAME.sub(_hidden, _IN_TEXT.sub(_hidden, _IN_URI.sub(_hidden, uri)))


def masked_option(name: str, value: str) -> str:
    """Return the value of an option, masked if the name is that of a secret.

    Examples
    --------
    >>> masked_option("spark.authenticate.secret", "geheim"), masked_option("spark.ui.port", "1")
    ('***', '1')
    """
    if is_secret_name(name):
        return value if _REFERENCE.fullmatch(value) else MASK
    return masked_uri(value)


def is_secret_name(name: str) -> bool:
    """Return whether the value of an option with this name is a secret.

    Examples
    --------
    >>> is_secret_name("spark.hadoop.fs.azure.account.key.shop"), is_secret_name("spark.master")
    (True, False)
    """
    return _SECRET_NAME.fullmatch(name) is not None


def is_masked(text: str) -> bool:
    """Return whether a URI or option holds a mask in place of a secret.

    Examples
    --------
    >>> is_masked("https://ann:***@host"), is_masked("events/***.parquet")
    (True, False)
    """
    return text == MASK or any(match["secret"] == MASK for match in _secrets(text))


def remember(*secrets: str) -> None:
    """Let `masked` recognise secrets in any text, as they are and decoded from a URI."""
    for secret in secrets:
        _remembered.update(s for s in (secret, unquote(secret)) if len(s) >= _SHORTEST)


def remember_uri(uri: str) -> None:
    """Let `masked` recognise the secrets of a URI in any text."""
    remember(*(match["secret"] for match in _secrets(uri) if match["secret"] != MASK))


def _secrets(text: str) -> Iterator[re.Match[str]]:
    for pattern in (_IN_URI, _IN_TEXT, _AFTER_NAME):
        yield from pattern.finditer(text)


def _hidden(match: re.Match[str]) -> str:
    secret = match["secret"]
    if not secret or _REFERENCE.fullmatch(secret):
        return match[0]
    return match["before"] + MASK + (match.groupdict().get("after") or "")
