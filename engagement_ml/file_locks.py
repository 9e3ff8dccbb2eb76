"""Locks between processes: one at a time creates a database, or registers a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engagement_ml.temporary_folders import fcntl

_EVERY_SECONDS = 0.05


@contextmanager
def locked(
    path: Path, *, seconds: float, on_wait: Callable[[], object] | None = None
) -> Iterator[bool]:
    """Hold the lock of a file or folder, which only one process has at a time.

    The system frees the lock when its process ends, killed or not, and knows it across containers
    of one machine. No file is made. Some network volumes and Windows have no such locks.

    Parameters
    ----------
    path : Path
        A file or folder that exists.
    seconds : float
        How long to wait for another process.
    on_wait : callable, optional
        Called once if another process has the lock.

    Yields
    ------
    bool
        False if there is no lock here, or another process still has it: the caller must be
        correct without it.
    """
    try:
        handle = None if fcntl is None else os.open(path, os.O_RDONLY)
    except OSError:
        handle = None
    if handle is None:
        yield False
        return
    try:
        yield _acquired(handle, seconds, on_wait)
    finally:
        os.close(handle)


def _acquired(handle: int, seconds: float, on_wait: Callable[[], object] | None) -> bool:
    until = time.monotonic() + seconds
    waiting = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None and not waiting:
                on_wait()
            waiting = True
            if time.monotonic() > until:
                return False
            time.sleep(_EVERY_SECONDS)
        except OSError:
            return False
        else:
            return True
