"""Spark engine: an existing session, or a local session that is stopped after the run."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import narwhals as nw

from engagement_ml.config import EngineConfig, is_uri
from engagement_ml.engine import spark_sql
from engagement_ml.engine.base import Kind, LazyEngine, one_line
from engagement_ml.engine.duckdb import DuckDBEngine
from engagement_ml.engine.files import column_names, partition_keys, without
from engagement_ml.engine.notation import PLAIN, Notation
from engagement_ml.errors import OutputError
from engagement_ml.faults import machine_fault

if TYPE_CHECKING:
    import pandas as pd

NANOS = "spark.sql.legacy.parquet.nanosAsLong"


class SparkEngine(LazyEngine):
    """Spark session with the frames that a pipeline caches in it.

    Timestamps are ``TIMESTAMP_NTZ`` in UTC, so that results do not depend on the session's time
    zone, which is never changed.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    owned : bool
        Whether the session was created for this engine; the engine then stops it.
    spill : path, optional
        Folder for files that are needed until the engine is closed.
    """

    local: ClassVar[bool] = False

    def __init__(self, session: Any, *, owned: bool = False, spill: Path | None = None) -> None:
        super().__init__(spill)
        self.session = session
        self._owned = owned
        self._cached: list[Any] = []
        self._settings: dict[str, str] = {}
        self._embedded: DuckDBEngine | None = None

    @classmethod
    def connect(cls, config: EngineConfig, session: Any = None) -> Self:
        """Use `session`, else the active session, else start one with the settings of `config`.

        Raises
        ------
        MissingDependencyError
            If PySpark or Java is absent or too old.
        InputError
            If Spark rejects a setting.
        """
        from engagement_ml.engine.spark_session import active_session, make_session

        spill = Path(config.spill) if config.spill else None
        existing = session if session is not None else active_session()
        if existing is not None:
            return cls(existing, spill=spill)
        return cls(make_session(config), owned=True, spill=spill)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Exceptions that Spark raises if data cannot be read."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        return (PySparkException, Py4JError)

    @property
    def data_errors(self) -> tuple[type[Exception], ...]:
        """Errors of values, files and memory, which Spark raises while a job runs."""
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import (
            ArithmeticException,
            ArrayIndexOutOfBoundsException,
            DateTimeException,
            NumberFormatException,
            SparkRuntimeException,
        )

        return (
            ArithmeticException,
            ArrayIndexOutOfBoundsException,
            DateTimeException,
            NumberFormatException,
            SparkRuntimeException,
            Py4JJavaError,
        )

    def close(self) -> None:
        """Free the cache, restore changed settings and stop the session if this engine owns it."""
        for frame in self._cached:
            frame.unpersist()
        self._cached.clear()
        for key, before in self._settings.items():
            self.session.conf.set(key, before)
        if self._owned:
            self.session.stop()
        super().close()

    def embedded(self) -> DuckDBEngine:
        """Return a DuckDB engine for small tables."""
        if self._embedded is None:
            self._embedded = self.hold(DuckDBEngine.connect())
        return self._embedded

    def read_parquet(
        self, files: Sequence[str | Path], *, folder: Path | None = None, source: str
    ) -> nw.LazyFrame[Any]:
        """Open Parquet files or URIs; columns are matched by name, partitions add columns."""
        reader = self.session.read.option("mergeSchema", "true")
        local = [Path(file).absolute() for file in files if not is_uri(file)]
        root = None if folder is None else folder.absolute()
        keys = partition_keys(local, root)
        added = without(keys, column_names(local)) if keys else {}
        if root is not None and added == keys and keys:
            reader = reader.option("basePath", _url(root))
        nanos = spark_sql.nanoseconds(local[0]) if local else []
        if nanos:
            self._set(NANOS, "true")
        try:
            native = reader.parquet(*(str(f) if is_uri(f) else _literal_url(f) for f in files))
        except self.errors as error:
            raise self.read_error(error, source) from None
        columns = spark_sql.from_nanoseconds(native.columns, nanos)
        if added != keys:
            # Spark's own reading of the folders would replace the columns of the files.
            columns += [spark_sql.key_value(key, of_type) for key, of_type in added.items()]
        return _lazy(native.selectExpr(*columns))

    def read_csv(
        self,
        files: Sequence[Path],
        *,
        delimiter: str,
        names: Sequence[str],
        source: str,
        keys: Sequence[str] = (),
    ) -> nw.LazyFrame[Any]:
        """Open CSV files with a header, every column as text; a malformed line raises an error."""
        schema = ", ".join(f"{spark_sql.quoted(name)} STRING" for name in names)
        reader = self.session.read.options(
            sep=delimiter, header=True, quote='"', escape='"', multiLine=True, mode="FAILFAST"
        )
        native = reader.schema(schema).csv([_literal_url(file) for file in files])
        added = [spark_sql.key_value(key, "VARCHAR") for key in keys]
        return _lazy(native.selectExpr("*", *added) if added else native)

    def read_frame(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        """Return a PySpark frame unchanged."""
        return frame if frame.implementation.is_spark_like() else None

    def read_arrow(self, table: Any) -> nw.LazyFrame[Any]:
        """Copy an Arrow table to Spark; a reader is read completely, so it should be small."""
        import pyarrow as pa

        complete = table.read_all() if isinstance(table, pa.RecordBatchReader) else table
        return _lazy(self.session.createDataFrame(spark_sql.plain_arrow(complete)))

    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        """Return a small table from sequences of plain values or arrays."""
        import pyarrow as pa

        return self.read_arrow(pa.table({k: pa.array(v) for k, v in columns.items()}))

    def persist(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Cache a frame in memory and on disk when it is first computed."""
        native = frame.to_native().cache()
        self._cached.append(native)
        return _lazy(native)

    def save(
        self, frame: nw.LazyFrame[Any], path: Path, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write a frame as a folder of Parquet files.

        Raises
        ------
        OutputError
            If Spark cannot write to `path`.
        """
        native = frame.to_native()
        # Spark reads a dot as a field of a record.
        plain = [name for name in native.columns if name.isidentifier()]
        if metadata and plain:
            native = native.withMetadata(plain[0], dict(metadata))
        try:
            native.write.parquet(_url(path), mode="overwrite", compression="zstd")
        except self.errors as error:
            unwritable = OutputError(f"{path.name}: Spark cannot write it: {one_line(error)}")
            raise machine_fault(error) or unwritable from None
        for extra in [*path.rglob(".*.crc"), *path.glob("_SUCCESS")]:
            extra.unlink()

    def micros(self, frame: nw.LazyFrame[Any], *columns: str) -> nw.LazyFrame[Any]:
        """Convert naive UTC timestamps to microseconds since 1970, int64; nulls stay null."""
        names = frame.collect_schema().names()
        return self._select(frame, {n: spark_sql.micros(n) for n in names if n in columns})

    def pandas(self, frame: nw.LazyFrame[Any]) -> pd.DataFrame:
        """Compute a frame that fits into memory and return it as pandas, through Arrow."""
        computed: pd.DataFrame = frame.collect("pyarrow").to_native().to_pandas()
        return computed

    def permanent_random_numbers(
        self, frame: nw.LazyFrame[Any], column: str, seed: int, name: str
    ) -> nw.LazyFrame[Any]:
        """Add the permanent random number of each value of a column; see ``Engine``."""
        number = spark_sql.permanent_random_number(column, seed)
        return _lazy(frame.to_native().selectExpr("*", f"{number} AS {name}"))

    def typed(
        self,
        frame: nw.LazyFrame[Any],
        kinds: Mapping[str, Kind],
        notation: Notation = PLAIN,
        naive: Collection[str] = (),
    ) -> nw.LazyFrame[Any]:
        """Cast columns to the type of their kind; values that do not fit become null."""
        fields = {f.name: f.dataType.typeName() for f in frame.to_native().schema.fields}
        changed = {
            n: spark_sql.typed(n, fields[n], kinds[n], notation, naive=n in naive) for n in kinds
        }
        return self._select(frame, changed)

    def project(
        self, frame: nw.LazyFrame[Any], columns: Mapping[str, str], where: str | None = None
    ) -> nw.LazyFrame[Any]:
        """Return columns by SQL of Spark, of the rows for which a condition holds."""
        native = frame.to_native()
        rows = native if where is None else native.where(where)
        selected = (f"{sql} AS {spark_sql.quoted(name)}" for name, sql in columns.items())
        return _lazy(rows.selectExpr(*selected))

    def hashed(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], name: str
    ) -> nw.LazyFrame[Any]:
        """Add an int64 hash of each row's `columns`."""
        return _lazy(frame.to_native().selectExpr("*", f"{spark_sql.hashed(columns)} AS {name}"))

    def _select(self, frame: nw.LazyFrame[Any], changed: Mapping[str, str]) -> nw.LazyFrame[Any]:
        native = frame.to_native()
        parts = (
            f"{changed[name]} AS {spark_sql.quoted(name)}"
            if name in changed
            else spark_sql.quoted(name)
            for name in native.columns
        )
        return _lazy(native.selectExpr(*parts))

    def _set(self, key: str, value: str) -> None:
        self._settings.setdefault(key, self.session.conf.get(key))
        self.session.conf.set(key, value)


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame


def _url(path: str | Path) -> str:
    # Without a scheme, a cluster would look in its own file system.
    return f"file://{Path(path).absolute()}"


def _literal_url(path: str | Path) -> str:
    """Return the URL of a file to read, in which no character is a wildcard."""
    return re.sub(r"([][*?{}\\])", r"\\\1", _url(path))
