"""User-facing errors: each message names the problem, what was found and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class EngagementError(Exception):
    """Base class of the package's errors; the command line prints them in one line.

    `exit_status` is the exit status of the command line.

    Examples
    --------
    >>> raise InputError("events.csv: column 'timestamp' is missing")
    Traceback (most recent call last):
    ...
    engagement_ml.errors.InputError: events.csv: column 'timestamp' is missing
    """

    exit_status: int = 2


class InputError(EngagementError):
    """A table, file or frame cannot be used."""


class ConfigError(EngagementError):
    """A configuration is invalid: an unknown key, or a value out of range."""


class NotEnoughDataError(EngagementError):
    """The data is valid but insufficient: a short history, one customer, no transaction."""


class OutputError(EngagementError):
    """A result cannot be written."""


class TrackingError(EngagementError):
    """The tracking store or the model registry cannot be reached or used."""


class MissingDependencyError(EngagementError):
    """An optional package is missing; the message names the extra that installs it."""


class GateFailedError(EngagementError):
    """A quality gate failed; exit status 1, because the input is valid."""

    exit_status = 1


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known word closest to `word`, else ``""``.

    Examples
    --------
    >>> nearest("windws", ["windows", "sources"])
    " (did you mean 'windows'?)"
    >>> nearest("zebra", ["windows", "sources"])
    ''
    """
    matches = get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.5)
    return f" (did you mean '{matches[0]}'?)" if matches else ""
