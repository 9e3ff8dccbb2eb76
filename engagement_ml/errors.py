"""User-facing errors: each message names the problem, what was found and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Self

from engagement_ml.masking import masked

_NEAR = 0.7
"""Similarity of `difflib` from which a word is near another."""
_SHORTEST = 3
"""Letters of a word that is the beginning or end of another, at least."""


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

    def __str__(self) -> str:
        """Return the message in one line without secrets, whatever names and libraries put in."""
        return masked(" ".join(super().__str__().splitlines()))


class InputError(EngagementError):
    """A table, file or frame cannot be used."""


class ConfigError(EngagementError):
    """A configuration is invalid: an unknown key, or a value out of range."""


class InvalidConfigError(ConfigError):
    """A configuration has one problem or several; the message is the first.

    Attributes
    ----------
    problems : tuple of str
        All problems, in the order of the keys.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems[0])
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with all problems."""
        return InvalidConfigError, (self.problems,)


class NotEnoughDataError(EngagementError):
    """The data is valid but insufficient: a short history, one customer, no transaction."""


class OutputError(EngagementError):
    """A result cannot be written."""


class ResourceError(EngagementError):
    """The machine refuses: a full disk, a missing permission, too little memory.

    Attributes
    ----------
    what : str
        The message without the name of the file.
    file : str or None
    number : int or None
        The system's number of the error, as in `errno`.
    """

    what: str = ""
    file: str | None = None
    number: int | None = None


class TrackingError(EngagementError):
    """The tracking store or the model registry cannot be reached or used."""


class MissingDependencyError(EngagementError):
    """An optional package is missing; the message names the extra that installs it."""


class NotFittedError(EngagementError, AttributeError):
    """A model was used before `fit`.

    Code that works with scikit-learn catches ``sklearn.exceptions.NotFittedError``. Such code has
    imported scikit-learn, so the error is made an instance of that class as well if scikit-learn
    is loaded when the error is raised. Importing this package therefore does not load scikit-learn.

    Examples
    --------
    >>> from sklearn.exceptions import NotFittedError as SklearnNotFittedError
    >>> isinstance(NotFittedError("not fitted"), SklearnNotFittedError)
    True
    """

    def __new__(cls, *args: object) -> Self:
        """Return an instance that is scikit-learn's error too if scikit-learn is loaded."""
        sklearn_exceptions: Any = sys.modules.get("sklearn.exceptions")
        if cls is NotFittedError and sklearn_exceptions is not None:
            bases = (cls, sklearn_exceptions.NotFittedError)
            combined: type[Self] = type(cls.__name__, bases, {"__module__": cls.__module__})
            return super().__new__(combined, *args)
        return super().__new__(cls, *args)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as this class, as the combined class has no importable name."""
        return NotFittedError, self.args


class GateFailedError(EngagementError):
    """A quality gate failed; exit status 1, because the input is valid."""

    exit_status = 1


class NothingToActOnError(EngagementError):
    """No behaviour of a run is a driver; exit status 0, because an abstention is a result."""

    exit_status = 0


Report = Callable[[EngagementError], None]
"""Takes a problem of the input: a run stops at the first one, ``check`` collects all."""


def stop(problem: EngagementError) -> None:
    """Raise a problem, so that the first one ends the run."""
    raise problem


def close_to(word: object, known: Iterable[object]) -> str | None:
    """Return the known word that `word` could be a slip for; None if none is near.

    Near is a word of much the same letters, or one that has the other as its beginning or end, as
    ``gap`` of ``gap_days``. Case does not matter.

    Examples
    --------
    >>> close_to("windws", ["windows", "sources"])
    'windows'
    >>> close_to("margin", ["origin", "colour"]) is None
    True
    """
    written: dict[str, str] = {}
    for each in known:
        written.setdefault(str(each).lower(), str(each))
    name = str(word).lower()
    matches = get_close_matches(name, written, n=1, cutoff=_NEAR)
    # Of names that begin or end alike, the shortest adds the least.
    matches += sorted((each for each in written if _one_begins_the_other(name, each)), key=len)
    return written[matches[0]] if matches else None


def nearest(word: object, known: Iterable[object]) -> str:
    """Return ``" (did you mean 'x'?)"`` for a known word that is near `word`, else ``""``.

    Examples
    --------
    >>> nearest("windws", ["windows", "sources"])
    " (did you mean 'windows'?)"
    >>> nearest("zebra", ["windows", "sources"])
    ''
    """
    near = close_to(word, known)
    return f" (did you mean '{near}'?)" if near is not None else ""


def _one_begins_the_other(name: str, other: str) -> bool:
    short, long = sorted((name, other), key=len)
    return len(short) >= _SHORTEST and (long.startswith(short) or long.endswith(short))
