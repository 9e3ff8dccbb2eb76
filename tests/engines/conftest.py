"""Polars and Spark as engines; Spark starts once for all tests of a process."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from engagement_ml.config import EngineConfig
from engagement_ml.engine import DuckDBEngine, LazyEngine, open_engine
from engagement_ml.engine.notation import PLAIN, Notation
from engagement_ml.errors import MissingDependencyError

# Compilation would dominate for small tables; results must not depend on the time zone.
SPARK = {
    "spark.sql.shuffle.partitions": 1,
    "spark.default.parallelism": 1,
    "spark.sql.adaptive.enabled": False,
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.session.timeZone": "America/New_York",
}


class PolarsEngine(LazyEngine):
    """Polars engine, which shows that the expressions run on it."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (pl.exceptions.PolarsError,)

    def embedded(self) -> DuckDBEngine:
        raise AssertionError("no table is small here")

    def read_parquet(
        self, files: Sequence[str | Path], *, folder: Path | None = None, source: str
    ) -> nw.LazyFrame[Any]:
        return nw.from_native(pl.scan_parquet(list(files)))

    def read_csv(
        self,
        files: Sequence[Path],
        *,
        delimiter: str,
        names: Sequence[str],
        source: str,
        keys: Sequence[str] = (),
    ) -> nw.LazyFrame[Any]:
        return nw.from_native(pl.scan_csv(list(files), separator=delimiter, infer_schema=False))

    def read_frame(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        return frame if frame.implementation.is_polars() else None

    def read_arrow(self, table: Any) -> nw.LazyFrame[Any]:
        return nw.from_native(pl.from_arrow(table).lazy())

    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        return nw.from_native(pl.LazyFrame(dict(columns)))

    def persist(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return nw.from_native(frame.to_native().collect().lazy())

    def save(self, frame: nw.LazyFrame[Any], path: Path) -> None:
        frame.to_native().sink_parquet(path)

    def project(
        self, frame: nw.LazyFrame[Any], columns: Mapping[str, str], where: str | None = None
    ) -> nw.LazyFrame[Any]:
        raise AssertionError("no table has a shape here")

    def typed(
        self,
        frame: nw.LazyFrame[Any],
        kinds: Mapping[str, Any],
        notation: Notation = PLAIN,
        naive: Collection[str] = (),
    ) -> nw.LazyFrame[Any]:
        assert notation == PLAIN
        types = {"timestamp": pl.Datetime("us"), "number": pl.Float64, "integer": pl.Int64}
        schema = frame.collect_schema()

        def value(column: str, kind: str) -> pl.Expr:
            if kind in types:
                return pl.col(column).cast(types[kind], strict=False)
            text = pl.col(column).cast(pl.String, strict=False)
            if kind == "id" and schema[column].is_float():
                return text.str.strip_suffix(".0")
            return pl.when(text != "").then(text).alias(column) if kind == "text" else text

        return nw.from_native(
            frame.to_native().with_columns(value(c, kind) for c, kind in kinds.items())
        )

    def hashed(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], name: str
    ) -> nw.LazyFrame[Any]:
        row_hash = (pl.struct(columns).hash() // 2).cast(pl.Int64)
        return nw.from_native(frame.to_native().with_columns(row_hash.alias(name)))

    def permanent_random_numbers(
        self, frame: nw.LazyFrame[Any], column: str, seed: int, name: str
    ) -> nw.LazyFrame[Any]:
        def number(value: Any) -> int:
            return int(hashlib.md5(f"{seed} {value}".encode()).hexdigest()[:13], 16)

        numbers = pl.col(column).map_elements(number, return_dtype=pl.Int64)
        return nw.from_native(frame.to_native().with_columns(numbers.alias(name)))


@pytest.fixture
def polars_engine() -> Iterator[PolarsEngine]:
    with PolarsEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def spark_session() -> Iterator[Any]:
    """An active session: engines that are opened use it and leave it open."""
    config = EngineConfig(kind="spark", memory="1GB", threads=2, options=SPARK)
    try:
        engine: Any = open_engine(config)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    with engine:
        yield engine.session


@pytest.fixture
def spark_engine(spark_session: Any) -> Iterator[Any]:
    with open_engine(EngineConfig(kind="spark")) as engine:
        assert engine.session is spark_session  # type: ignore[attr-defined]
        yield engine
