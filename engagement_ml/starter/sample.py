"""Samples of the files that `init` is given: the first rows, and how a file is written."""

from __future__ import annotations

import csv
import glob
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError
from engagement_ml.sources import open_source
from engagement_ml.sources.kinds import file_kind, kind_of, quoted_text
from engagement_ml.sources.packed import open_unpacked
from engagement_ml.tables.schema import quoted

ROWS = 2_000
"""Rows of a sample."""
_START = 1 << 20
"""Bytes of a CSV file that the sample is read from."""
_CHECKED = 64 << 20
"""Bytes whose encoding is checked; accents may be rare."""
_IDS = 500
"""Ids of a sample that are looked for in another table."""
_PARTS = 4
"""Depth of records in records; deeper fields are left out."""


@dataclass(frozen=True)
class Sample:
    """The first rows of a source.

    Attributes
    ----------
    source : str
        The path as it was given.
    columns : mapping of str to sequence
        Values by column; fields of records have names with dots. Empty text is None.
    plain : frozenset of str
        The columns that are no fields of records.
    encoding : str
        Encoding of a CSV file, ``"utf-8"`` for other files.
    text : bool
        Whether every column is text, as in a CSV file.
    whole : bool
        Whether the sample holds all rows.
    """

    source: str
    columns: Mapping[str, Sequence[Any]]
    plain: frozenset[str]
    encoding: str = "utf-8"
    text: bool = False
    whole: bool = False

    @property
    def stem(self) -> str:
        """Name of the file, or of the table in a DuckDB file, without its suffixes."""
        name = self.source.rpartition("::")[2] if "::" in self.source else Path(self.source).name
        return name.split(".")[0]

    @property
    def rows(self) -> int:
        """Number of rows in the sample."""
        return max((len(values) for values in self.columns.values()), default=0)


def read_sample(engine: DuckDBEngine, source: str) -> Sample:
    """Read the first rows of a source.

    Parameters
    ----------
    engine : DuckDBEngine
    source : str
        Any path that a pipeline can read. CSV files may have any encoding.

    Raises
    ------
    InputError
        If the source is missing, unreadable, or of another kind.
    """
    if file_kind(source) == "CSV" and not Path(source).is_dir() and not glob.has_magic(source):
        return _csv_sample(source)
    relation = _relation(engine, source)
    table = _read(engine, source, lambda: relation.limit(ROWS + 1).to_arrow_table())
    columns = flat_columns(table.slice(0, ROWS).to_pydict())
    return Sample(source, columns, frozenset(table.column_names), whole=len(table) <= ROWS)


def rows_with(
    engine: DuckDBEngine, sample: Sample, expression: str, values: Sequence[str]
) -> Sample:
    """Return a sample of the rows in which an SQL expression has one of some values."""
    relation = _relation(engine, sample.source, sample.encoding)
    listed = ", ".join(map(quoted_text, values))
    found = relation.filter(f"CAST({expression} AS VARCHAR) IN ({listed})").limit(ROWS)
    table = _read(engine, sample.source, found.to_arrow_table)
    columns, names = flat_columns(table.to_pydict()), frozenset(relation.columns)
    return Sample(sample.source, columns, names, sample.encoding, text=sample.text)


def share_present(engine: DuckDBEngine, sample: Sample, name: str, values: Sequence[Any]) -> float:
    """Return the share of some ids that occur in a column; all of its rows are looked through."""
    wanted = sorted({_plain(value) for value in values})[:_IDS]
    if not wanted:
        return 0.0
    text = f"regexp_replace(trim(CAST({quoted(name)} AS VARCHAR)), '[.]0$', '')"
    listed = ", ".join(map(quoted_text, wanted))
    relation = _relation(engine, sample.source, sample.encoding)
    found = relation.filter(f"{text} IN ({listed})").aggregate(f"count(DISTINCT {text})")
    rows = _read(engine, sample.source, found.fetchall)
    return int(rows[0][0]) / len(wanted)


def _plain(value: Any) -> str:
    return str(value).strip().removesuffix(".0")


def _relation(engine: DuckDBEngine, source: str, encoding: str = "utf-8") -> Any:
    """Return the rows of a source in the engine."""
    given = encoding if encoding != "utf-8" else None
    return open_source(engine, source, table="init", encoding=given).to_native()


def _read(engine: DuckDBEngine, source: str, result: Callable[[], Any]) -> Any:
    """Return a result; an error of the engine names the source."""
    try:
        return result()
    except engine.errors as error:
        raise engine.read_error(error, source) from None


def flat_columns(columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the values of every column, with the fields of records under names with dots.

    Examples
    --------
    >>> flat_columns({"id": [1, 2], "device": [{"os": "iOS"}, None]})
    {'id': [1, 2], 'device.os': ['iOS', None]}
    """
    flat: dict[str, list[Any]] = {}
    for name, values in columns.items():
        for path, value, row in _leaves(name, values):
            flat.setdefault(path, [None] * len(values))[row] = None if value == "" else value
    return flat


def _leaves(name: str, values: Sequence[Any]) -> Iterator[tuple[str, Any, int]]:
    is_record = any(isinstance(value, dict) for value in values)
    for row, value in enumerate(values):
        if isinstance(value, dict):
            yield from ((path, leaf, row) for path, leaf in _fields(name, value, 1))
        elif not is_record:
            yield name, value, row


def _fields(name: str, record: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        path = f"{name}.{key}"
        if isinstance(value, dict):
            if depth < _PARTS:
                yield from _fields(path, value, depth + 1)
        else:
            yield path, value


def _csv_sample(source: str) -> Sample:
    start = _first_bytes(source, _CHECKED)
    if (kind := kind_of(start)) is not None:
        raise InputError(f"{source}: is not a CSV file but {kind}")
    encoding = _encoding(start)
    head = start[:_START]
    whole = len(head) == len(start)
    text = head.decode(encoding, errors="ignore").removeprefix("\ufeff")
    lines = text.splitlines(keepends=True)
    if not lines or not lines[0].strip():
        raise InputError(f"{source}: is empty; give a file with a header and rows")
    # The last line may be cut off.
    lines = lines if whole else lines[:-1]
    delimiter = max(",;\t|", key=lines[0].count)
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
    names = next(reader)
    rows = [row for _, row in zip(range(ROWS), reader, strict=False) if row]
    columns = {
        name: [row[i] if i < len(row) and row[i] != "" else None for row in rows]
        for i, name in enumerate(names)
    }
    complete = whole and next(reader, None) is None
    return Sample(source, columns, frozenset(names), encoding, text=True, whole=complete)


def _first_bytes(source: str, size: int) -> bytes:
    """Return the first bytes of a file, decompressed."""
    try:
        with open_unpacked(Path(source)) as file:
            start: bytes = file.read(size)
    except FileNotFoundError:
        raise InputError(f"{source}: no such file; give the path of a table") from None
    except (OSError, EOFError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InputError(f"{source}: cannot be read: {reason}") from None
    return start


def _encoding(start: bytes) -> str:
    """Return the encoding that the bytes can be read with."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character that is cut off by the end of the bytes is no other encoding.
        if error.start >= len(start) - 3 and len(start) == _CHECKED:
            return "utf-8"
    else:
        return "utf-8"
    try:
        start.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
