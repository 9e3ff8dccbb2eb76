"""What the pipeline needs of an engine, whichever it is."""

from __future__ import annotations

import datetime as dt
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import narwhals as nw

from engagement_ml._typing import AnyArray
from engagement_ml.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.engine.duckdb import DuckDBEngine

T = TypeVar("T")
Kind = Literal["id", "integer", "number", "text", "timestamp"]
EPOCH = dt.datetime(1970, 1, 1)
PERMANENT_RANDOM_NUMBERS = 16**13
"""Number of distinct permanent random numbers; a float64 holds each exactly."""
ZONE = r"[0-9]:[0-9]{2}.*(Z|z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?|[A-Za-z]+/[A-Za-z_]+)$"
"""How text ends that is a timestamp with a time zone."""


class Engine(ABC):
    """Holds the data while a pipeline runs.

    Features are written as Narwhals expressions, which any engine runs; what an engine does in
    its own way is here: opening a source, keeping a result, making a small table, writing.

    Attributes
    ----------
    local : bool
        Whether it works in this process: what it holds may be laid out in arrays here. Where not,
        results stay in the engine, which writes them.
    errors : tuple of exception types
        What it raises where data cannot be read.

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
        self._spill = spill or Path(tempfile.gettempdir())
        self._scratch: Path | None = None
        self._held = ExitStack()
        self._kept: dict[str, nw.LazyFrame[Any]] = {}

    @property
    @abstractmethod
    def errors(self) -> tuple[type[Exception], ...]:
        """What it raises where data cannot be read."""

    @property
    def threads(self) -> int:
        """How many threads of this process work for it."""
        return 1

    @abstractmethod
    def embedded(self) -> DuckDBEngine:
        """Return a DuckDB engine for tables that are small: itself where it is one."""

    @abstractmethod
    def read_parquet(
        self, files: Sequence[str | Path], *, folder: Path | None = None, source: str
    ) -> nw.LazyFrame[Any]:
        """Open Parquet files, or folders by URI where the engine reaches them; columns by name.

        Files of a partitioned `folder` get its columns too where the engine makes them.
        """

    @abstractmethod
    def read_csv(
        self, files: Sequence[Path], *, delimiter: str, names: Sequence[str], source: str
    ) -> nw.LazyFrame[Any]:
        """Open CSV files with a header, every column as text."""

    @abstractmethod
    def read_frame(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        """Take a frame of this engine as it is; None for frames of others."""

    @abstractmethod
    def read_arrow(self, table: Any) -> nw.LazyFrame[Any]:
        """Take an Arrow table, or a reader of record batches."""

    @abstractmethod
    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        """Return a small table (calendars, codes) made of sequences of plain values or arrays."""

    @abstractmethod
    def persist(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep it, spilling to disk where it is large."""

    @abstractmethod
    def save(self, frame: nw.LazyFrame[Any], path: Path) -> None:
        """Have the engine write a frame as Parquet: a file, or a folder of files."""

    @abstractmethod
    def permanent_random_numbers(
        self, frame: nw.LazyFrame[Any], column: str, seed: int, name: str
    ) -> nw.LazyFrame[Any]:
        """Add the permanent random number of each value of a column, int64.

        The first 13 hexadecimal digits of the MD5 of ``"<seed> <value>"``, read as an integer from
        0 to below `PERMANENT_RANDOM_NUMBERS`: the same on every engine and in any row order.
        """

    def micros(self, frame: nw.LazyFrame[Any], *columns: str) -> nw.LazyFrame[Any]:
        """Turn naive UTC timestamps into microseconds since 1970, int64, null where they are."""
        return frame.with_columns((nw.col(c) - EPOCH).dt.total_microseconds() for c in columns)

    def once(self, key: str, make: Callable[[], nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
        """Return what is kept under `key`, computing and keeping it the first time."""
        if key not in self._kept:
            self._kept[key] = self.persist(make())
        return self._kept[key]

    def rows(self, frame: nw.LazyFrame[Any], *, source: str) -> list[dict[str, Any]]:
        """Compute a frame of few rows and return them.

        Raises
        ------
        InputError
            Where the engine cannot read what it is given; the message begins with `source`.
        """
        try:
            found: list[dict[str, Any]] = frame.collect("pyarrow").to_native().to_pylist()
        except self.errors as error:
            raise InputError(f"{source}: cannot be read: {one_line(error)}") from None
        return found

    def batches(self, frame: nw.LazyFrame[Any]) -> Iterator[dict[str, AnyArray]]:
        """Compute a frame and yield its columns as arrays, some rows at a time where it can."""
        collected = frame.collect("pyarrow")
        yield {name: collected[name].to_numpy() for name in collected.columns}

    def pandas(self, frame: nw.LazyFrame[Any]) -> pd.DataFrame:
        """Compute a frame that fits into memory and return it as pandas."""
        found: pd.DataFrame = frame.collect("pandas").to_native()
        return found

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

    def close(self) -> None:
        """Let go of all that is kept; frames opened here can no longer be read."""
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


class LazyEngine(Engine):
    """An engine whose tables are read by Narwhals expressions, and two things it does itself."""

    @abstractmethod
    def typed(self, frame: nw.LazyFrame[Any], kinds: Mapping[str, Kind]) -> nw.LazyFrame[Any]:
        """Give columns the type of their kind, null where a value is none of it.

        ``timestamp``: naive UTC, in microseconds. ``number``: float64. ``integer``: int64, where
        whole and written as such. ``text``: empty text is null. ``id``: text, of a whole number
        without decimals. Columns without a kind stay.
        """

    @abstractmethod
    def hashed(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], name: str
    ) -> nw.LazyFrame[Any]:
        """Add an int64 column that tells the values of a row's `columns`."""


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
