"""Atomic writes: results are written completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engagement_ml.errors import OutputError, ResourceError
from engagement_ml.faults import FULL, machine_fault
from engagement_ml.temporary_folders import temporary_folder
from engagement_ml.written import note_written, uninterrupted


@contextmanager
def write_whole(path: Path, *, parts: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it is moved into place only if the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write; missing parent folders are created.
    parts : bool, default False
        Whether the block writes a folder of Parquet files instead of one file. It replaces an
        existing folder of Parquet files, or a file.

    Raises
    ------
    OutputError
        If `path` cannot be written, or its disk is full; no temporary file remains.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with write_whole(folder / "metric.json") as temporary:
    ...     _ = temporary.write_text("{}")
    >>> [p.name for p in folder.iterdir()]
    ['metric.json']
    """
    target = Path(path)
    with _place_for(target, target.parent) as temporary:
        if target.is_dir() and not _is_parts(target):
            raise OutputError(f"{target}: cannot be written: it is a folder; give another path")
        # Fail before the work if nothing can be written.
        temporary.touch()
        if parts:
            temporary.unlink()
        yield temporary
        with uninterrupted():
            _put(temporary, target)
            note_written(target)


@contextmanager
def new_folder_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it is moved into place only if the block succeeds.

    If `path` already holds files, written files replace those of the same name one by one, and
    all others are kept.

    Parameters
    ----------
    path : Path
        The folder of results; missing parent folders are created.

    Raises
    ------
    OutputError
        If `path` cannot be written, before the block runs, or if its disk is full; no temporary
        folder remains.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "run"
    >>> with new_folder_whole(folder) as temporary:
    ...     _ = (temporary / "metric.json").write_text("{}")
    >>> [p.name for p in folder.iterdir()]
    ['metric.json']
    """
    target = Path(path)
    # A folder that exists may be a mount, into which nothing can be moved from outside.
    with _place_for(target, target if os.path.isdir(target) else target.parent) as temporary:
        if target.exists() and not target.is_dir():
            raise OutputError(f"{target}: cannot be written: it is a file; give a folder")
        temporary.mkdir()
        yield temporary
        with uninterrupted():
            _move_folder(temporary, target)
            note_written(target)


@contextmanager
def _place_for(target: Path, parent: Path) -> Iterator[Path]:
    """Yield a path below `parent` that does not exist yet and is removed at the end."""
    missing: Sequence[Path] = ()
    folder: Path | None = None
    try:
        missing = [p for p in target.parents if not p.exists()]
        parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(parent) as folder:
            yield folder / target.name
    except BaseException as error:
        _remove_empty(missing)
        fault = machine_fault(error)
        if fault is not None and _concerns(fault, target, folder):
            raise OutputError(f"{target}: cannot be written: {fault.what}") from error
        raise


def _concerns(fault: ResourceError, target: Path, folder: Path | None) -> bool:
    """Return whether a fault is about the output; the block may read inputs, too."""
    if folder is None:
        return True
    if fault.file is None:
        # Libraries that write whole tables do not name the file.
        return fault.number in FULL
    return Path(fault.file) == target or fault.file.startswith(str(folder))


def _move_folder(temporary: Path, target: Path) -> None:
    if not target.is_dir():
        try:
            os.replace(temporary, target)
        except OSError:
            # Another run may have made the folder since.
            if not target.is_dir():
                raise
        else:
            return
    for file in sorted(temporary.iterdir()):
        place = target / file.name
        if file.is_dir() and not _is_parts(file):
            _move_folder(file, place)
        else:
            _put(file, place)


def _is_parts(folder: Path) -> bool:
    """Return whether a folder holds only Parquet files, as of one table."""
    files = [file.name for file in folder.iterdir()]
    return bool(files) and all(name.endswith(".parquet") for name in files)


def _put(temporary: Path, target: Path) -> None:
    """Move a file or a folder of Parquet files to `target` and replace an existing one."""
    if not target.is_dir():
        if temporary.is_dir():
            target.unlink(missing_ok=True)
        os.replace(temporary, target)
        return
    previous = temporary.with_name(".previous")
    os.replace(target, previous)
    try:
        os.replace(temporary, target)
    except BaseException:
        os.replace(previous, target)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
