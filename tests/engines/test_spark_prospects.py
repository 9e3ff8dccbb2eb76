"""Prospects on Spark equal those on DuckDB."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.outcomes.test_prospects import prospects_of

pytestmark = [
    pytest.mark.spark,
    pytest.mark.seldom,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.mark.parametrize("starts", [None, "trial"])
def test_spark_gives_the_same_prospects(spark_engine: Any, starts: str | None) -> None:
    signups = {"eve": "2024-01-20", "bob": "2024-02-01"}
    left, right = prospects_of(signups, starts), prospects_of(signups, starts, spark_engine)
    assert left.left_out == right.left_out
    for name in ("ids", "entry", "bought", "entity", "day", "behaviour", "n"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
