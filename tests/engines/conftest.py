"""One Spark session for the tests of engines, and Polars as an engine of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engagement_ml.config import EngineConfig
from engagement_ml.engine.base import Engine
from engagement_ml.errors import MissingDependencyError

# Spark starts once: sockets to Java are closed when Python ends.
SPARK = {
    "spark.sql.shuffle.partitions": 1,
    "spark.default.parallelism": 1,
    "spark.sql.adaptive.enabled": False,
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.session.timeZone": "America/New_York",
}


@pytest.fixture(scope="session")
def spark_session() -> Iterator[Any]:
    """Spark, with a session time zone that must not matter."""
    config = EngineConfig(kind="spark", memory="1GB", threads=2, options=SPARK)
    try:
        engine = Engine.open(config)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    with engine:
        yield engine.session  # type: ignore[attr-defined]
