"""Events of Parquet files in arrays, and what is made of them written as Parquet.

What does not fit (a type that needs converting, too many rows) is left to the engine, which makes
the same of it.
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
from engagement_ml.ledger.daily import AMOUNTS

MOST_ROWS = 12_000_000
"""Events of files that are read together at most."""
TOGETHER = 130_000
"""Events of small files that are grouped together, as many as a processor's cache holds."""
ROW_GROUP = 500_000
"""Rows of a written table that are read together at least."""
MICROS_A_DAY = 86_400_000_000
MOMENT = pa.timestamp("us")
_EPOCH = dt.date(1970, 1, 1).toordinal()


class UnfitError(Exception):
    """Files that are not grouped here: the engine has to."""


def tables_of(
    files: Sequence[Path], names: Mapping[str, str], *, integer_ids: bool
) -> Iterator[pa.Table]:
    """Yield the events of Parquet files in tables, all events of a day in one of them.

    Parameters
    ----------
    files : sequence of Path
    names : mapping of column to what the files call it
        ``customer_id``, ``event_type``, ``timestamp``, and those of ``value`` and
        ``duration_seconds`` that are wanted.
    integer_ids : bool
        Whether ``customer_id`` is to be an integer, else text.

    Yields
    ------
    Table
        ``customer_id`` (int64 or text), ``event_type`` (text in a dictionary), ``timestamp`` (µs,
        UTC), amounts float64.

    Raises
    ------
    UnfitError
        Where the engine has to read them.
    """
    with _readable():
        footers = {file: pq.read_metadata(file) for file in files}
        if sum(footer.num_rows for footer in footers.values()) > MOST_ROWS:
            raise UnfitError("too many rows to read together")
        spans = {file: _span(file, footers[file], names["timestamp"]) for file in files}
    together: list[pa.Table] = []
    last = 0
    for file in sorted(files, key=lambda file: spans[file]):
        first, end = spans[file]
        if together and first > last and sum(map(len, together)) > TOGETHER:
            yield _one(together)
            together = []
        last = max(last, end) if together else end
        with _readable():
            together.append(_read(file, footers[file], names, integer_ids=integer_ids))
    if together:
        yield _one(together)


def integers_of(files: Sequence[Path], name: str) -> Iterator[AnyArray]:
    """Yield the values of a column of whole numbers that there are, int64, file by file.

    Raises
    ------
    UnfitError
        Where it is of another type in any file.
    """
    for file in files:
        with _readable(), pq.ParquetFile(file) as opened:
            _check(file, opened.schema_arrow, {"customer_id": name}, integer_ids=True)
            read = opened.read([name], use_threads=False)[name]
        yield whole(array_of(read.drop_null()))


def write_by_day(
    table: pa.Table, target: Path, *, moments: Sequence[str], hardly_repeat: Sequence[str]
) -> None:
    """Write a table that lies by day as Parquet, so that days can be read alone.

    Columns whose values hardly repeat have no dictionary, and moments are not compressed: that
    takes three times as long to write, and four percent off their size.
    """
    pq.write_table(
        table,
        target,
        row_group_size=ROW_GROUP,
        compression={c: "none" if c in moments else "lz4" for c in table.column_names},
        use_dictionary=[c for c in table.column_names if c not in {*moments, *hardly_repeat}],
        write_statistics=["day"],
    )


@contextmanager
def _readable() -> Iterator[None]:
    """Leave files that cannot be read to the engine, which says what is wrong with them."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise UnfitError(str(error)) from error


def _one(tables: Sequence[pa.Table]) -> pa.Table:
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()


def _span(file: Path, footer: pq.FileMetaData, name: str) -> tuple[int, int]:
    """Return the first and the last day of a column, as a Parquet file's footer tells them."""
    _check(file, footer.schema.to_arrow_schema(), {"timestamp": name}, integer_ids=True)
    leaves = range(footer.num_columns)
    place = next(i for i in leaves if footer.schema.column(i).path == name)
    told = [footer.row_group(i).column(place).statistics for i in range(footer.num_row_groups)]
    try:
        if any(one is None or (one.num_values and not one.has_min_max) for one in told):
            ends = pc.min_max(pq.read_table(file, columns=[name], use_threads=False)[name])
            found = [ends["min"].as_py(), ends["max"].as_py()]
        else:
            found = [end for one in told if one.num_values for end in (one.min, one.max)]
    except OverflowError as error:
        # A moment that no calendar holds: the engine names its row.
        raise UnfitError(f"{file}: {name}") from error
    days = [moment.toordinal() - _EPOCH for moment in found if moment is not None]
    # Without any moment, a file may go anywhere.
    return (min(days), max(days)) if days else (0, 0)


def _read(
    file: Path, footer: pq.FileMetaData, names: Mapping[str, str], *, integer_ids: bool
) -> pa.Table:
    """Return the columns of a Parquet file that a ledger needs, under the contract's names."""
    kinds = [names["event_type"]]
    with pq.ParquetFile(file, metadata=footer, read_dictionary=kinds) as opened:
        _check(file, opened.schema_arrow, names, integer_ids=integer_ids)
        read = opened.read(list(names.values()), use_threads=False)
    table = pa.table({column: read[name] for column, name in names.items()})
    types = {**_CANONICAL, "customer_id": pa.int64() if integer_ids else pa.string()}
    for place, column in enumerate(names):
        if table.schema.field(place).type != types[column]:
            table = table.set_column(place, column, table[place].cast(types[column], safe=False))
    return table


_CANONICAL = {
    "event_type": pa.dictionary(pa.int32(), pa.string()),
    "timestamp": MOMENT,
    **dict.fromkeys(AMOUNTS, pa.float64()),
}


def _check(file: Path, schema: pa.Schema, names: Mapping[str, str], *, integer_ids: bool) -> None:
    """Raise where a file lacks a column, or has it with a type that the engine has to convert."""
    for column, name in names.items():
        if name not in schema.names or not _fits(column, schema.field(name).type, integer_ids):
            raise UnfitError(f"{file}: {name}")


def _fits(column: str, of_type: pa.DataType, integer_ids: bool) -> bool:
    if column == "customer_id":
        whole = pa.types.is_integer(of_type) and of_type != pa.uint64()
        return bool(whole if integer_ids else pa.types.is_string(of_type))
    if column == "timestamp":
        return of_type in (MOMENT, pa.timestamp("us", "UTC"))
    if column == "event_type":
        text = of_type.value_type if pa.types.is_dictionary(of_type) else of_type
        return bool(pa.types.is_string(text))
    return bool(of_type == pa.float64() or pa.types.is_integer(of_type))


def array_of(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    made = column.combine_chunks()
    return made.chunk(0) if isinstance(made, pa.ChunkedArray) else made


def missing(values: pa.Array) -> AnyArray | None:
    """Return which values are null, None where none is."""
    if not values.null_count:
        return None
    null: AnyArray = values.is_null().to_numpy(zero_copy_only=False)
    return null


def whole(values: pa.Array) -> AnyArray:
    """Return whole numbers, days and moments as int64, 0 for null."""
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    elif pa.types.is_date32(values.type):
        values = values.view(pa.int32())
    every = values if values.type == pa.int64() else values.cast(pa.int64())
    return np.asarray((every.fill_null(0) if every.null_count else every).to_numpy())
