"""The configuration's shape on Spark: the same rows, notes and errors as on DuckDB."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engagement_ml.engine import Engine
from tests.doors import as_csv, as_pandas, as_parquet
from tests.tables import test_nested_shape, test_shape, test_unroll
from tests.tables.test_shape import Make

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
CHECKS: dict[str, tuple[Any, Callable[[Engine, Make], None]]] = {
    "log in CSV": (as_csv, test_shape.check_natural),
    "log in Parquet": (as_parquet, test_shape.check_natural),
    "local text": (as_csv, lambda e, m: test_shape.check_local_times(e, m, typed=False)),
    "local times in Parquet": (
        as_parquet,
        lambda e, m: test_shape.check_local_times(e, m, typed=True),
    ),
    "local times in pandas": (
        as_pandas,
        lambda e, m: test_shape.check_local_times(e, m, typed=True),
    ),
    "times with a zone": (as_parquet, test_shape.check_zones_are_kept),
    "text milliseconds": (as_csv, lambda e, m: test_shape.check_epochs(e, m, "epoch ms")),
    "nanoseconds": (as_parquet, lambda e, m: test_shape.check_epochs(e, m, "epoch ns")),
    "misread number": (as_parquet, lambda e, m: test_shape.check_misread(e, m, "milliseconds")),
    "misread text": (as_csv, lambda e, m: test_shape.check_misread(e, m, "other format")),
    "no number": (as_csv, lambda e, m: test_shape.check_no_number(e, m, "")),
    "subscriptions": (as_csv, test_unroll.check_unrolled),
    "weeks": (as_pandas, lambda e, m: test_unroll.check_periods(e, m, "week")),
}


EACH_TIME = ("log in CSV", "times with a zone", "misread text")
"""Checks that run each time on Spark; the others if `ALL_TESTS` is set, and always elsewhere."""


@pytest.mark.parametrize("case", CHECKS)
def test_spark_reads_the_same(case: str, spark_engine: Engine, tmp_path: Path) -> None:
    if case not in EACH_TIME and "ALL_TESTS" not in os.environ:
        pytest.skip("runs on other engines; set ALL_TESTS=1 to run it on Spark as well")
    door, check = CHECKS[case]
    check(spark_engine, lambda frame, name: door(frame, tmp_path, name))


@pytest.mark.seldom
def test_a_pyspark_frame_is_read_alike(spark_engine: Any) -> None:
    def make(frame: pd.DataFrame, name: str) -> Any:
        return spark_engine.session.createDataFrame(frame.astype(object).where(frame.notna(), None))

    test_shape.check_natural(spark_engine, make)


def test_a_nested_export_is_read_alike(spark_engine: Engine, tmp_path: Path) -> None:
    test_nested_shape.check_ga4(spark_engine, tmp_path)
