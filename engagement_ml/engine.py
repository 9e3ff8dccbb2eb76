"""The engine that holds the data: DuckDB here; the few things that differ between engines."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml.config import EngineConfig
from engagement_ml.errors import InputError

T = TypeVar("T")


class Engine:
    """One DuckDB connection and what is kept in it while a pipeline runs.

    Features are written as Narwhals expressions, which any engine runs; what an engine does in
    its own way is here: opening a relation, keeping a result, making a small table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An open connection; the engine closes it.
    spill : path, optional
        The folder for what does not fit into memory.

    Examples
    --------
    >>> with Engine.duckdb() as engine:
    ...     kept = engine.persist(engine.small({"day": [1, 2, 3]}))
    ...     kept.select(nw.col("day").max()).collect().item()
    3
    """

    def __init__(self, connection: Any, spill: Path | None = None) -> None:
        self.connection = connection
        self._spill = spill or Path(tempfile.gettempdir())
        self._scratch: Path | None = None
        self._held = ExitStack()
        self._names = 0
        self._attached: dict[Path, str] = {}
        self._kept: dict[str, nw.LazyFrame[Any]] = {}
        self._mark = uuid.uuid4().hex
        connection.execute(f"SET VARIABLE engagement_engine = '{self._mark}'")

    @classmethod
    def duckdb(
        cls,
        memory_limit: str | None = None,
        temp_directory: Path | None = None,
        threads: int | None = None,
    ) -> Self:
        """Open DuckDB in memory; what does not fit spills to disk.

        Parameters
        ----------
        memory_limit : str, optional
            Such as ``"3GB"``; by default half of the machine's.
        temp_directory : path, optional
            Where to spill; by default the system's temporary folder.
        threads : int, optional
            By default one a core.

        Raises
        ------
        InputError
            Where DuckDB refuses a setting.
        """
        import duckdb

        spill = temp_directory or Path(tempfile.gettempdir()) / "engagement-ml-spill"
        settings: dict[str, Any] = {"temp_directory": str(spill)}
        if memory_limit is not None:
            settings["memory_limit"] = memory_limit
        if threads is not None:
            settings["threads"] = threads
        try:
            connection = duckdb.connect(":memory:", config=settings)
        except duckdb.Error as error:
            raise InputError(f"DuckDB refuses its settings {settings}: {one_line(error)}") from None
        connection.execute("SET TimeZone = 'UTC'")
        # In a notebook without ipywidgets DuckDB has no bar and refuses to be told so.
        shown = connection.sql("SELECT current_setting('enable_progress_bar')").fetchall()
        if shown[0][0]:
            connection.execute("SET enable_progress_bar = false")
        if memory_limit is None:
            _leave_room(connection)
        return cls(connection, spill)

    @classmethod
    def open(cls, config: EngineConfig) -> Self:
        """Open the engine that a pipeline's configuration asks for.

        Raises
        ------
        InputError
            Where DuckDB refuses a setting.
        """
        spill = Path(config.spill) if config.spill else None
        return cls.duckdb(config.memory, spill, config.threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; frames opened on it can no longer be read."""
        self._kept.clear()
        self.connection.close()
        self._held.close()

    def hold(self, context: AbstractContextManager[T]) -> T:
        """Enter a context that is left when the engine is closed: a file its frames read, say."""
        return self._held.enter_context(context)

    def scratch(self) -> Path:
        """Return a folder for files that are needed until the engine is closed."""
        if self._scratch is None:
            self._spill.mkdir(parents=True, exist_ok=True)
            made = tempfile.TemporaryDirectory(prefix="engagement-ml-", dir=self._spill)
            self._scratch = Path(self.hold(made))
        return self._scratch

    def write(self, sql: str, file: Path, *, reading: str) -> None:
        """Run a query and write its rows to a Parquet file.

        Raises
        ------
        InputError
            Where DuckDB cannot read what it is given.
        """
        target = str(file).replace("'", "''")
        self.query(f"COPY ({sql}) TO '{target}' (FORMAT parquet)", reading=reading)

    def files(self, files: Sequence[Path], *, reading: str) -> str:
        """Name a view over Parquet files of one shape."""
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        return self.view(f"SELECT * FROM read_parquet([{listed}])", reading=reading)

    def lazy(self, relation: Any) -> nw.LazyFrame[Any]:
        """Return a DuckDB relation of this engine's connection as a Narwhals LazyFrame."""
        frame: nw.LazyFrame[Any] = nw.from_native(relation)
        return frame

    def query(self, sql: str, *, reading: str) -> list[tuple[Any, ...]]:
        """Run `sql` and return its rows.

        Raises
        ------
        InputError
            Where DuckDB cannot read what it is given; the message begins with `reading`.
        """
        import duckdb

        try:
            rows: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise InputError(f"{reading}: cannot be read: {one_line(error)}") from None
        return rows

    def view(self, sql: str, *, reading: str) -> str:
        """Give a query a name that other queries may use; nothing is computed yet."""
        return self._create("VIEW", sql, reading)

    def table(self, sql: str, *, reading: str) -> str:
        """Compute a query once and keep its rows under the returned name."""
        return self._create("TABLE", sql, reading)

    def scan(self, name: str) -> nw.LazyFrame[Any]:
        """Return a view or table of this engine as a Narwhals LazyFrame."""
        return self.lazy(self.connection.sql(f'SELECT * FROM "{name}"'))

    def register(self, frame: Any) -> str:
        """Hand an eager frame (Arrow, pandas, Polars) to DuckDB and return its name."""
        name = self._new_name()
        self.connection.register(name, frame)
        return name

    def adopt(self, relation: Any) -> str:
        """Name a DuckDB relation here; rows of another connection are copied, batch by batch."""
        whose = "getvariable('engagement_engine'), count(*)"
        if relation.limit(0).aggregate(whose).fetchall()[0][0] == self._mark:
            return self.view(relation.sql_query(), reading="DuckDB relation")
        reader = self.register(relation.to_arrow_reader(100_000))
        copied = self.table(f'SELECT * FROM "{reader}"', reading="DuckDB relation")
        self.connection.unregister(reader)
        return copied

    def attach(self, path: Path) -> str:
        """Attach a DuckDB file, for reading only, and return its name in this connection."""
        file = path.resolve()
        if file not in self._attached:
            alias = f"file_{len(self._attached)}"
            escaped = str(file).replace("'", "''")
            self.query(f"ATTACH '{escaped}' AS {alias} (READ_ONLY)", reading=str(path))
            self._attached[file] = alias
        return self._attached[file]

    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        """Return a small table (calendars, codes) made of sequences of plain values or arrays."""
        import pyarrow as pa

        return self.scan(self.register(pa.table({k: pa.array(v) for k, v in columns.items()})))

    def persist(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep it, spilling to disk where it is large."""
        return self.scan(self.persist_as(frame, reading="intermediate result"))

    def persist_as(self, frame: nw.LazyFrame[Any], *, reading: str) -> str:
        """Compute a lazy frame once and keep its rows under the returned name."""
        return self.table(frame.to_native().sql_query(), reading=reading)

    def column(self, sql: str) -> npt.NDArray[Any]:
        """Run a query of one column without nulls and return it as an array of its own."""
        batches = self.connection.sql(sql).to_arrow_reader(1_000_000)
        arrays = [batch.column(0).to_numpy(zero_copy_only=False) for batch in batches]
        return np.concatenate(arrays) if arrays else np.empty(0)

    def once(self, key: str, make: Callable[[], nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
        """Return what is kept under `key`, computing and keeping it the first time."""
        if key not in self._kept:
            self._kept[key] = self.persist(make())
        return self._kept[key]

    def _create(self, kind: str, sql: str, reading: str) -> str:
        name = self._new_name()
        self.query(f'CREATE TEMP {kind} "{name}" AS {sql}', reading=reading)
        return name

    def _new_name(self) -> str:
        self._names += 1
        return f"engagement_{self._names}"


def _leave_room(connection: Any) -> None:
    """Take half of the machine's memory, where DuckDB would take four fifths: Python needs some."""
    size, unit = connection.sql("SELECT current_setting('memory_limit')").fetchall()[0][0].split()
    connection.execute(f"SET memory_limit = '{float(size) * 0.625:.2f}{unit}'")


def one_line(error: BaseException) -> str:
    r"""Return the first sentence of an engine's message, without its line breaks.

    Examples
    --------
    >>> one_line(ValueError("Invalid Input Error: no magic bytes\nLINE 1: SELECT"))
    'no magic bytes'
    """
    lines = [line.strip() for line in str(error).strip().split("\n")]
    head, _, rest = lines[0].partition(" Error: ")
    first = rest if rest and len(head) < 30 else lines[0]
    if first.startswith("CSV Error on Line") and len(lines) > 2:
        return f"{first.removeprefix('CSV Error on ').lower()}: {lines[2]}"
    return first
