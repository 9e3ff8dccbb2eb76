"""Source connectors: paths and frames opened in an engine; atomic writes of results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.config import is_uri
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.masking import masked_uri
from engagement_ml.sources.kinds import ACCEPTED, check_names, file_kind
from engagement_ml.sources.pandas_frames import pandas_to_arrow
from engagement_ml.sources.paths import files_of, open_path
from engagement_ml.sources.writing import new_folder_whole, write_whole

__all__ = [
    "describe_source",
    "is_csv",
    "naive_in_frame",
    "new_folder_whole",
    "open_source",
    "parquet_files",
    "source_folder",
    "write_whole",
]


def open_source(
    engine: Engine, source: Any, *, table: str, encoding: str | None = None
) -> nw.LazyFrame[Any]:
    """Open a table lazily at its source; no rows are read yet.

    Parameters
    ----------
    engine : Engine
    source : str, path or frame
        A Parquet, CSV, JSON or Excel file, or a folder or glob of files of one kind; CSV and JSON
        may be compressed (``.gz``, ``.zst``); ``book.xlsx::sheet``; ``file.duckdb::table`` (or
        ``file.duckdb#table``; without a name, the table named `table`); or any frame that
        Narwhals accepts. Frames of other engines are converted through Arrow.
    table : str
        Name of the input table, such as ``"events"``; error messages name it.
    encoding : str, optional
        Encoding of text files; by default UTF-8.

    Returns
    -------
    LazyFrame
        The columns of the source; all columns of a CSV file are text.

    Raises
    ------
    InputError
        If the source is missing, unreadable, or of another kind.

    Examples
    --------
    >>> import pandas as pd
    >>> from engagement_ml.engine import open_duckdb
    >>> with open_duckdb() as engine:
    ...     frame = open_source(engine, pd.DataFrame({"customer_id": [1, 2]}), table="customers")
    ...     frame.collect_schema().names()
    ['customer_id']
    """
    if isinstance(source, str | os.PathLike):
        return open_path(engine, os.fspath(source), table, encoding)
    return _open_frame(engine, source, table)


def is_csv(source: Any, table: str) -> bool:
    """Return whether `source` names files that are read as CSV."""
    return any(file_kind(file) == "CSV" for file in _files(source, table))


def parquet_files(source: Any, table: str) -> tuple[Path, ...]:
    """Return the Parquet files of a source in a stable order; empty for any other source."""
    return tuple(file for file in _files(source, table) if file_kind(file) == "Parquet")


def _files(source: Any, table: str) -> list[Path]:
    return files_of(os.fspath(source), table) if isinstance(source, str | os.PathLike) else []


def source_folder(source: Any) -> Path | None:
    """Return the folder that a source names; None for any other source."""
    if isinstance(source, str | os.PathLike) and Path(source).is_dir():
        return Path(source)
    return None


def describe_source(source: Any, table: str) -> str:
    """Return the name of a source in messages: its path, or the type of the frame."""
    if isinstance(source, str | os.PathLike):
        return masked_uri(str(source)) if is_uri(source) else str(source)
    return f"{table} ({type(source).__module__.split('.')[0]} {type(source).__name__})"


def naive_in_frame(source: Any) -> frozenset[str]:
    """Return the columns of a frame whose moments name no zone; none for a path."""
    if isinstance(source, str | os.PathLike):
        return frozenset()
    frame = nw.from_native(source)
    if frame.implementation.is_pandas():
        import pyarrow as pa

        schema = pandas_to_arrow(frame.to_native()).schema
        moments = (each for each in schema if pa.types.is_timestamp(each.type))
        return frozenset(each.name for each in moments if each.type.tz is None)
    types = frame.collect_schema()
    return frozenset(
        name for name, t in types.items() if isinstance(t, nw.Datetime) and t.time_zone is None
    )


def _open_frame(engine: Engine, source: Any, table: str) -> nw.LazyFrame[Any]:
    try:
        frame = nw.from_native(source)
        names = frame.collect_schema().names()
    except nw.exceptions.DuplicateError:
        raise InputError(f"{table}: a column name occurs twice; rename one") from None
    except TypeError:
        raise InputError(
            f"{table}: found {type(source).__name__}; {ACCEPTED}, or a frame that Narwhals accepts "
            "(pandas, Polars, DuckDB, PySpark, Ibis)"
        ) from None
    check_names(names, table)
    try:
        return _converted(engine, frame)
    except engine.errors as error:
        raise engine.read_error(error, table) from None


def _converted(engine: Engine, frame: nw.LazyFrame[Any] | nw.DataFrame[Any]) -> nw.LazyFrame[Any]:
    """Return any frame as one of the engine."""
    if isinstance(frame, nw.LazyFrame):
        native = engine.read_frame(frame)
        return engine.read_arrow(_batches(frame)) if native is None else native
    if frame.implementation.is_pandas():
        return engine.read_arrow(pandas_to_arrow(frame.to_native()))
    return engine.read_arrow(_with_known_integers(frame).to_arrow())


def _with_known_integers(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Return a frame with integers of 128 bits as text, as Arrow has none so large."""
    wide = [name for name, of_type in frame.schema.items() if of_type in (nw.Int128, nw.UInt128)]
    return frame.with_columns(nw.col(*wide).cast(nw.String)) if wide else frame


def _batches(frame: nw.LazyFrame[Any]) -> Any:
    """Return the rows of another engine's frame as Arrow, in batches if the engine streams."""
    if frame.implementation.is_ibis():
        return frame.to_native().to_pyarrow_batches()
    return _with_known_integers(frame.collect()).to_arrow()
