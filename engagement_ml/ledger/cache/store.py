"""Cache store: write-once files with a manifest, consistent at any moment (crash-safe)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engagement_ml.engine import Engine
from engagement_ml.errors import OutputError

MANIFEST, LOCK = "manifest.json", "lock"


@dataclass
class Store:
    """Write-once files, and a manifest of those that are valid.

    A file is written under a temporary name, flushed to disk and renamed; then the manifest is
    replaced in the same way. A run that is killed in between leaves the old manifest, and at most
    a file without an entry, which the next run removes.

    Attributes
    ----------
    folder : Path
    entries : dict of str to dict
        The manifest's entry of each file; ``put`` adds one.
    """

    folder: Path
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Return whether the manifest has the file and it exists with the same size."""
        file = self.path(name)
        return (
            name in self.entries
            and file.is_file()
            and file.stat().st_size == self.entries[name].get("size")
        )

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """Yield a temporary path; the file gets its name if the block succeeds."""
        temporary = self.folder / f".{name}.part"
        yield temporary
        flush(temporary)
        os.replace(temporary, self.path(name))

    def put(self, name: str, entry: Mapping[str, Any]) -> None:
        """Add a file to the manifest."""
        self.entries[name] = {**entry, "size": self.path(name).stat().st_size}
        self._write()

    def retain(self, names: set[str]) -> None:
        """Remove all other files, and their entries."""
        if set(self.entries) - names:
            self.entries = {name: entry for name, entry in self.entries.items() if name in names}
            self._write()
        for file in self.folder.iterdir():
            if file.name not in names and file.name not in (MANIFEST, LOCK):
                file.unlink(missing_ok=True)

    def _write(self) -> None:
        with self.new(MANIFEST) as temporary:
            temporary.write_text(json.dumps(self.entries, default=str), encoding="utf-8")
        flush(self.folder)


@contextmanager
def open_store(folder: Path) -> Iterator[Store | None]:
    """Open a store exclusively; None if another run has it open.

    Raises
    ------
    OutputError
        If the folder cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be used as a cache: {(error.strerror or str(error)).lower()}; set "
            "'engine: {keep: …}' to another folder, or to null"
        ) from None
    with lock:
        yield Store(folder, _read(folder / MANIFEST)) if _locked(lock) else None


def hold_store(engine: Engine, keep: Path | None, name: str) -> Store:
    """Open a store until the engine is closed.

    Parameters
    ----------
    engine : Engine
    keep : path or None
        Folder of the cache. Without it, or if another run has the store open, the store is in the
        engine's temporary folder.
    name : str
        Name of the store's folder.
    """
    if keep is not None:
        store = engine.hold(open_store(keep / name))
        if store is not None:
            return store
    temporary: AbstractContextManager[Store | None] = open_store(engine.scratch() / name)
    store = engine.hold(temporary)
    assert store is not None
    return store


def flush(path: Path) -> None:
    """Flush a file or folder to disk (fsync)."""
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
    """Return the entries of a manifest; none if it is missing or damaged."""
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}
