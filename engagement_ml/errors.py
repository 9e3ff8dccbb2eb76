"""The errors a user can meet; each message names what is wrong, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class EngagementError(Exception):
    """Base of every error this package raises on purpose; the command line prints it in one line.

    Examples
    --------
    >>> raise InputError("events.csv: column 'timestamp' is missing")
    Traceback (most recent call last):
    ...
    engagement_ml.errors.InputError: events.csv: column 'timestamp' is missing
    """

    exit_status: int = 2


class InputError(EngagementError):
    """A table, file or frame that cannot be used as it is."""


class ConfigError(EngagementError):
    """A configuration that cannot be used: an unknown key, a value out of range."""


class NotEnoughDataError(EngagementError):
    """The data is well formed but too little: too short a history, one customer, no transaction."""


class OutputError(EngagementError):
    """A result that could not be written."""


class TrackingError(EngagementError):
    """The tracking store or the model registry could not be reached or used."""


class MissingDependencyError(EngagementError):
    """An optional package is needed; the message names the extra that installs it."""


class GateFailedError(EngagementError):
    """A gate said no; exit status 1, as nothing is wrong with the input."""

    exit_status = 1


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known word closest to `word`, or ``""``.

    Examples
    --------
    >>> nearest("windws", ["windows", "sources"])
    " (did you mean 'windows'?)"
    >>> nearest("zebra", ["windows", "sources"])
    ''
    """
    found = get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.5)
    return f" (did you mean '{found[0]}'?)" if found else ""
