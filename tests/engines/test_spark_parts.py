"""Amounts of parts of margin on Spark equal those on DuckDB."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers import period_days
from engagement_ml.engine import open_duckdb
from engagement_ml.features import build_panel, build_periods
from engagement_ml.windows import plan_windows
from tests.features.test_part_totals import SETTINGS, tables_of, totals_of, values_of

pytestmark = [
    pytest.mark.spark,
    pytest.mark.seldom,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def test_spark_gives_the_same_amounts(spark_engine: Any, small_shop: Any) -> None:
    config = parse_config(SETTINGS)
    theirs = tables_of(small_shop, spark_engine, config)
    spark_values, spark = values_of(theirs, ["product"]), totals_of(theirs, config)
    with open_duckdb() as engine:
        tables = tables_of(small_shop, engine, config)
        windows = plan_windows(tables.history, config.windows)
        panel = build_panel(tables, config, windows)
        days = period_days(config.windows)
        periods = build_periods(tables, config, until=windows.fit_until, period_days=days)
        assert spark_values == values_of(tables, ["product"])
        duckdb = totals_of(tables, config)
    for name in duckdb.names:
        left, right = spark.periods(name, periods), duckdb.periods(name, periods)
        for amount in ("gain", "loss", "orders"):
            np.testing.assert_array_equal(getattr(left, amount), getattr(right, amount))
        frames = (totals.panel(name, panel, windows).frame for totals in (spark, duckdb))
        np.testing.assert_array_equal(*(frame["margin"].to_numpy() for frame in frames))
