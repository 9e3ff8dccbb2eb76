"""DuckDB engine, embedded in this process; the default."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray
from engagement_ml.engine.base import Engine
from engagement_ml.engine.duckdb_connection import open_connection
from engagement_ml.engine.files import copy_sql, csv_sql, parquet_sql, partition_keys, without
from engagement_ml.errors import OutputError

BATCH = 100_000
"""Rows per batch: allocating larger arrays costs more time than aggregating them."""


class DuckDBEngine(Engine):
    """DuckDB connection with the views and tables that a pipeline keeps in it.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An open connection; the engine closes it.
    spill : path, optional
        Folder for data that does not fit into memory.
    """

    def __init__(self, connection: Any, spill: Path | None = None) -> None:
        super().__init__(spill)
        self.connection = connection
        self._names = 0
        self._attached: dict[Path, str] = {}
        self._mark = uuid.uuid4().hex
        connection.execute(f"SET VARIABLE engagement_engine = '{self._mark}'")

    @classmethod
    def connect(
        cls,
        memory_limit: str | None = None,
        temp_directory: Path | None = None,
        threads: int | None = None,
    ) -> Self:
        """Open DuckDB in memory; data that does not fit into memory spills to disk.

        Parameters
        ----------
        memory_limit : str, optional
            Such as ``"3GB"``; by default half of the machine's memory.
        temp_directory : path, optional
            Folder to spill into; by default below the system's temporary folder.
        threads : int, optional
            By default one per core.

        Raises
        ------
        InputError
            If DuckDB rejects a setting.
        OutputError
            If `temp_directory` cannot be written.
        """
        engine = cls(open_connection(memory_limit, threads), temp_directory)
        engine._set_spill(required=temp_directory is not None)
        return engine

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Exceptions that DuckDB raises if data cannot be read."""
        import duckdb

        return (duckdb.Error,)

    @property
    def data_errors(self) -> tuple[type[Exception], ...]:
        """Errors of values, files and memory."""
        import duckdb

        return (duckdb.DataError, duckdb.OperationalError, duckdb.InvalidInputException)

    @property
    def threads(self) -> int:
        """Number of threads of the connection."""
        rows = self.connection.sql("SELECT current_setting('threads')").fetchall()
        return int(rows[0][0])

    def close(self) -> None:
        """Close the connection; frames opened on it can no longer be read."""
        self._kept.clear()
        self.connection.close()
        super().close()

    def embedded(self) -> DuckDBEngine:
        """Return this engine."""
        return self

    def read_parquet(
        self, files: Sequence[str | Path], *, folder: Path | None = None, source: str
    ) -> nw.LazyFrame[Any]:
        """Open Parquet files; columns are matched by name."""
        keys = self.keys_of(files, folder, source=source)
        return self.scan(self.view(parquet_sql(files, keys), source=source))

    def keys_of(
        self, files: Sequence[str | Path], folder: Path | None, *, source: str
    ) -> dict[str, str]:
        """Return the ``key=value`` folders below `folder` that become columns, and their types."""
        keys = partition_keys([Path(file) for file in files], folder)
        if not keys:
            return {}
        rows = self.query(f"SELECT column_name FROM (DESCRIBE {parquet_sql(files)})", source=source)
        return without(keys, [str(name) for (name,) in rows])

    def read_csv(
        self,
        files: Sequence[Path],
        *,
        delimiter: str,
        names: Sequence[str],
        source: str,
        keys: Sequence[str] = (),
    ) -> nw.LazyFrame[Any]:
        """Open CSV files with a header, every column as text."""
        sql = csv_sql(files, delimiter, names, dict.fromkeys(keys, "VARCHAR"))
        return self.scan(self.view(sql, source=source))

    def read_frame(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        """Return a DuckDB relation as a frame; rows of another connection are copied."""
        if not frame.implementation.is_duckdb():
            return None
        return self.scan(self.adopt(frame.to_native()))

    def read_arrow(self, table: Any) -> nw.LazyFrame[Any]:
        """Return an Arrow table as a frame; the batches of a reader are copied one by one."""
        import pyarrow as pa

        if isinstance(table, pa.RecordBatchReader):
            return self.scan(self.copy(table, source="Arrow reader"))
        return self.scan(self.register(table))

    def write(self, sql: str, file: Path, *, source: str) -> None:
        """Run a query and write its rows to a Parquet file.

        Raises
        ------
        InputError
            If DuckDB cannot read its input; the message begins with `source`.
        """
        self.query(copy_sql(sql, file), source=source)

    def files(self, files: Sequence[Path], *, source: str) -> str:
        """Create a view over Parquet files with the same columns and return its name."""
        return self.view(parquet_sql(files, by_name=False), source=source)

    def lazy(self, relation: Any) -> nw.LazyFrame[Any]:
        """Return a DuckDB relation of this engine's connection as a Narwhals LazyFrame."""
        frame: nw.LazyFrame[Any] = nw.from_native(relation)
        return frame

    def query(self, sql: str, *, source: str) -> list[tuple[Any, ...]]:
        """Run `sql` and return its rows.

        Raises
        ------
        InputError
            If DuckDB cannot read its input; the message begins with `source`.
        """
        import duckdb

        try:
            rows: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self.read_error(error, source) from None
        return rows

    def view(self, sql: str, *, source: str) -> str:
        """Create a view of a query and return its name; nothing is computed yet."""
        return self._create("VIEW", sql, source)

    def table(self, sql: str, *, source: str) -> str:
        """Compute a query once, store its rows in a table and return the table's name."""
        return self._create("TABLE", sql, source)

    def scan(self, name: str) -> nw.LazyFrame[Any]:
        """Return a view or table of this engine as a Narwhals LazyFrame."""
        return self.lazy(self.connection.sql(f'SELECT * FROM "{name}"'))

    def register(self, frame: Any) -> str:
        """Register an eager frame (Arrow, pandas, Polars) and return its name."""
        name = self._new_name()
        self.connection.register(name, frame)
        return name

    @contextmanager
    def registered(self, frame: Any) -> Iterator[str]:
        """Register an eager frame for the duration of the block and yield its name."""
        name = self.register(frame)
        try:
            yield name
        finally:
            self.connection.unregister(name)

    def adopt(self, relation: Any) -> str:
        """Return the name of a relation's rows; those of another connection are copied."""
        connection_mark = "getvariable('engagement_engine'), count(*)"
        if relation.limit(0).aggregate(connection_mark).fetchall()[0][0] == self._mark:
            return self.view(relation.sql_query(), source="DuckDB relation")
        return self.copy(relation.to_arrow_reader(100_000), source="DuckDB relation")

    def copy(self, batches: Any, *, source: str) -> str:
        """Copy the rows of a reader of Arrow record batches; return the table's name."""
        with self.registered(batches) as reader:
            return self.table(f'SELECT * FROM "{reader}"', source=source)

    def attach(self, path: Path) -> str:
        """Attach a DuckDB file read-only and return its alias in this connection."""
        file = path.resolve()
        if file not in self._attached:
            alias = f"file_{len(self._attached)}"
            escaped = str(file).replace("'", "''")
            self.query(f"ATTACH '{escaped}' AS {alias} (READ_ONLY)", source=str(path))
            self._attached[file] = alias
        return self._attached[file]

    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        """Return a small table (calendars, codes) from sequences of plain values or arrays."""
        import pyarrow as pa

        return self.scan(self.register(pa.table({k: pa.array(v) for k, v in columns.items()})))

    def persist(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep the result; large results spill to disk."""
        return self.scan(self.persist_as(frame, source="intermediate result"))

    def persist_as(self, frame: nw.LazyFrame[Any], *, source: str) -> str:
        """Compute a lazy frame once, store its rows and return the table's name."""
        return self.table(frame.to_native().sql_query(), source=source)

    def permanent_random_numbers(
        self, frame: nw.LazyFrame[Any], column: str, seed: int, name: str
    ) -> nw.LazyFrame[Any]:
        """Add the permanent random number of each value of a column; see ``Engine``."""
        quoted = '"' + column.replace('"', '""') + '"'
        digits = f"left(md5('{seed} ' || CAST({quoted} AS VARCHAR)), 13)"
        return self.lazy(
            frame.to_native().project(f"*, CAST('0x' || {digits} AS BIGINT) AS {name}")
        )

    def column(self, sql: str) -> AnyArray:
        """Run a query of one column of whole numbers without nulls; return it as an array."""
        batches = self.connection.sql(sql).to_arrow_reader(1_000_000)
        # Arrow's own conversion imports pandas.
        arrays = [np.from_dlpack(batch.column(0)) for batch in batches]
        return np.concatenate(arrays) if arrays else np.empty(0)

    def batches(self, frame: nw.LazyFrame[Any]) -> Iterator[dict[str, AnyArray]]:
        """Compute a frame and yield its columns as arrays, `BATCH` rows at a time."""
        for batch in frame.to_native().to_arrow_reader(BATCH):
            columns = zip(batch.schema.names, batch.columns, strict=True)
            yield {name: values.to_numpy(zero_copy_only=False) for name, values in columns}

    def save(
        self, frame: nw.LazyFrame[Any], path: Path, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write a frame as a Parquet file."""
        sql = frame.to_native().sql_query()
        self.connection.execute(copy_sql(sql, path, metadata or {}, compression="zstd"))

    def _set_spill(self, *, required: bool) -> None:
        """Spill into a folder of this engine: connections that share one overwrite their files."""
        try:
            folder = str(self.scratch() / "spill").replace("'", "''")
        except OutputError:
            if required:
                self.close()
                raise
            # Only data that does not fit into memory needs a folder.
            folder = ""
        self.connection.execute(f"SET temp_directory = '{folder}'")

    def _create(self, kind: str, sql: str, source: str) -> str:
        name = self._new_name()
        self.query(f'CREATE TEMP {kind} "{name}" AS {sql}', source=source)
        return name

    def _new_name(self) -> str:
        self._names += 1
        return f"engagement_{self._names}"
