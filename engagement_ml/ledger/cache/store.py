"""Cache store: write-once files with a manifest, consistent at any moment (crash-safe)."""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engagement_ml.engine import Engine
from engagement_ml.errors import OutputError
from engagement_ml.faults import machine_fault

MANIFEST, LOCK = "manifest.json", "lock"
BLOCK = 1 << 20
_logger = logging.getLogger(__name__)


@dataclass
class Store:
    """Write-once files, and a manifest of those that are valid.

    A file is written under a temporary name, flushed to disk and renamed; then the manifest is
    replaced in the same way. A run that is killed in between leaves the old manifest, and at most
    a file without an entry, which the next run removes. The manifest has a checksum of each file
    and of itself: what a disk or a copy has damaged is named in the log and made again.

    Attributes
    ----------
    folder : Path
    entries : dict of str to dict
        The manifest's entry of each file; ``put`` adds one.
    """

    folder: Path
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    _intact: set[str] = field(default_factory=set)

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Return whether the manifest has the file and it exists with the same content."""
        file = self.path(name)
        if name in self._intact:
            return True
        if name not in self.entries or not file.is_file():
            return False
        entry = self.entries[name]
        if file.stat().st_size != entry.get("size") or checksum(file) != entry.get("checksum"):
            _warn_damaged(file)
            del self.entries[name]
            return False
        self._intact.add(name)
        return True

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """Yield a temporary path; the file gets its name if the block succeeds.

        Raises
        ------
        OutputError
            If the folder cannot be written, or its disk is full.
        """
        temporary = self.folder / f".{name}.part"
        try:
            yield temporary
            flush(temporary)
            os.replace(temporary, self.path(name))
        except Exception as error:
            temporary.unlink(missing_ok=True)
            fault = machine_fault(error)
            if fault is None or (fault.file and not fault.file.startswith(str(self.folder))):
                raise
            raise _unusable(self.folder, fault.what) from error

    def put(self, name: str, entry: Mapping[str, Any]) -> None:
        """Add a file to the manifest."""
        file = self.path(name)
        self.entries[name] = {**entry, "size": file.stat().st_size, "checksum": checksum(file)}
        self._intact.add(name)
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
            entries = json.dumps(self.entries, default=str)
            whole = json.dumps({"checksum": zlib.crc32(entries.encode()), "entries": entries})
            temporary.write_text(whole, encoding="utf-8")
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
        raise _unusable(folder, (error.strerror or str(error)).lower()) from error
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


def checksum(path: Path) -> int:
    """Return the CRC-32 of a file, which costs a third of a second per gigabyte."""
    value = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            value = zlib.crc32(block, value)
    return value


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
    """Return the entries of a manifest; none if it is missing, damaged or of an old version."""
    try:
        whole = json.loads(manifest.read_text(encoding="utf-8"))
        if isinstance(whole, dict) and "entries" not in whole:
            return {}
        text = whole["entries"]
        intact = zlib.crc32(text.encode()) == whole["checksum"]
        entries: dict[str, dict[str, Any]] = json.loads(text) if intact else {}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError):
        intact, entries = False, {}
    if not intact:
        _warn_damaged(manifest)
    return entries


def _warn_damaged(file: Path) -> None:
    _logger.warning("%s: is damaged, so it is not used but made again", file)


def _unusable(folder: Path, why: str) -> OutputError:
    return OutputError(
        f"{folder}: cannot be used as a cache: {why}; set 'engine: {{keep: …}}' to another "
        "folder, or to null"
    )
