"""Files that may be compressed with gzip or zstd, as bytes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from engagement_ml.errors import InputError
from engagement_ml.sources.kinds import ACCEPTED, file_kind


def open_unpacked(path: Path) -> Any:
    """Open a file of bytes to read; ``.gz`` and ``.zst`` are decompressed on the way.

    Raises
    ------
    OSError, EOFError
        If it cannot be read, here or at a later read.
    """
    match path.suffix.lower():
        case ".gz":
            return gzip.open(path)
        case ".zst":
            import pyarrow as pa

            return pa.CompressedInputStream(str(path), "zstd")
        case _:
            return path.open("rb")


def read_start(path: Path) -> bytes:
    """Return the first bytes of a file, decompressed.

    Raises
    ------
    InputError
        If it is not compressed as its name says, or ends too early.
    """
    packed = "zstd" if path.suffix.lower() == ".zst" else "gzip"
    try:
        with open_unpacked(path) as file:
            start: bytes = file.read(65536)
    except EOFError:
        raise InputError(f"{path}: is truncated: its {packed} stream has no end") from None
    except OSError:
        raise InputError(
            f"{path}: is not a {packed}-compressed {file_kind(path)} file; {ACCEPTED}"
        ) from None
    return start
