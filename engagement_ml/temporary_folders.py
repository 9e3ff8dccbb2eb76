"""Temporary folders that any number of runs, containers and machines may make on one volume."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows has no such locks: leftovers stay there.
    fcntl = None

PREFIX, SUFFIX, LOCK = ".engagement-ml-", ".part", "lock"
UNLOCKED_SECONDS = 3600
"""Age of a leftover without a lock file: its run was killed while it made the folder."""


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new, empty folder in `parent` that is removed after the block.

    Its name is random, as process ids repeat in containers. A file in the folder above it is
    locked as long as the folder is in use: the system frees the lock of a killed run, so that the
    next run in `parent` can remove what that run left.

    Raises
    ------
    OSError
        If the folder cannot be made.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with temporary_folder(Path(parent)) as folder:
    ...         _ = (folder / "half.csv").write_text("customer_id")
    ...     os.listdir(parent)
    []
    """
    remove_leftovers(parent)
    outer, lock = _new_folder(parent)
    try:
        folder = outer / "content"
        folder.mkdir()
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(outer, ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Remove the temporary folders in `parent` whose run no longer exists."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        named = [e for e in entries if e.name.startswith(PREFIX) and e.name.endswith(SUFFIX)]
        for entry in named:
            if entry.is_dir(follow_symlinks=False):
                _remove_if_left(Path(entry))


def _remove_if_left(outer: Path) -> None:
    # Another user's folder, one in use, or a volume without locks: it stays.
    with contextlib.suppress(OSError):
        try:
            lock = os.open(outer / LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            if time.time() - outer.stat().st_mtime > UNLOCKED_SECONDS:
                shutil.rmtree(outer, ignore_errors=True)
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(outer, ignore_errors=True)
        finally:
            os.close(lock)


def _new_folder(parent: Path) -> tuple[Path, int]:
    """Return a new folder and its open, locked file."""
    while True:
        outer = Path(tempfile.mkdtemp(suffix=SUFFIX, prefix=PREFIX, dir=parent))
        lock = os.open(outer / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        if _locked(lock) and (outer / LOCK).exists():
            return outer, lock
        # Another run took the folder for a leftover before its file was locked.
        os.close(lock)


def _locked(lock: int) -> bool:
    """Lock a file; False only if another run holds it, as some volumes have no locks."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
