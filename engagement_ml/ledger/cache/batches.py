"""The files of a source in batches, each told from what it was by a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

SMALLEST = 32_000_000
"""Bytes of files that are read together at least, where there are so many."""
SHARE = 16
"""A batch is at most so small a part of the whole: that much is read again for one changed file."""
MOST_SMALL = 40
"""So many batches of single new files are kept before they are put together."""


@dataclass(frozen=True)
class Batch:
    """Files that are read together.

    Attributes
    ----------
    files : tuple of Path
    key : str
        Tells their paths, sizes, times of change and, where they are Parquet, their footers.
    size : int
        Bytes.
    """

    files: tuple[Path, ...]
    key: str
    size: int


def find_batches(files: Sequence[Path], known: Collection[tuple[str, ...]] = ()) -> list[Batch]:
    """Put files into batches, those that were together before together again.

    Parameters
    ----------
    files : sequence of Path
        In a stable order; neighbours get into one batch.
    known : collection of tuple of str
        The paths of each batch that there was before.

    Returns
    -------
    list of Batch
    """
    sizes = {file: file.stat().st_size for file in files}
    limit = max(SMALLEST, sum(sizes.values()) // SHARE)
    by_name = {str(file): file for file in files}
    old: list[tuple[Path, ...]] = []
    taken: set[str] = set()
    for names in known:
        # A run that was killed leaves what it had made beside what that was to replace.
        if taken.isdisjoint(names) and all(name in by_name for name in names):
            old.append(tuple(by_name[name] for name in names))
            taken.update(names)
    small = [batch for batch in old if sum(sizes[file] for file in batch) < limit // 2]
    if len(small) > MOST_SMALL:
        old = [batch for batch in old if batch not in small]
    placed = {file for batch in old for file in batch}
    together: list[list[Path]] = []
    room = 0
    for file in files:
        if file in placed:
            room = 0
            continue
        if sizes[file] > room:
            together.append([])
            room = limit
        together[-1].append(file)
        room -= sizes[file]
    batches = [_batch(batch) for batch in (*old, *together)]
    return sorted(batches, key=lambda batch: str(batch.files[0]))


def _batch(files: Sequence[Path]) -> Batch:
    told = hashlib.sha256()
    size = 0
    for file in files:
        stat = file.stat()
        size += stat.st_size
        told.update(f"{file}|{stat.st_size}|{stat.st_mtime_ns}|".encode())
        told.update(_footer(file, stat.st_size))
    return Batch(tuple(files), told.hexdigest(), size)


def _footer(path: Path, size: int) -> bytes:
    """Return a Parquet file's footer: sizes and bounds of all that is in it."""
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - 8 - min(length, 1 << 20)))
        return file.read()
