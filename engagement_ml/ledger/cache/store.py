"""A folder of what one run keeps for the next: whole at any moment, whatever stops a run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engagement_ml.errors import OutputError

MANIFEST, LOCK = "manifest.json", "lock"


@dataclass
class Store:
    """Files that never change once they have their name, and a manifest of those that count.

    A file is written aside, flushed to disk and renamed; then the manifest is, in the same way.
    Killed in between, a run leaves the manifest as it was and perhaps a file that nobody asks for,
    which the next run removes.

    Attributes
    ----------
    folder : Path
    entries : dict of str to plain data
        What the manifest says of each file; ``put`` adds to it.
    """

    folder: Path
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Return where the file of a name lies."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Return whether the manifest tells of the file and it is there."""
        file = self.path(name)
        return (
            name in self.entries
            and file.is_file()
            and file.stat().st_size == self.entries[name].get("size")
        )

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """Yield a path to write to; the file gets its name when the block succeeds."""
        aside = self.folder / f".{name}.part"
        yield aside
        flush(aside)
        os.replace(aside, self.path(name))

    def put(self, name: str, told: Mapping[str, Any]) -> None:
        """Enter a file into the manifest."""
        self.entries[name] = {**told, "size": self.path(name).stat().st_size}
        self._write()

    def retain(self, names: set[str]) -> None:
        """Forget all other files, and remove them."""
        if set(self.entries) - names:
            self.entries = {name: told for name, told in self.entries.items() if name in names}
            self._write()
        for file in self.folder.iterdir():
            if file.name not in names and file.name not in (MANIFEST, LOCK):
                file.unlink(missing_ok=True)

    def _write(self) -> None:
        with self.new(MANIFEST) as aside:
            aside.write_text(json.dumps(self.entries, default=str), encoding="utf-8")
        flush(self.folder)


@contextmanager
def open_store(folder: Path) -> Iterator[Store | None]:
    """Open a store for one run alone; None where another run has it open.

    Raises
    ------
    OutputError
        Where the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot keep anything: {(error.strerror or str(error)).lower()}; set "
            "'engine: {keep: …}' to another folder, or to null"
        ) from None
    with lock:
        yield Store(folder, _read(folder / MANIFEST)) if _locked(lock) else None


def flush(path: Path) -> None:
    """Have the operating system put a file or folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(file: Any) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(manifest: Path) -> dict[str, dict[str, Any]]:
    """Return what a manifest says; nothing where it says nothing of use."""
    try:
        read = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
