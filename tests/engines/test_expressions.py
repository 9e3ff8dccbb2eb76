"""Expressions on Spark: the values of every case are those on DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engagement_ml.expressions.compiler import compile_value
from engagement_ml.expressions.dialects import SparkDialect
from engagement_ml.expressions.types import spark_type
from tests.expressions.test_values import CASES, check_values, scope_of, write_table


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_values_on_spark(spark_engine: Any, tmp_path: Path) -> None:
    frame = spark_engine.read_parquet([write_table(tmp_path)], source="table")
    types = {f.name: spark_type(f.dataType) for f in frame.to_native().schema.fields}
    scope = scope_of(SparkDialect(), types)
    columns = {f"c{i}": compile_value(case, scope).sql for i, case in enumerate(CASES)}
    check_values(spark_engine.rows(spark_engine.project(frame, columns), source="table"))
