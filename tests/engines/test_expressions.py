"""Expressions on Spark: the values of every case are those on DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engagement_ml.engine.notation import Notation, spark_number_sql
from engagement_ml.engine.spark_formats import literal
from engagement_ml.engine.spark_sql import timestamp
from engagement_ml.expressions.compiler import compile_value
from engagement_ml.expressions.dialects import SparkDialect
from engagement_ml.expressions.types import spark_type
from tests.engine.test_notation import NUMBERS, TIMES
from tests.expressions.test_values import CASES, check_values, scope_of, write_table


@pytest.mark.seldom
@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_values_on_spark(spark_engine: Any, tmp_path: Path) -> None:
    frame = spark_engine.read_parquet([write_table(tmp_path)], source="table")
    types = {f.name: spark_type(f.dataType) for f in frame.to_native().schema.fields}
    scope = scope_of(SparkDialect(), types)
    columns = {f"c{i}": compile_value(case, scope).sql for i, case in enumerate(CASES)}
    check_values(spark_engine.rows(spark_engine.project(frame, columns), source="table"))


@pytest.mark.seldom
@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_texts_are_the_same_times_and_numbers_on_spark(spark_engine: Any) -> None:
    columns: dict[str, str] = {}
    expected: dict[str, Any] = {}
    for written, times in TIMES.items():
        for text, moment in times.items():
            name = f"c{len(columns)}"
            columns[name] = timestamp(literal(text), "string", Notation(format=written))
            expected[name] = moment
    for decimal, numbers in NUMBERS.items():
        for text, number in numbers.items():
            name = f"c{len(columns)}"
            columns[name] = spark_number_sql(literal(text), decimal)
            expected[name] = number
    frame = spark_engine.small({"x": [1]})
    (row,) = spark_engine.rows(spark_engine.project(frame, columns), source="test")
    wrong = {columns[n]: row[n] for n in columns if row[n] != expected[n]}
    assert not wrong
