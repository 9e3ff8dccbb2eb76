"""Source connectors: paths and frames opened in an engine; atomic writes of results."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.sources.kinds import ACCEPTED, CSV, check_names
from engagement_ml.sources.paths import files_of, open_path
from engagement_ml.sources.writing import new_folder_whole, write_whole

__all__ = [
    "describe_source",
    "is_csv",
    "new_folder_whole",
    "open_source",
    "parquet_files",
    "source_folder",
    "write_whole",
]


def open_source(engine: Engine, source: Any, *, table: str) -> nw.LazyFrame[Any]:
    """Open a table lazily at its source; no rows are read yet.

    Parameters
    ----------
    engine : Engine
    source : str, path or frame
        A Parquet file, a folder or glob of Parquet files, a CSV file (``.csv``, ``.csv.gz``),
        ``file.duckdb::table`` (or ``file.duckdb#table``; without a name, the table named
        `table`); or any frame that Narwhals accepts. Frames of other engines are converted
        through Arrow.
    table : str
        Name of the input table, such as ``"events"``; error messages name it.

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
        return open_path(engine, os.fspath(source), table)
    return _open_frame(engine, source, table)


def is_csv(source: Any) -> bool:
    """Return whether `source` is a path that is read as CSV."""
    return isinstance(source, str | os.PathLike) and str(source).lower().endswith(CSV)


def parquet_files(source: Any, table: str) -> tuple[Path, ...]:
    """Return the Parquet files of a source in a stable order; empty for any other source."""
    if not isinstance(source, str | os.PathLike):
        return ()
    return tuple(f for f in files_of(os.fspath(source), table) if not is_csv(f))


def source_folder(source: Any) -> Path | None:
    """Return the folder that a source names; None for any other source."""
    if isinstance(source, str | os.PathLike) and Path(source).is_dir():
        return Path(source)
    return None


def describe_source(source: Any, table: str) -> str:
    """Return the name of a source in messages: its path, or the type of the frame."""
    if isinstance(source, str | os.PathLike):
        return str(source)
    return f"{table} ({type(source).__module__.split('.')[0]} {type(source).__name__})"


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
        return engine.read_arrow(_pandas_to_arrow(frame.to_native()))
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


def _pandas_to_arrow(frame: Any) -> Any:
    """Return a pandas frame as Arrow; columns of mixed or unknown types become text."""
    import pandas as pd
    import pyarrow as pa

    columns = {}
    for name in frame.columns:
        column = _dense(frame[name])
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert(None)
        try:
            columns[name] = pa.Array.from_pandas(_unmixed(column))
        except (pa.ArrowException, OverflowError):
            columns[name] = None
        if columns[name] is None or isinstance(columns[name].type, pa.BaseExtensionType):
            columns[name] = pa.Array.from_pandas(column.map(str, na_action="ignore"))
    return pa.table(columns)


def _dense(column: Any) -> Any:
    """Return sparse columns, and categories that are moments, as columns of their values."""
    import pandas as pd

    if isinstance(column.dtype, pd.SparseDtype):
        return column.sparse.to_dense()
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    of_type = column.cat.categories.dtype
    return column.astype(of_type) if isinstance(of_type, pd.DatetimeTZDtype) else column


def _unmixed(column: Any) -> Any:
    """Return objects that mix moments with a time zone, moments without, and dates as text.

    Arrow would take the zone of the first; the validation of text names the row.
    """
    import pandas as pd

    if column.dtype != object:
        return column
    if pd.api.types.infer_dtype(column, skipna=True) not in ("datetime", "date", "mixed"):
        return column
    kinds = {
        (isinstance(value, dt.datetime), getattr(value, "tzinfo", None) is not None)
        for value in column
        if isinstance(value, dt.date) and not pd.isna(value)
    }
    return column.map(str, na_action="ignore") if len(kinds) > 1 else column
