"""Abstract query engine: the operations that every engine implements."""

from __future__ import annotations

import datetime as dt
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import narwhals as nw

from engagement_ml._typing import AnyArray
from engagement_ml.engine.notation import PLAIN, Notation
from engagement_ml.errors import EngagementError, InputError, OutputError
from engagement_ml.faults import machine_fault
from engagement_ml.temporary_folders import temporary_folder

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.engine.duckdb import DuckDBEngine

T = TypeVar("T")
Kind = Literal["id", "integer", "number", "text", "timestamp"]
EPOCH = dt.datetime(1970, 1, 1)
PERMANENT_RANDOM_NUMBERS = 16**13
"""Number of distinct permanent random numbers; a float64 holds each exactly."""


class Engine(ABC):
    """Query engine that holds the data while a pipeline runs.

    Features are Narwhals expressions, which every engine runs. The methods here are the operations
    that engines implement differently: open a source, keep a result, create a small table, write.

    Parameters
    ----------
    spill : path, optional
        Folder for temporary files; by default the system's temporary folder.

    Attributes
    ----------
    local : bool
        Whether the engine runs in this process, so that its results may be loaded into arrays
        here. Results of other engines stay in the engine, which writes them itself.
    errors : tuple of exception types
        Exceptions that the engine raises if data cannot be read.

    Examples
    --------
    >>> from engagement_ml.engine import open_duckdb
    >>> with open_duckdb() as engine:
    ...     kept = engine.persist(engine.small({"day": [1, 2, 3]}))
    ...     kept.select(nw.col("day").max()).collect().item()
    3
    """

    local: ClassVar[bool] = True

    def __init__(self, spill: Path | None = None) -> None:
        self._spill = spill
        self._scratch: Path | None = None
        self._held = ExitStack()
        self._kept: dict[str, nw.LazyFrame[Any]] = {}

    @property
    @abstractmethod
    def errors(self) -> tuple[type[Exception], ...]:
        """Exceptions that the engine raises if data cannot be read."""

    @property
    def data_errors(self) -> tuple[type[Exception], ...]:
        """Those of `errors` that come from the data and not from the query."""
        return ()

    @property
    def threads(self) -> int:
        """Number of threads of this process that the engine uses."""
        return 1

    @abstractmethod
    def embedded(self) -> DuckDBEngine:
        """Return a DuckDB engine for small tables; a DuckDB engine returns itself."""

    @abstractmethod
    def read_parquet(
        self, files: Sequence[str | Path], *, folder: Path | None = None, source: str
    ) -> nw.LazyFrame[Any]:
        """Open Parquet files, or folders by URI if the engine can reach them; columns by name.

        The ``key=value`` folders below `folder` become columns, unless the files have a column of
        that name. Error messages begin with `source`.
        """

    @abstractmethod
    def read_csv(
        self,
        files: Sequence[Path],
        *,
        delimiter: str,
        names: Sequence[str],
        source: str,
        keys: Sequence[str] = (),
    ) -> nw.LazyFrame[Any]:
        """Open CSV files with a header, every column as text; `keys` are ``key=value`` folders."""

    @abstractmethod
    def read_frame(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        """Return a frame of this engine unchanged; None for frames of other engines."""

    @abstractmethod
    def read_arrow(self, table: Any) -> nw.LazyFrame[Any]:
        """Return an Arrow table, or a reader of record batches, as a frame of this engine."""

    @abstractmethod
    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        """Return a small table (calendars, codes) from sequences of plain values or arrays."""

    @abstractmethod
    def persist(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep the result; large results spill to disk."""

    @abstractmethod
    def save(
        self, frame: nw.LazyFrame[Any], path: Path, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write a frame as Parquet: one file, or a folder of files on Spark.

        `metadata` are texts in the file's footer; Spark keeps them with a column.
        """

    @abstractmethod
    def permanent_random_numbers(
        self, frame: nw.LazyFrame[Any], column: str, seed: int, name: str
    ) -> nw.LazyFrame[Any]:
        """Add the permanent random number of each value of a column, int64.

        The first 13 hexadecimal digits of the MD5 of ``"<seed> <value>"``, read as an integer from
        0 to below `PERMANENT_RANDOM_NUMBERS`: the same on every engine and in any row order.
        """

    def micros(self, frame: nw.LazyFrame[Any], *columns: str) -> nw.LazyFrame[Any]:
        """Convert naive UTC timestamps to microseconds since 1970, int64; nulls stay null."""
        return frame.with_columns((nw.col(c) - EPOCH).dt.total_microseconds() for c in columns)

    def once(self, key: str, make: Callable[[], nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
        """Return the frame cached under `key`; `make` computes it on the first call."""
        if key not in self._kept:
            self._kept[key] = self.persist(make())
        return self._kept[key]

    def rows(self, frame: nw.LazyFrame[Any], *, source: str) -> list[dict[str, Any]]:
        """Compute a frame of few rows and return the rows.

        Raises
        ------
        InputError
            If the engine cannot read its input; the message begins with `source`.
        """
        try:
            rows: list[dict[str, Any]] = frame.collect("pyarrow").to_native().to_pylist()
        except self.errors as error:
            raise self.read_error(error, source) from None
        return rows

    def read_error(self, error: Exception, source: str) -> EngagementError:
        """Return an engine's exception as an error of one line that begins with `source`.

        A fault of the machine, such as a full disk, is named as what it is.
        """
        unreadable = InputError(f"{source}: cannot be read: {one_line(error)}")
        return machine_fault(error) or unreadable

    def batches(self, frame: nw.LazyFrame[Any]) -> Iterator[dict[str, AnyArray]]:
        """Compute a frame and yield its columns as arrays, in batches if the engine streams."""
        collected = frame.collect("pyarrow")
        yield {name: collected[name].to_numpy() for name in collected.columns}

    def pandas(self, frame: nw.LazyFrame[Any]) -> pd.DataFrame:
        """Compute a frame that fits into memory and return it as pandas."""
        computed: pd.DataFrame = frame.collect("pandas").to_native()
        return computed

    def hold(self, context: AbstractContextManager[T]) -> T:
        """Enter a context that ends when the engine is closed, such as a file its frames read."""
        return self._held.enter_context(context)

    def scratch(self) -> Path:
        """Return a temporary folder that is removed when the engine is closed.

        Raises
        ------
        OutputError
            If the folder to spill into cannot be written.
        """
        if self._scratch is None:
            try:
                parent = self._spill or Path(tempfile.gettempdir())
                parent.mkdir(parents=True, exist_ok=True)
                self._scratch = self.hold(temporary_folder(parent))
            except OSError as error:
                place = self._spill or "the system's temporary folder"
                raise OutputError(
                    f"{place}: cannot hold temporary files: {error.strerror or error}; "
                    "set 'engine: {spill: …}' to another folder"
                ) from error
        return self._scratch

    def close(self) -> None:
        """Release all kept results; frames of this engine can no longer be read."""
        self._kept.clear()
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, self.data_errors):
            # Rows are read when a result is computed, which may be anywhere in the block.
            raise self.read_error(error, "input tables") from error


class LazyEngine(Engine):
    """Engine whose tables are read by Narwhals expressions, with two more operations."""

    @abstractmethod
    def typed(
        self,
        frame: nw.LazyFrame[Any],
        kinds: Mapping[str, Kind],
        notation: Notation = PLAIN,
        naive: Collection[str] = (),
    ) -> nw.LazyFrame[Any]:
        """Cast columns to the type of their kind; values that do not fit become null.

        ``timestamp``: naive UTC, in microseconds. ``number``: float64. ``integer``: int64, null
        for anything that is not written as a whole number. ``text``: empty text is null. ``id``:
        text; whole numbers lose their decimals. Columns without a kind stay unchanged. `notation`
        says how times and numbers are written, and `naive` names the columns whose moments have no
        zone in the source, though the engine holds them with one.
        """

    @abstractmethod
    def project(
        self, frame: nw.LazyFrame[Any], columns: Mapping[str, str], where: str | None = None
    ) -> nw.LazyFrame[Any]:
        """Return columns by SQL of the engine, of the rows for which a condition holds."""

    @abstractmethod
    def hashed(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], name: str
    ) -> nw.LazyFrame[Any]:
        """Add an int64 hash of each row's `columns`."""


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
