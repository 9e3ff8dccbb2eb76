"""Segments, groups and cohorts on Spark equal those of DuckDB."""

from __future__ import annotations

from typing import Any

import pytest

from engagement_ml.engine import LazyEngine, open_duckdb
from engagement_ml.scorecard.cohorts import cohort_tables
from engagement_ml.scorecard.segments import find_behaviour_segments, groups_of, segment_card
from tests.scorecard import test_behaviour_segments as behaviour
from tests.scorecard import test_cohorts as cohorts

pytestmark = [
    pytest.mark.spark,
    pytest.mark.seldom,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def results(engine: Any) -> list[Any]:
    events, transactions, _ = behaviour.rows(n=150)
    context = behaviour.context_of(engine, events, transactions)
    found = find_behaviour_segments(context.tables, context.config, behaviour.HISTORY.end)
    split = groups_of(context.tables, context.config, found)
    assert split is not None
    groups = sorted(tuple(r.values()) for r in engine.rows(split.frame, source="groups"))
    signups = [None] * 4 + [cohorts.moment("2024-02-11")] * 4
    shop, _ = cohorts.shop(engine, cohorts.spread(60), signups, "event")
    tables = cohort_tables(shop, groups_of(shop.tables, shop.config))
    return [found.names, found.stability, segment_card(context, found), groups, tables]


def test_spark_equals_duckdb(spark_engine: LazyEngine) -> None:
    with open_duckdb(threads=1) as engine:
        expected = results(engine)

    assert results(spark_engine) == expected
