"""Parquet files of events as Arrow tables in canonical types.

Input that needs more than a cast (a type to convert, too many rows, an unreadable file) raises
``UnsupportedInputError``; the engine then reads it with the same result, or names the mistake.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engagement_ml._typing import AnyArray
from engagement_ml.tables.schema import AMOUNTS

MOST_ROWS = 12_000_000
"""Largest number of events that are read into memory together."""
TOGETHER = 130_000
"""Events of small files that are grouped together; they fit into a processor's cache."""
MICROS_A_DAY = 86_400_000_000
MOMENT = pa.timestamp("us")
_EPOCH = dt.date(1970, 1, 1).toordinal()
_CANONICAL = {
    "event_type": pa.dictionary(pa.int32(), pa.string()),
    "timestamp": MOMENT,
    **dict.fromkeys(AMOUNTS, pa.float64()),
}


class UnsupportedInputError(Exception):
    """Input that the array code does not support; the engine has to process it."""


def read_events(
    files: Sequence[Path], source_columns: Mapping[str, str], *, integer_ids: bool
) -> Iterator[pa.Table]:
    """Yield the events of Parquet files in tables; all events of a day are in the same table.

    Parameters
    ----------
    files : sequence of Path
    source_columns : mapping of str to str
        Name in the files of ``customer_id``, ``event_type``, ``timestamp`` and of the amounts that
        are wanted.
    integer_ids : bool
        Whether ``customer_id`` becomes an integer, else text.

    Yields
    ------
    pyarrow.Table
        ``customer_id`` (int64 or text), ``event_type`` (dictionary-encoded text), ``timestamp``
        (µs, UTC), amounts float64.

    Raises
    ------
    UnsupportedInputError
        If the engine has to read the files.
    """
    with _readable():
        footers = {file: pq.read_metadata(file) for file in files}
        if sum(footer.num_rows for footer in footers.values()) > MOST_ROWS:
            raise UnsupportedInputError("too many rows to read together")
        moment = source_columns["timestamp"]
        spans = {file: _day_span(file, footers[file], moment) for file in files}
    tables: list[pa.Table] = []
    last = 0
    for file in sorted(files, key=lambda file: spans[file]):
        first, end = spans[file]
        if tables and first > last and sum(map(len, tables)) > TOGETHER:
            yield _concatenated(tables)
            tables = []
        last = max(last, end) if tables else end
        with _readable():
            tables.append(_read(file, footers[file], source_columns, integer_ids=integer_ids))
    if tables:
        yield _concatenated(tables)


def read_integers(files: Sequence[Path], source_column: str) -> Iterator[AnyArray]:
    """Yield the non-null values of a column of integers as int64, file by file.

    Raises
    ------
    UnsupportedInputError
        If the column has another type in any file, or a file cannot be read.
    """
    for file in files:
        with _readable(), pq.ParquetFile(file) as opened:
            _check(file, opened.schema_arrow, {"customer_id": source_column}, integer_ids=True)
            column = opened.read([source_column], use_threads=False)[source_column]
        yield as_integers(array_of(column.drop_null()))


@contextmanager
def _readable() -> Iterator[None]:
    """Leave unreadable files to the engine, which names the problem."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise UnsupportedInputError(str(error)) from error


def _concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()


def _day_span(file: Path, footer: pq.FileMetaData, name: str) -> tuple[int, int]:
    """Return the first and the last day of a column, from the statistics in the file's footer."""
    _check(file, footer.schema.to_arrow_schema(), {"timestamp": name}, integer_ids=True)
    leaves = range(footer.num_columns)
    place = next(i for i in leaves if footer.schema.column(i).path == name)
    groups = [footer.row_group(i).column(place).statistics for i in range(footer.num_row_groups)]
    try:
        if any(group is None or (group.num_values and not group.has_min_max) for group in groups):
            ends = pc.min_max(pq.read_table(file, columns=[name], use_threads=False)[name])
            moments = [ends["min"].as_py(), ends["max"].as_py()]
        else:
            moments = [end for g in groups if g.num_values for end in (g.min, g.max)]
    except OverflowError as error:
        # A timestamp outside of Python's calendar: the engine names its row.
        raise UnsupportedInputError(f"{file}: {name}") from error
    days = [moment.toordinal() - _EPOCH for moment in moments if moment is not None]
    # A file without any timestamp may be placed anywhere.
    return (min(days), max(days)) if days else (0, 0)


def _read(
    file: Path, footer: pq.FileMetaData, source_columns: Mapping[str, str], *, integer_ids: bool
) -> pa.Table:
    """Return the columns of a Parquet file under the input names, in canonical types."""
    dictionaries = [source_columns["event_type"]]
    with pq.ParquetFile(file, metadata=footer, read_dictionary=dictionaries) as opened:
        _check(file, opened.schema_arrow, source_columns, integer_ids=integer_ids)
        read = opened.read(list(source_columns.values()), use_threads=False)
    table = pa.table({column: read[name] for column, name in source_columns.items()})
    types = {**_CANONICAL, "customer_id": pa.int64() if integer_ids else pa.string()}
    for place, column in enumerate(source_columns):
        if table.schema.field(place).type != types[column]:
            table = table.set_column(place, column, table[place].cast(types[column], safe=False))
    return table


def _check(
    file: Path, schema: pa.Schema, source_columns: Mapping[str, str], *, integer_ids: bool
) -> None:
    """Raise if a file lacks a column, or has it in a type that the engine has to convert."""
    for column, name in source_columns.items():
        if name not in schema.names or not _fits(column, schema.field(name).type, integer_ids):
            raise UnsupportedInputError(f"{file}: {name}")


def _fits(column: str, of_type: pa.DataType, integer_ids: bool) -> bool:
    if column == "customer_id":
        integer = pa.types.is_integer(of_type) and of_type != pa.uint64()
        return bool(integer if integer_ids else pa.types.is_string(of_type))
    if column == "timestamp":
        return of_type in (MOMENT, pa.timestamp("us", "UTC"))
    if column == "event_type":
        text = of_type.value_type if pa.types.is_dictionary(of_type) else of_type
        return bool(pa.types.is_string(text))
    return bool(of_type == pa.float64() or pa.types.is_integer(of_type))


def array_of(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one contiguous array."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def null_mask(values: pa.Array) -> AnyArray | None:
    """Return which values are null; None if no value is null."""
    if not values.null_count:
        return None
    null: AnyArray = values.is_null().to_numpy(zero_copy_only=False)
    return null


def as_integers(values: pa.Array) -> AnyArray:
    """Return integers, days or timestamps as int64; null becomes 0."""
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    elif pa.types.is_date32(values.type):
        values = values.view(pa.int32())
    integers = values if values.type == pa.int64() else values.cast(pa.int64())
    filled = integers.fill_null(0) if integers.null_count else integers
    return np.asarray(filled.to_numpy())
