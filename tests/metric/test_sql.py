from __future__ import annotations

import dataclasses

import duckdb
import pyarrow as pa
import pytest

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric

HOSTILE = 'it\'s "a" `b` \\ naïve\n-- ; DROP TABLE x 日本'


@pytest.fixture
def hostile(metric) -> EngagementMetric:
    first = dataclasses.replace(metric.behaviours[0], behaviour=HOSTILE)
    return dataclasses.replace(metric, behaviours=(first, *metric.behaviours[1:]))


def test_names_with_quotes_and_newlines_are_safe_in_duckdb(hostile):
    features = pa.table({"customer_id": [1], HOSTILE: [12], "review": [20], "visit": [40]})
    events = pa.table(
        {
            "customer_id": [1] * 12,
            "timestamp": pa.array(["2024-03-01"] * 12).cast(pa.timestamp("us")),
            "event_type": [HOSTILE] * 12,
        }
    )
    with duckdb.connect() as connection:
        connection.register("features", features)
        connection.register("my events", events)
        assert connection.execute(hostile.to_sql()).fetchone() == (1, pytest.approx(100))
        sql = hostile.to_sql_events("my events", "2024-04-01")
        assert connection.execute(sql).fetchone() == (1, pytest.approx(41.2))


@pytest.mark.parametrize(
    ("dialect", "name", "text", "double"),
    [
        ("duckdb", '"it\'s ""a""', "'it''s \"a\"", "AS DOUBLE)"),
        ("postgres", '"it\'s ""a""', "'it''s \"a\"", "AS DOUBLE PRECISION)"),
        ("snowflake", '"it\'s ""a""', "'it''s \"a\" `b` \\\\ naïve\\n", "AS DOUBLE)"),
        ("spark", '`it\'s "a" ``b`` \\ ', "'it\\'s \"a\" `b` \\\\ naïve\\n", "AS DOUBLE)"),
        ("bigquery", '`it\'s "a" \\`b\\` \\\\ ', "'it\\'s \"a\" `b` \\\\ naïve\\n", "AS FLOAT64)"),
    ],
)
def test_each_dialect_has_its_quoting_rules(hostile, dialect, name, text, double):
    wide = hostile.to_sql(dialect=dialect)
    assert name in wide
    assert double in wide
    assert text in hostile.to_sql_events("events", "2024-04-01", dialect=dialect)


def test_a_table_may_have_a_schema_and_a_name_that_needs_quotes(metric):
    assert "FROM mart.features\n" in metric.to_sql("mart.features")
    assert 'FROM "my mart"."select *"\n' in metric.to_sql("my mart.select *")
    assert "FROM `my mart`.`f`\n" in metric.to_sql("my mart.f", dialect="spark")


def test_an_unknown_dialect_names_the_nearest(metric):
    with pytest.raises(InputError, match=r"'duckdbb' is not known \(did you mean 'duckdb'"):
        metric.to_sql(dialect="duckdbb")


def test_the_window_is_half_open_and_in_utc(metric):
    sql = metric.to_sql_events("events", "2024-04-01T02:00:00+02:00")
    assert "-- events from 2024-01-08 00:00:00 until before 2024-04-01 00:00:00, in UTC" in sql
    assert "epoch_us(timestamp) < 1711929600000000" in sql
    sql = metric.to_sql_events("events", "2024-04-01", dialect="trino")
    assert "timestamp < CAST('2024-04-01 00:00:00' AS TIMESTAMP)" in sql


def test_the_same_definition_gives_the_same_text(metric):
    again = EngagementMetric.from_json(metric.to_json())
    assert again.to_sql() == metric.to_sql()
