"""Faults of the machine: full disks, missing permissions, too little memory, names too long."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from engagement_ml.errors import EngagementError, ResourceError

_ADVICE = {
    errno.ENOSPC: "free some space, or give a folder on another volume",
    errno.EDQUOT: "free some space, or give a folder on another volume",
    errno.EFBIG: "raise the limit of the size of files, or give a folder on another volume",
    errno.EROFS: "give a folder that can be written to",
    errno.EACCES: "change its permissions, or run as another user",
    errno.EPERM: "change its permissions, or run as another user",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files (ulimit -n)",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Numbers of the errors of a volume or user with no room left."""
_TEXTS = {os.strerror(number).lower(): number for number in _ADVICE}
# SQLite and NumPy have words of their own for a full disk.
_TEXTS |= {"disk is full": errno.ENOSPC, "requested and": errno.ENOSPC}
# Engines wrap the system's error in one of their own, with the system's words in its text.
_IN_TEXT = re.compile("|".join(map(re.escape, _TEXTS)), re.IGNORECASE)
_MEMORY = re.compile(r"out of memory|failed to (offload|allocate|pin) |OutOfMemoryError", re.I)
_FILE = re.compile(r"""(?:file|directory) \\?["']([^"'\\]+)""", re.IGNORECASE)
_OUT_OF_MEMORY = (
    "there is not enough memory; raise 'engine: {memory: …}' if the machine has more, let "
    "'engine: {spill: …}' be a folder with more space, or train on fewer customers: 'sample: …'"
)


def machine_fault(error: BaseException) -> ResourceError | None:
    """Return the error that names a fault of the machine; None for any other exception.

    Examples
    --------
    >>> str(machine_fault(OSError(errno.ENOSPC, "No space left on device", "out/scores.csv")))
    'out/scores.csv: no space left on device; free some space, or give a folder on another volume'
    >>> machine_fault(ZeroDivisionError("by zero")) is None
    True
    """
    if isinstance(error, ResourceError):
        return error
    if isinstance(error, EngagementError | BrokenPipeError):
        return None
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or (_is_of_engine(error) and _MEMORY.search(text)):
        return _fault(_OUT_OF_MEMORY)
    if isinstance(error, OSError) and error.errno is not None:
        return _described(error.filename, error.errno, error.strerror or str(error))
    if found := _IN_TEXT.search(text):
        file, number = _FILE.search(text), _TEXTS[found[0].lower()]
        return _described(file and file[1], number, os.strerror(number))
    return _fault(text) if isinstance(error, OSError) else None


@contextmanager
def machine_faults_named() -> Iterator[None]:
    """Raise faults of the machine as one line; also a decorator of functions.

    Raises
    ------
    ResourceError
        In place of an exception that is a fault of the machine.
    """
    try:
        yield
    except Exception as error:
        fault = machine_fault(error)
        if fault is None:
            raise
        raise fault from error


def _described(file: object, number: int, words: str) -> ResourceError:
    advice = f"; {_ADVICE[number]}" if number in _ADVICE else ""
    name = os.fsdecode(file) if isinstance(file, str | bytes | os.PathLike) else None
    return _fault(f"{words.lower()}{advice}", name, number)


def _fault(what: str, file: str | None = None, number: int | None = None) -> ResourceError:
    fault = ResourceError(what if file is None else f"{file}: {what}")
    fault.what, fault.file, fault.number = what, file, number
    return fault


def _is_of_engine(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in ("_duckdb", "duckdb", "pyspark", "py4j")
