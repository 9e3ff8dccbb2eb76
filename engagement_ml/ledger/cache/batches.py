"""Batches of the files of a source, each with a fingerprint that changes with its files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

SMALLEST = 32_000_000
"""Bytes per batch, at least; fewer only if the source is smaller."""
SHARE = 16
"""A batch is at most 1/16 of the source, the part that is read again if one file changes."""
MOST_SMALL = 40
"""Largest number of small batches before they are combined."""


@dataclass(frozen=True)
class Batch:
    """Files that are read together.

    Attributes
    ----------
    files : tuple of Path
    key : str
        Hash of their paths, sizes, modification times and Parquet footers.
    size : int
        In bytes.
    """

    files: tuple[Path, ...]
    key: str
    size: int


def find_batches(files: Sequence[Path], previous: Collection[tuple[str, ...]] = ()) -> list[Batch]:
    """Group files into batches; files of a previous batch stay together.

    Parameters
    ----------
    files : sequence of Path
        In a stable order; neighbours share a batch.
    previous : collection of tuple of str
        The paths of each batch of an earlier run.

    Returns
    -------
    list of Batch
    """
    sizes = {file: file.stat().st_size for file in files}
    limit = max(SMALLEST, sum(sizes.values()) // SHARE)
    by_name = {str(file): file for file in files}
    kept: list[tuple[Path, ...]] = []
    taken: set[str] = set()
    for names in previous:
        # A killed run leaves both its new batches and those that they were to replace.
        if taken.isdisjoint(names) and all(name in by_name for name in names):
            kept.append(tuple(by_name[name] for name in names))
            taken.update(names)
    small = [batch for batch in kept if sum(sizes[file] for file in batch) < limit // 2]
    if len(small) > MOST_SMALL:
        kept = [batch for batch in kept if batch not in small]
    placed = {file for batch in kept for file in batch}
    added: list[list[Path]] = []
    room = 0
    for file in files:
        if file in placed:
            room = 0
            continue
        if sizes[file] > room:
            added.append([])
            room = limit
        added[-1].append(file)
        room -= sizes[file]
    batches = [_batch(batch) for batch in (*kept, *added)]
    return sorted(batches, key=lambda batch: str(batch.files[0]))


def _batch(files: Sequence[Path]) -> Batch:
    digest = hashlib.sha256()
    size = 0
    for file in files:
        stat = file.stat()
        size += stat.st_size
        digest.update(f"{file}|{stat.st_size}|{stat.st_mtime_ns}|".encode())
        digest.update(_footer(file, stat.st_size))
    return Batch(tuple(files), digest.hexdigest(), size)


def _footer(path: Path, size: int) -> bytes:
    """Return a Parquet file's footer, which holds the sizes and statistics of its columns."""
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - 8 - min(length, 1 << 20)))
        return file.read()
