"""Results written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engagement_ml.errors import OutputError


@contextmanager
def write_whole(path: Path, *, parts: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`, moved into place only when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write; missing folders above it are made.
    parts : bool, default False
        Whether what is written is a folder of Parquet files, which an engine writes for one; it
        replaces such a folder, or a file.

    Raises
    ------
    OutputError
        Where it cannot be written; nothing is left behind.

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
    made = _make_parents(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.is_dir() and not _is_parts(target):
            raise OutputError(f"{target}: cannot be written: it is a folder; give another path")
        with _as_output_error(target):
            # Where nothing can be written, this says so before the work.
            temporary.touch()
            if parts:
                temporary.unlink()
        yield temporary
        with _as_output_error(target):
            _put(temporary, target)
    except BaseException:
        _remove(temporary)
        _remove_empty(made)
        raise


@contextmanager
def new_folder_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, moved into place only when the block succeeds.

    Where `path` already holds files, those written are replaced one by one, others are kept.

    Parameters
    ----------
    path : Path
        The folder of results; missing folders above it are made.

    Raises
    ------
    OutputError
        Where it cannot be written, before the block runs; nothing is left behind.

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
    made = _make_parents(target)
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
        _remove_empty(made)
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
    """Return whether a folder holds nothing but the Parquet files of one table."""
    files = [file.name for file in folder.iterdir()]
    return bool(files) and all(name.endswith(".parquet") for name in files)


def _put(temporary: Path, target: Path) -> None:
    """Move a file, or a folder of parts, to where another one may be."""
    if target.is_dir():
        before = target.with_name(f"{temporary.name}.old")
        os.replace(target, before)
        os.replace(temporary, target)
        shutil.rmtree(before)
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
