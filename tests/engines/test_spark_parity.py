"""Scores on Spark, in a session whose zone is not UTC, are those of every other reader."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

import engagement_ml as em
from tests.metric.parity import AS_OF, HOSTILE, METRIC, MOMENTS, Row, expected

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
COLUMNS = {"customer_id": "user", "timestamp": "mo.ment", "event_type": "e`vent", "event_id": "n_0"}


def rows() -> list[Row]:
    draw = random.Random(7)
    pools = (
        ["a", "b", "c", None, "null", " "],
        MOMENTS,
        [HOSTILE, "review", "visit", "unseen", "", None],
        [None, "", *map(str, range(60))],
    )
    return [tuple(draw.choice(pool) for pool in pools) for _ in range(150)]  # type: ignore[misc]


def by_customer(frame: Any) -> dict[str, float]:
    return {row[0]: row[1] for row in frame.collect()}


@pytest.fixture
def frames(spark_session: Any) -> dict[bool, Any]:
    """The events with moments that have a zone, and with moments that have none."""
    from pyspark.sql.types import StringType, StructField, StructType, TimestampNTZType
    from pyspark.sql.types import TimestampType as ZonedType

    made = {}
    for zoned, moment in ((False, TimestampNTZType()), (True, ZonedType())):
        utc = dt.UTC if zoned else None
        values = [(c, m and m.replace(tzinfo=utc), e, i) for c, m, e, i in rows()]
        types = (StringType(), moment, StringType(), StringType())
        fields = [StructField(*field) for field in zip(COLUMNS, types, strict=True)]
        made[zoned] = spark_session.createDataFrame(values, StructType(fields))
    return made


@pytest.mark.seldom
def test_scores_of_events_do_not_depend_on_the_zone_of_the_session(
    spark_session: Any, frames: dict[bool, Any]
) -> None:
    assert spark_session.conf.get("spark.sql.session.timeZone") == "America/New_York"
    scores = pytest.approx(expected(rows()), abs=1e-9)
    for zoned, frame in frames.items():
        assert by_customer(METRIC.score_events(frame, AS_OF)) == scores, zoned
        frame.toDF(*COLUMNS.values()).createOrReplaceTempView("parity_log")
        sql = METRIC.to_sql_events("parity_log", AS_OF, "spark", columns=COLUMNS)
        found = spark_session.sql(sql)
        assert found.columns == ["user", "score"]
        assert by_customer(found) == scores, zoned
    customers = spark_session.createDataFrame([("a",), ("z",), (None,)], "customer_id string")
    only = pytest.approx(expected(rows(), ["a", "z"]), abs=1e-9)
    assert by_customer(METRIC.score_events(frames[True], AS_OF, customers)) == only


def test_the_workflow_gives_the_same_scores(frames: dict[bool, Any]) -> None:
    scored = em.score(METRIC, frames[True], as_of=AS_OF, progress=False).frame
    assert dict(zip(scored["customer_id"], scored["score"], strict=True)) == pytest.approx(
        expected(rows()), abs=1e-9
    )


@pytest.mark.seldom
def test_counts_under_any_name_are_scored_in_python_and_sql(spark_session: Any) -> None:
    counts = (7.0, 2.0, None, float("nan"), float("inf"), -1.0)
    names = ["id.", HOSTILE, "review", "visit", "Score"]
    values = [(n, count, count, count, "x") for n, count in enumerate(counts)]
    frame = spark_session.createDataFrame(values, "a int, b double, c double, d double, e string")
    frame = frame.toDF(*names)
    frame.createOrReplaceTempView("parity_counts")
    sql = METRIC.to_sql("parity_counts", "spark", columns={"customer_id": "id."})
    found = by_customer(spark_session.sql(sql))
    assert [found[n] for n in (2, 3, 4, 5)] == [0.0, 0.0, 100.0, 0.0]
    assert 0 < found[1] < found[0] < 100
    scored = METRIC.score(frame)
    assert scored.columns == [*names[:4], "score"]
    assert {row[0]: row[4] for row in scored.collect()} == pytest.approx(found, abs=1e-9)
    points = METRIC.explain(frame).collect()
    assert [sum(row[:3]) for row in points] == pytest.approx(list(found.values()), abs=1e-9)
