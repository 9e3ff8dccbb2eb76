"""Text files in other encodings than UTF-8, rewritten in the engine's temporary folder."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.sources.packed import open_unpacked

BLOCK = 1 << 20


def utf8_files(
    engine: Engine, files: Sequence[Path], encoding: str | None, table: str
) -> list[Path]:
    """Return text files in UTF-8: the files themselves, or copies that the engine removes.

    Parameters
    ----------
    engine : Engine
    files : sequence of Path
        CSV or JSON files; ``.gz`` and ``.zst`` are decompressed.
    encoding : str or None
        None is UTF-8.
    table : str
        Name of the input table.

    Raises
    ------
    InputError
        If a file holds bytes that are no text in the encoding; the message names the line.
    """
    if encoding is None or codecs.lookup(encoding).name in ("utf-8", "ascii"):
        return list(files)
    folder = engine.scratch() / f"utf8-{table}"
    copies = []
    for number, file in enumerate(files):
        copy = folder / str(number) / file.name.removesuffix(".gz").removesuffix(".zst")
        copy.parent.mkdir(parents=True, exist_ok=True)
        _rewrite(file, copy, encoding, table)
        copies.append(copy)
    return copies


def _rewrite(file: Path, copy: Path, encoding: str, table: str) -> None:
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with open_unpacked(file) as source, copy.open("w", encoding="utf-8", newline="") as target:
        while True:
            try:
                block = source.read(BLOCK)
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(encoding, errors="replace")
                found = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.end])
                raise InputError(
                    f"{file}: line {line + before.count(chr(10))} holds {found}, which is no text "
                    f"in {encoding}; correct 'shape.{table}.encoding'"
                ) from None
            except (OSError, EOFError):
                raise InputError(f"{file}: is not a gzip-compressed CSV file") from None
            target.write(text)
            line += text.count("\n")
            if not block:
                return
