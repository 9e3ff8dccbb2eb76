"""Atomic writes: results are written completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engagement_ml.errors import OutputError


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
        If `path` cannot be written; no temporary file remains.

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
    created = _make_parents(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.is_dir() and not _is_parts(target):
            raise OutputError(f"{target}: cannot be written: it is a folder; give another path")
        with _as_output_error(target):
            # Fail before the work if nothing can be written.
            temporary.touch()
            if parts:
                temporary.unlink()
        yield temporary
        with _as_output_error(target):
            _put(temporary, target)
    except BaseException:
        _remove(temporary)
        _remove_empty(created)
        raise


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
        If `path` cannot be written, before the block runs; no temporary folder remains.

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
    created = _make_parents(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.exists() and not target.is_dir():
            raise OutputError(f"{target}: cannot be written: it is a file; give a folder")
        if target.is_dir() and not os.access(target, os.W_OK | os.X_OK):
            raise OutputError(f"{target}: cannot be written: permission denied")
        with _as_output_error(target):
            temporary.mkdir()
        yield temporary
        with _as_output_error(target):
            _move_folder(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_empty(created)
        raise


def _move_folder(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.replace(temporary, target)
        return
    for file in sorted(temporary.iterdir()):
        place = target / file.name
        if file.is_dir() and not _is_parts(file):
            _move_folder(file, place)
        else:
            _put(file, place)
    shutil.rmtree(temporary)


def _is_parts(folder: Path) -> bool:
    """Return whether a folder holds only Parquet files, as of one table."""
    files = [file.name for file in folder.iterdir()]
    return bool(files) and all(name.endswith(".parquet") for name in files)


def _put(temporary: Path, target: Path) -> None:
    """Move a file or a folder of Parquet files to `target` and replace an existing one."""
    if target.is_dir():
        previous = target.with_name(f"{temporary.name}.old")
        os.replace(target, previous)
        os.replace(temporary, target)
        shutil.rmtree(previous)
    else:
        if temporary.is_dir():
            target.unlink(missing_ok=True)
        os.replace(temporary, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _as_output_error(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{target}: cannot be written: {reason}") from None


def _make_parents(target: Path) -> Sequence[Path]:
    missing = [p for p in target.parents if not p.exists()]
    with _as_output_error(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            _remove_empty(missing)
            raise
    return missing


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
