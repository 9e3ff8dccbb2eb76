"""CSV files as tables of text; only the delimiter is inferred, from the header."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from pathlib import Path

from engagement_ml.errors import InputError
from engagement_ml.sources.kinds import ACCEPTED, check_names, kind_of
from engagement_ml.sources.packed import read_start


def csv_shape(files: Sequence[Path], table: str) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter and the column names of CSV files with the same columns.

    Raises
    ------
    InputError
        If a file is not UTF-8 text with a header, or its columns differ from the first file's.
    """
    headers = [_csv_header(path, table) for path in files]
    for path, header in zip(files, headers, strict=True):
        if header != headers[0]:
            raise InputError(
                f"{path}: has other columns than {files[0]}; give files with the same columns"
            )
    return headers[0]


def _csv_header(path: Path, table: str) -> tuple[str, tuple[str, ...]]:
    start = _csv_start(path, table)
    if not start.strip():
        raise InputError(f"{path}: is empty; table '{table}' needs a header and rows")
    line = start.removeprefix("\ufeff").splitlines()[0]
    delimiter = max(",;\t|", key=line.count)
    names = tuple(next(csv.reader([line], delimiter=delimiter)))
    check_names(names, str(path))
    return delimiter, names


def _csv_start(path: Path, table: str) -> str:
    start = read_start(path)
    kind = kind_of(start)
    if kind is None and b"\x00" in start:
        kind = "binary data"
    if kind is not None:
        raise InputError(f"{path}: is not a CSV file but {kind}; {ACCEPTED}")
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text (byte {error.start + 1} is "
            f"0x{start[error.start]:02x}); save it as UTF-8, or name its encoding, such as "
            f"'shape: {{{table}: {{encoding: cp1252}}}}'"
        ) from None
