"""File type detection by suffix and by magic number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from engagement_ml.column_names import fold
from engagement_ml.errors import InputError

PARQUET = (".parquet", ".parq", ".pq")
CSV, JSON = (
    tuple(f"{suffix}{packed}" for suffix in suffixes for packed in ("", ".gz", ".zst"))
    for suffixes in ((".csv", ".tsv"), (".jsonl", ".ndjson", ".json"))
)
EXCEL = (".xlsx", ".xlsm")
DUCKDB = (".duckdb", ".ddb", ".db")
MAGIC = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "gzip-compressed",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
}
FileKind = Literal["Parquet", "CSV", "JSON", "Excel"]
_SUFFIXES: dict[FileKind, tuple[str, ...]] = {
    "Parquet": PARQUET,
    "CSV": CSV,
    "JSON": JSON,
    "Excel": EXCEL,
}
KNOWN = tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
ACCEPTED = (
    "give a Parquet, CSV, JSON or Excel file, a folder or glob of such files, or file.duckdb::table"
)


def file_kind(path: str | Path) -> FileKind:
    """Return the kind of a file by its suffix; a file of another suffix is read as Parquet.

    Examples
    --------
    >>> file_kind("events.CSV.gz"), file_kind("events.ndjson"), file_kind("part-0000")
    ('CSV', 'JSON', 'Parquet')
    """
    name = str(path).lower()
    return next((k for k, suffixes in _SUFFIXES.items() if name.endswith(suffixes)), "Parquet")


def kind_of(start: bytes) -> str | None:
    """Return the type of a file from its first bytes; None if they are unknown."""
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)


def check_names(names: Sequence[str], label: str) -> None:
    """Check that every column has a name and that names are unique, ignoring case.

    Raises
    ------
    InputError
        If there is no column, a column has no name, or two columns have the same name.
    """
    if not len(names):
        raise InputError(f"{label}: has no columns; give a table with a header and rows")
    seen: set[str] = set()
    for i, name in enumerate(names, start=1):
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{label}: column {i} has no name, found {name!r}; name it")
        if fold(name) in seen:
            raise InputError(f"{label}: column '{name}' occurs twice; rename one")
        seen.add(fold(name))


def quoted_text(text: object) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"
