"""Tables on Spark: the same as on DuckDB from every source; errors of one line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engagement_ml.config import EngineConfig, PipelineConfig, parse_config
from engagement_ml.engine import open_duckdb, open_engine
from engagement_ml.errors import EngagementError, InputError, MissingDependencyError
from engagement_ml.inputs import Tables, read_tables
from tests.features import test_panel

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
SETTINGS = test_panel.config(segments=["country"])


def summary(tables: Tables) -> tuple[Any, ...]:
    """Return what must be equal on every engine."""
    rows = tables.ledger
    assert rows is not None
    first = rows.filter(rows_of_one_customer()).collect("pyarrow").to_native().to_pandas()
    return (
        [(q.table, q.rows_read, q.rows_kept, q.dropped, q.first, q.last) for q in tables.quality],
        tables.history,
        tables.behaviours,
        dict(tables.event_counts),
        dict(tables.amounts),
        first.sort_values(["event_type", "day"]).to_dict("list"),
    )


def rows_of_one_customer() -> Any:
    import narwhals as nw

    return nw.col("customer_id") == 7


@pytest.fixture(scope="module")
def expected() -> tuple[Any, ...]:
    with open_duckdb(threads=1) as engine:
        return summary(read_tables(SETTINGS, engine, test_panel.frames()))


def nanoseconds(folder: Path) -> dict[str, Any]:
    """Parquet files as pandas 2 writes them, partitioned."""
    paths = {}
    for name, frame in test_panel.frames().items():
        zoned = frame.copy()
        for column in zoned.columns.intersection(["timestamp", "signup"]):
            zoned[column] = zoned[column].astype("datetime64[ns]")
        kind = "event_type" if name == "events" else None
        paths[name] = str(folder / f"{name}.parquet")
        zoned.to_parquet(paths[name], index=False, partition_cols=[kind] if kind else None)
    return paths


def session_frames(session: Any) -> dict[str, Any]:
    """Frames of a session in New York, with and without a time zone in the type."""
    frames = test_panel.frames()
    natives = {}
    for name, frame in frames.items():
        moments = [c for c in ("timestamp", "signup") if c in frame]
        texts = frame.assign(**{c: frame[c].dt.strftime("%Y-%m-%d %H:%M:%S") for c in moments})
        native = session.createDataFrame(texts.astype(object).where(texts.notna(), None))
        for column in moments:
            zoned = native.selectExpr("*", f"CAST({column} || '+00:00' AS timestamp) AS zoned_")
            naive = native.selectExpr("*", f"CAST({column} AS timestamp_ntz) AS zoned_")
            native = (zoned if name == "events" else naive).drop(column)
            native = native.withColumnRenamed("zoned_", column)
        natives[name] = native
    return natives


@pytest.mark.parametrize(
    "kind",
    [
        "parquet folder",
        pytest.param("zoned csv", marks=pytest.mark.seldom),
        pytest.param("nanoseconds", marks=pytest.mark.seldom),
        "session",
    ],
)
def test_every_source_gives_the_same_tables(
    kind: str, spark_engine: Any, expected: tuple[Any, ...], tmp_path: Path
) -> None:
    if kind == "session":
        sources = session_frames(spark_engine.session)
    elif kind == "nanoseconds":
        sources = nanoseconds(tmp_path)
    else:
        sources = test_panel.write_as(kind, test_panel.frames(), tmp_path)
    if kind == "parquet folder":
        sources["customers"] = f"file://{sources['customers']}/*"
    assert summary(read_tables(SETTINGS, spark_engine, sources)) == expected


def test_the_session_of_pyspark_frames_is_used_and_left_unchanged(spark_session: Any) -> None:
    frame = spark_session.range(3)
    before = dict(spark_session.sparkContext.getConf().getAll())
    zone = spark_session.conf.get("spark.sql.session.timeZone")
    with open_engine(EngineConfig(), {"events": frame, "customers": pd.DataFrame()}) as engine:
        assert not engine.local
        assert engine.session is spark_session  # type: ignore[attr-defined]
    assert spark_session.range(2).count() == 2
    assert spark_session.conf.get("spark.sql.session.timeZone") == zone == "America/New_York"
    assert dict(spark_session.sparkContext.getConf().getAll()) == before
    with open_engine(EngineConfig(kind="duckdb"), {"events": frame}) as engine:
        assert engine.local


def test_timestamps_do_not_depend_on_the_time_zone_of_the_session(spark_engine: Any) -> None:
    """Hours that New York skips in spring and repeats in autumn, before and after 1970."""
    texts = [
        "2024-03-10 02:30:00.000001",
        "2024-11-03T06:30:00.5Z",
        "2024-11-03 00:30:00-05:00",
        "1969-12-31 23:59:59.999999",
        "yesterday",
        "12:30:00",
        "",
    ]
    frame = spark_engine.read_arrow(pd_arrow(texts))
    typed = spark_engine.typed(frame, {"x": "timestamp"})
    found = [row["x"] for row in spark_engine.rows(typed, source="x")]
    assert found == [
        dt.datetime(2024, 3, 10, 2, 30, 0, 1),
        dt.datetime(2024, 11, 3, 6, 30, 0, 500000),
        dt.datetime(2024, 11, 3, 5, 30),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
        None,
        None,
        None,
    ]
    whole = [row["x"] for row in spark_engine.rows(spark_engine.micros(typed, "x"), source="x")]
    epoch, unit = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)
    assert whole == [None if moment is None else (moment - epoch) // unit for moment in found]


def pd_arrow(texts: list[str]) -> Any:
    import pyarrow as pa

    return pa.table({"x": texts})


EVENTS = (
    "customer_id,timestamp,event_type,event_id,value\n"
    "1,2024-01-02 10:00:00,visit,a,\n"
    "2,2024-01-03 11:00:00,visit,b,2.5\n"
)
TRANSACTIONS = "customer_id,timestamp,margin\n1,2024-01-01,5.25\n2,2024-01-05 23:59:59,-1\n"
CUSTOMERS = "customer_id,signup,age\n1,2023-12-01,30\n"


def text_in_a_number(tables: dict[str, str]) -> None:
    tables["events"] += "1,2024-01-02,visit,c,12 euros\n"


def unparsable_timestamp(tables: dict[str, str]) -> None:
    tables["events"] += "1,yesterday,visit,c,\n"


def the_future(tables: dict[str, str]) -> None:
    tables["events"] += "1,2199-01-02,visit,c,\n"


def mixed_zones(tables: dict[str, str]) -> None:
    tables["events"] += "1,2024-01-02 10:00:00+02:00,visit,c,\n"


def not_finite(tables: dict[str, str]) -> None:
    tables["transactions"] += "1,2024-01-02,inf\n"


def duplicate_customer(tables: dict[str, str]) -> None:
    tables["customers"] = CUSTOMERS + "1,2023-12-02,31\n"


def empty(tables: dict[str, str]) -> None:
    tables["transactions"] = "customer_id,timestamp,margin\n"


def one_customer(tables: dict[str, str]) -> None:
    for name in ("events", "transactions"):
        tables[name] = tables[name].replace("\n2,", "\n1,")


def too_many_fields(tables: dict[str, str]) -> None:
    tables["events"] += "1,2024-01-02,visit,c,1,2,3,4\n"


ERRORS: dict[Callable[[dict[str, str]], None], str] = {
    text_in_a_number: "events.csv: column 'value': expected a number, found '12 euros'",
    unparsable_timestamp: "column 'timestamp': expected a timestamp such as .*, found 'yesterday'",
    the_future: "expected no timestamp in the future, found '2199-01-02'",
    mixed_zones: r"'2024-01-02 10:00:00\+02:00' has a time zone and others have none",
    not_finite: "transactions.csv: column 'margin': expected a finite number, found 'inf'",
    duplicate_customer: "customers.csv: column 'customer_id': 1 occurs 2 times",
    empty: "transactions.csv: table 'transactions' is empty; it needs rows",
    one_customer: "there is only one customer, 1",
    too_many_fields: "events.csv: cannot be read",
}
AS_POLARS = (mixed_zones, duplicate_customer, one_customer, unparsable_timestamp, the_future)
"""Faults that the same expressions find on Polars."""


@pytest.mark.parametrize(
    "error_case",
    [
        pytest.param(case, marks=[pytest.mark.seldom] * (case in AS_POLARS), id=case.__name__)
        for case in ERRORS
    ],
)
def test_an_error_is_one_line(
    error_case: Callable[[dict[str, str]], None], spark_engine: Any, tmp_path: Path
) -> None:
    texts = {"events": EVENTS, "transactions": TRANSACTIONS, "customers": CUSTOMERS}
    error_case(texts)
    paths = {name: tmp_path / f"{name}.csv" for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text)
    with pytest.raises(EngagementError, match=ERRORS[error_case]) as caught:
        read_tables(PipelineConfig(name="shop"), spark_engine, paths)
    assert "\n" not in str(caught.value)


def test_dropped_rows_are_counted_by_reason(spark_engine: Any, tmp_path: Path) -> None:
    rows = (
        "1,2024-01-01 10:00,like,a,\n"  # the earlier of 'a' is kept
        ",2023-12-31 10:00,visit,a,\n"
        "1,2024-01-02 10:00,visit,,\n1,2024-01-02 10:00,visit,,\n"  # no id: no duplicate
        "2,,visit,d,\n2,2024-01-02,,e,\n2,2024-01-06 00:00:00,visit,f,\n"
    )
    (tmp_path / "events.csv").write_text(EVENTS + rows)
    (tmp_path / "transactions.csv").write_text(TRANSACTIONS)
    paths = {name: tmp_path / f"{name}.csv" for name in ("events", "transactions")}
    config = parse_config({"name": "shop"})
    tables = read_tables(config, spark_engine, paths)
    assert [(d.reason, d.rows) for d in tables.quality[0].dropped] == [
        ("null customer_id", 1),
        ("null timestamp", 1),
        ("null event_type", 1),
        ("repeated event_id", 1),
        ("after the last day of transactions", 1),
    ]
    kept = spark_engine.pandas(tables.events)
    assert kept.loc[kept["event_id"] == "a", "event_type"].tolist() == ["like"]
    assert len(kept) == tables.quality[0].rows_kept == 4


def test_sources_that_spark_cannot_read_are_errors(spark_engine: Any, tmp_path: Path) -> None:
    def read(source: Any) -> None:
        read_tables(PipelineConfig(name="shop"), spark_engine, {
            "events": source, "transactions": source,
        })  # fmt: skip

    with pytest.raises(InputError, match="which 'engine: spark' cannot read"):
        read("shop.duckdb::events")
    with pytest.raises(InputError, match="no such file for table 'events'"):
        read(tmp_path / "nothing.parquet")
    dotted = spark_engine.session.range(1).selectExpr(
        "id AS `customer.id`", "current_date() AS timestamp", "'x' AS event_type"
    )
    config = parse_config({"name": "x", "columns": {"events": {"customer_id": "customer.id"}}})
    with pytest.raises(InputError, match=r"column 'customer\.id': a dot in a name means a field"):
        read_tables(config, spark_engine, {"events": dotted, "transactions": dotted})
    with pytest.raises(InputError, match="column 'customer_id' is missing from table 'events'"):
        read(dotted)


def test_missing_java_and_pyspark_are_errors(monkeypatch: Any, tmp_path: Path) -> None:
    from engagement_ml.engine import spark_session

    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"needs Java 17 or newer, and .* is Java 11"):
        spark_session.check_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(MissingDependencyError, match="there is none in JAVA_HOME"):
        spark_session.check_java()
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'engagement-ml\[spark\]'"):
        open_engine(EngineConfig(kind="spark"))


def test_moments_and_stray_days_are_read_as_on_duckdb(spark_engine: Any, tmp_path: Path) -> None:
    """Text in every accepted form; strays, implausible days and sign-ups."""
    zones = ["2024-03-01 10:00:00+02", "2024/3/1 9:05:00 +0200", "2024-03-01T10:00:00.1234569Z",
             "2024-03-01 10:00:00 America/New_York", "2024-03-01 10:00:00 UTC"]  # fmt: skip
    events = pd.DataFrame({"customer_id": range(5), "timestamp": zones, "event_type": "visit"})
    days = pd.date_range("2024-01-01", "2024-04-30").strftime("%Y-%m-%d").tolist() * 2
    paid = pd.DataFrame(
        {"timestamp": [*days, "1970-01-01", "2010-05-05", "2025-10-01"], "margin": 1.0}
    )
    paid["customer_id"] = paid.index % 5
    signups = ["1970-01-01", "2020-01-01", None, None, None]
    customers = pd.DataFrame({"customer_id": range(5), "signup": signups})
    frames = {"events": events, "transactions": paid, "customers": customers}
    sources = {name: str(tmp_path / f"{name}[1].csv") for name in frames}
    for name, frame in frames.items():
        frame.to_csv(sources[name], index=False)
        frame.iloc[:0].to_csv(tmp_path / f"{name}1.csv", index=False)
    config = PipelineConfig(name="moments")

    def found(engine: Any) -> tuple[Any, ...]:
        tables = read_tables(config, engine, sources)
        assert tables.customers is not None
        moments = engine.rows(tables.events.sort("customer_id"), source="events")
        signup = engine.rows(tables.customers.sort("customer_id"), source="customers")
        kept = [(q.rows_kept, q.dropped, q.first, q.last) for q in tables.quality]
        return moments, signup, kept, tables.history, tables.notes

    with open_duckdb(threads=1) as engine:
        expected = found(engine)
    assert [q[0] for q in expected[2]] == [5, 242, 5]
    assert found(spark_engine) == expected


def test_folders_do_not_replace_columns(spark_engine: Any, tmp_path: Path) -> None:
    from engagement_ml.sources import open_source

    for day, customer in (("2024-01-01", 5), ("2024-01-02", 6)):
        folder = tmp_path / "tenant=9" / "events[1]" / f"customer_id={customer}" / f"day={day}"
        folder.mkdir(parents=True)
        pd.DataFrame({"customer_id": [1]}).to_parquet(folder / "a.parquet", index=False)
    source = tmp_path / "tenant=9" / "events[1]"
    expected = [{"customer_id": 1, "day": dt.date(2024, 1, i)} for i in (1, 2)]
    with open_duckdb(threads=1) as engine:
        frame = open_source(engine, source, table="events")
        assert engine.rows(frame.sort("day"), source="events") == expected
    frame = open_source(spark_engine, source, table="events")
    assert spark_engine.rows(frame.sort("day"), source="events") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("24-01-03", "expected a year of four digits first"),
        ("2024-01-03 10:00 CET", "expected a time zone as an offset or a name"),
        ("epoch", "expected a timestamp such as"),
    ],
)
def test_ambiguous_moments_are_refused(
    text: str, message: str, spark_engine: Any, tmp_path: Path
) -> None:
    for name, rows in (("events", EVENTS + f"1,{text},visit,c,\n"), ("transactions", TRANSACTIONS)):
        (tmp_path / f"{name}.csv").write_text(rows)
    sources = {name: str(tmp_path / f"{name}.csv") for name in ("events", "transactions")}
    with pytest.raises(InputError, match=f"column 'timestamp': {message}.* found '{text}'"):
        read_tables(PipelineConfig(name="moments"), spark_engine, sources)
