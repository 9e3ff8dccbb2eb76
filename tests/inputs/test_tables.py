"""Reading of tables: errors of one line, rows dropped and counted, rows kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import ConfigError, EngagementError, InputError, NotEnoughDataError
from engagement_ml.inputs import Dropped, Tables, read_tables
from engagement_ml.windows import History

EVENTS = (
    "customer_id,timestamp,event_type,event_id,value\n"
    "1,2024-01-02 10:00:00,visit,a,\n"
    "2,2024-01-03 11:00:00,visit,b,2.5\n"
    "2,2024-01-04 12:00:00,like,c,1\n"
)
TRANSACTIONS = (
    "customer_id,timestamp,margin\n1,2024-01-01 09:00:00,5.25\n2,2024-01-05 23:59:59,-1\n"
)
CUSTOMERS = "customer_id,signup,age,plan\n1,2023-12-01,30,basic\n2,,41,\n"


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_duckdb(threads=2) as opened:
        yield opened


def settings_for(**more: Any) -> PipelineConfig:
    return parse_config({"name": "tables", **more})


def read(
    engine: Engine,
    folder: Path,
    texts: Mapping[str, str] | None = None,
    config: PipelineConfig | None = None,
) -> Tables:
    written = {}
    for name, text in {"events": EVENTS, "transactions": TRANSACTIONS, **(texts or {})}.items():
        written[name] = folder / f"{name}.csv"
        written[name].write_text(text)
    return read_tables(config or settings_for(), engine, written)


def test_canonical_columns_and_types(engine: Engine, tmp_path: Path) -> None:
    tables = read(engine, tmp_path, {"customers": CUSTOMERS})
    events = tables.events.collect("polars").to_native()
    assert events.schema["timestamp"] == pl.Datetime("us")
    assert events.schema["customer_id"] == pl.Int64
    assert events["value"].to_list() == [None, 2.5, 1.0]
    transactions = tables.transactions.collect("polars").to_native()
    assert transactions["margin"].to_list() == [5.25, -1.0]
    assert tables.customers is not None
    customers = tables.customers.collect("polars").to_native()
    assert customers.to_dicts() == [
        {"customer_id": 1, "signup": dt.datetime(2023, 12, 1), "age": 30.0, "plan": "basic"},
        {"customer_id": 2, "signup": None, "age": 41.0, "plan": None},
    ]
    assert tables.surveys is None
    assert tables.history == History(dt.date(2024, 1, 2), dt.date(2024, 1, 6))
    assert tables.behaviours == ("like", "visit")
    assert tables.event_counts == {"like": 1, "visit": 2}
    quality = {q.table: q for q in tables.quality}
    assert list(quality) == ["events", "transactions", "customers"]
    assert quality["events"].first == dt.datetime(2024, 1, 2, 10)
    assert quality["events"].last == dt.datetime(2024, 1, 4, 12)
    assert quality["events"].dropped == ()
    assert (quality["events"].rows_read, quality["events"].rows_kept) == (3, 3)


def test_ignored_and_churn_events_are_not_behaviours(engine: Engine, tmp_path: Path) -> None:
    more = EVENTS + "1,2024-01-02,cancelled,d,\n1,2024-01-03,bot,e,\n"
    config = settings_for(
        churn={"kind": "event", "event_type": "cancelled"},
        behaviours={"bot": {"role": "ignore"}, "like": {"role": "confounder"}},
    )
    assert read(engine, tmp_path, {"events": more}, config).behaviours == ("like", "visit")


def test_columns_are_mapped(engine: Engine, tmp_path: Path) -> None:
    text = "customer_id,user,when,what\nx,1,2024-01-02,visit\ny,2,2024-01-03,visit\n"
    mapping = {"customer_id": "user", "timestamp": "when", "event_type": "what"}
    config = settings_for(columns={"events": mapping})
    events = read(engine, tmp_path, {"events": text}, config).events.collect("polars").to_native()
    assert events["customer_id"].to_list() == [1, 2]
    assert set(events.columns) == {"customer_id", "timestamp", "event_type"}


def test_margin_is_revenue_less_cost(engine: Engine, tmp_path: Path) -> None:
    header = "customer_id,timestamp,revenue,cost\n"
    text = header + "1,2024-01-01,10,4.5\n2,2024-01-05,3,\n2,2024-01-06,3,4\n"
    tables = read(engine, tmp_path, {"transactions": text})
    found = tables.transactions.collect("polars").to_native().sort("timestamp")
    assert found["margin"].to_list() == [5.5, -1.0]
    assert tables.quality[1].dropped == (Dropped("null margin", 1, 3.0, 3 / 16),)


def test_dropped_rows_are_counted_by_reason(engine: Engine, tmp_path: Path) -> None:
    text = (
        "customer_id,timestamp,event_type,event_id\n"
        "1,2024-01-02 10:00,visit,a\n"
        "1,2024-01-01 10:00,like,a\n"  # the earlier is kept
        ",2023-12-31 10:00,visit,a\n"  # earlier, but unusable
        "1,2024-01-02 10:00,visit,\n"
        "1,2024-01-02 10:00,visit,\n"  # without an id it is no duplicate
        "2,,visit,b\n"
        "2,2024-01-02,,c\n"
        "2,2024-01-05 23:59:59.999999,visit,d\n"
        "2,2024-01-06 00:00:00,visit,e\n"  # the day after the last transaction
        "2,2024-02-06 00:00:00,visit,f\n"
    )
    tables = read(engine, tmp_path, {"events": text})
    quality = tables.quality[0]
    assert (quality.rows_read, quality.rows_kept) == (10, 4)
    assert quality.dropped == (
        Dropped("null customer_id", 1),
        Dropped("null timestamp", 1),
        Dropped("null event_type", 1),
        Dropped("repeated event_id", 1),
        Dropped("after the last day of transactions", 2),
    )
    kept = tables.events.collect("polars").to_native()
    assert kept.filter(pl.col("event_id") == "a")["event_type"].to_list() == ["like"]
    assert set(kept.columns) == {"customer_id", "timestamp", "event_type", "event_id"}


@settings(max_examples=25, deadline=None)
@given(
    ids=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=2, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_duplicates_are_found_in_any_order(ids: list[str | None], order: Any) -> None:
    events = pd.DataFrame(
        {
            "customer_id": np.arange(len(ids)) % 2,
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(ids)), "h"),
            "event_type": "visit",
            "event_id": ids,
        }
    )
    paid = pd.DataFrame(
        {"customer_id": [0, 1], "timestamp": [pd.Timestamp("2024-02-01")] * 2, "margin": [1, 2]}
    )
    shuffled = events.sample(frac=1, random_state=order.randint(0, 999))
    first = events[events["event_id"].isna() | ~events["event_id"].duplicated()]
    with open_duckdb(threads=1) as engine:
        tables = read_tables(settings_for(), engine, {"events": shuffled, "transactions": paid})
        kept = tables.events.collect("pandas").to_native()
    assert sorted(kept["timestamp"]) == sorted(first["timestamp"])
    assert tables.quality[0].rows_read - tables.quality[0].rows_kept == len(ids) - len(first)


EVENT = "customer_id,timestamp,event_type\n"
RESERVED = EVENT + "1,2024-01-02,History\n2,2024-01-03,visit\n"
REFUSED: list[tuple[str, str, type[EngagementError], str]] = [
    ("events", "user_id,timestamp,event_type\n1,2024-01-01,a\n", InputError,
     "column 'customer_id' is missing from table 'events'; if it is 'user_id', write "
     "'columns: {events: {customer_id: user_id}}'; the columns are user_id, timestamp"),
    ("transactions", "customer_id,timestamp,margn\n1,2024-01-01,1\n", InputError,
     "column 'margin' (or 'revenue' with 'cost') is missing from table 'transactions'; if "
     "it is 'margn', write 'columns: {transactions: {margin: margn}}'"),
    ("transactions", "customer_id,timestamp,revenue\n1,2024-01-01,1\n", InputError,
     "column 'cost' (required with 'revenue'; or give 'margin') is missing"),
    ("events", EVENTS.replace("2.5", "n/a"), InputError,
     "column 'value', row 2: expected a number, found 'n/a'"),
    ("events", EVENTS.replace("2.5", "1e400"), InputError,
     "column 'value', row 2: expected a finite number, found '1e400'"),
    ("transactions", TRANSACTIONS.replace("5.25", "5,25").replace("5,25", '"5,25"'), InputError,
     "column 'margin', row 1: expected a number, found '5,25'"),
    ("transactions", TRANSACTIONS.replace("-1", "inf"), InputError,
     "column 'margin', row 2: expected a finite number, found 'inf'"),
    ("transactions", TRANSACTIONS.replace("-1", "NaN"), InputError,
     "column 'margin', row 2: expected a finite number, found 'NaN'"),
    ("transactions", TRANSACTIONS.replace("-1", "9e15"), InputError,
     "column 'margin', row 2: expected at most 1e12 in size; give it in a larger unit"),
    ("transactions", "customer_id,timestamp,revenue,cost\n1,2024-01-01,1,free\n", InputError,
     "column 'cost', row 1: expected a number, found 'free'"),
    ("events", EVENTS.replace("2024-01-03 11:00:00", "03.01.2024"), InputError,
     "column 'timestamp', row 2: expected a timestamp such as 2024-05-31 14:30:00, found "
     "'03.01.2024'"),
    ("events", EVENTS.replace("2024-01-03 11:00:00", "2024-02-30"), InputError,
     "column 'timestamp', row 2: expected a timestamp such as"),
    ("events", EVENTS.replace("2024-01-04 12:00:00", "2199-01-04 12:00:00"), InputError,
     "column 'timestamp', row 3: expected no timestamp in the future, found "
     "'2199-01-04 12:00:00'"),
    ("events", EVENTS.replace("2024-01-04 12:00:00", "2024-01-04T12:00:00+01:00"), InputError,
     "column 'timestamp', row 3: '2024-01-04T12:00:00+01:00' has a time zone and others have "
     "none"),
    ("events", EVENTS.replace("2024-01-02 10:00:00", "2024-01-02T10:00:00Z").replace(
        "2024-01-04 12:00:00", "2024-01-04T12:00:00Z"), InputError,
     "column 'timestamp', row 2: '2024-01-03 11:00:00' has no time zone and others have one"),
    ("events", RESERVED, InputError, "event type 'History' is a reserved name of results"),
    ("events", EVENTS.replace("00,visit,b", "00,Visit,b"), InputError,
     "event types 'Visit' and 'visit' differ only in case"),
    ("events", EVENT, NotEnoughDataError, "table 'events' is empty; it needs rows"),
    ("transactions", "customer_id,timestamp,margin\n", NotEnoughDataError,
     "table 'transactions' is empty"),
    ("events", EVENT + ",2024-01-01,a\n1,,a\n1,,a\n", NotEnoughDataError,
     "none of the 3 rows of table 'events' can be used (1 null customer_id, 2 null timestamp)"),
    ("events", EVENT + "1,2025-01-01,a\n", NotEnoughDataError,
     "can be used (1 after the last day of transactions)"),
    ("customers", CUSTOMERS + "2,2024-01-01,1,x\n", InputError,
     "column 'customer_id': 2 occurs 2 times; give one row per customer"),
    ("customers", CUSTOMERS.replace("2023-12-01", "last year"), InputError,
     "column 'signup', row 1: expected a timestamp"),
    ("surveys", "customer_id,timestamp,survey,score\n1,2024-01-01,nps,ten\n", InputError,
     "column 'score', row 1: expected a number, found 'ten'"),
    ("surveys", "customer_id,timestamp,survey,rating\n1,2024-01-01,nps,9\n", InputError,
     "column 'score' is missing from table 'surveys'; if it is 'rating', write"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "text", "error", "message"), REFUSED)
def test_unusable_values_are_named(
    engine: Engine,
    tmp_path: Path,
    table: str,
    text: str,
    error: type[EngagementError],
    message: str,
) -> None:
    with pytest.raises(error) as caught:
        read(engine, tmp_path, {table: text})
    assert type(caught.value) is error
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / f"{table}.csv"))
    assert "\n" not in str(caught.value)


def test_the_row_number_is_right_in_a_large_file(engine: Engine, tmp_path: Path) -> None:
    rows = [f"{i % 7},2024-01-01 10:00:00,visit,{i}" for i in range(1, 200_001)]
    rows[156_788] = "1,2024-01-01 10:00:00,visit,lots"
    text = "customer_id,timestamp,event_type,value\n" + "\n".join(rows) + "\n"
    with pytest.raises(InputError, match=r"column 'value', row 156789: .* found 'lots'"):
        read(engine, tmp_path, {"events": text})


def test_one_customer_is_not_enough(engine: Engine, tmp_path: Path) -> None:
    texts = {
        "events": EVENTS.replace("\n2,", "\n1,"),
        "transactions": TRANSACTIONS.replace("\n2,", "\n1,"),
    }
    with pytest.raises(NotEnoughDataError, match="there is only one customer, 1;"):
        read(engine, tmp_path, texts)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"behaviours": {"like": {"role": "ignore"}, "visit": {"role": "ignore"}}},
         r"key 'behaviours': .* has no event type to train on: .* \(like, visit\)"),
        ({"behaviours": {"vist": {}}},
         "key 'behaviours.vist': .* has no event of type 'vist' "
         r"\(did you mean 'visit'\?\); its event types are like, visit"),
        ({"churn": {"kind": "event", "event_type": "canceled"}},
         "key 'churn.event_type': .* has no event of type 'canceled'"),
        ({"segments": ["plann"]},
         r"has no column 'plann' \(did you mean 'plan'\?\)"),
    ],
)  # fmt: skip
def test_configured_names_that_the_data_lacks_are_errors(
    engine: Engine, tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read(engine, tmp_path, {"customers": CUSTOMERS}, settings_for(**more))


def test_segments_need_customers_and_tables_need_sources(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give 'sources.customers'"):
        read(engine, tmp_path, config=settings_for(segments=["plan"]))
    with pytest.raises(ConfigError, match=r"key 'sources.events' is missing"):
        read_tables(settings_for(), engine)
    with pytest.raises(InputError, match=r"'event' is not a table \(did you mean 'events'\?\)"):
        read_tables(settings_for(), engine, {"event": pd.DataFrame()})
    mapped = settings_for(columns={"events": {"customer_id": "usr"}})
    with pytest.raises(InputError, match=r"column 'usr', which 'columns: {events: {customer_id"):
        read(engine, tmp_path, config=mapped)


def frame(**columns: Any) -> pd.DataFrame:
    usual = {
        "customer_id": [1, 2],
        "timestamp": pd.to_datetime(["2024-01-02", "2024-01-03"]),
        "event_type": "visit",
    }
    return pd.DataFrame(usual | columns)


def paid(**columns: Any) -> pd.DataFrame:
    usual = {
        "customer_id": [1, 2],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-01-05"]),
        "margin": [1.5, 2.0],
    }
    return pd.DataFrame(usual | columns)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (frame(timestamp=[1704153600, 1704240000]), "column 'timestamp' holds BIGINT, not times"),
        (frame(value=pd.to_datetime(["2024-01-01"] * 2)), "column 'value' holds TIMESTAMP"),
        (frame(duration_seconds=["1", "long"]), "row 2: expected a number, found 'long'"),
        (frame(value=[1.0, "much"]), "column 'value', row 2: expected a number, found 'much'"),
        (frame(value=[1.0, np.inf]), "column 'value', row 2: expected a finite number"),
    ],
)
def test_frames_are_validated(engine: Engine, events: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=rf"^events \(pandas DataFrame\): .*{message}"):
        read_tables(settings_for(), engine, {"events": events, "transactions": paid()})


def test_missing_margins_of_a_frame_are_dropped(engine: Engine) -> None:
    given_frames = {"events": frame(), "transactions": paid(margin=[1.0, np.nan])}
    late = pd.DataFrame(
        {"customer_id": [2], "timestamp": [pd.Timestamp("2024-01-06")], "margin": [3]}
    )
    given_frames["transactions"] = pd.concat([given_frames["transactions"], late])
    tables = read_tables(settings_for(), engine, given_frames)
    assert tables.quality[1].dropped == (Dropped("null margin", 1),)
    polars = {"events": frame(), "transactions": pl.DataFrame(paid()).with_columns(
        margin=pl.Series([1.0, float("nan")]))}  # fmt: skip
    with pytest.raises(InputError, match="column 'margin', row 2: expected a finite number"):
        read_tables(settings_for(), engine, polars)


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Asia/Kolkata"])
def test_zones_become_utc(engine: Engine, tmp_path: Path, zone: str) -> None:
    moments = pd.to_datetime(["2024-03-10 06:59:59.999999", "2024-11-03 05:30:00.5"])
    plain = frame(timestamp=moments)
    zoned = frame(timestamp=moments.tz_localize("UTC").tz_convert(zone))
    late = paid(timestamp=pd.to_datetime(["2024-01-01", "2024-12-05"]))
    zoned.to_csv(tmp_path / "zoned.csv", index=False)
    in_zone = pl.col("timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    in_polars = pl.from_pandas(plain).with_columns(in_zone)
    in_polars.write_parquet(tmp_path / "zoned.parquet")
    expected = sorted(plain["timestamp"])
    fingerprints = set()
    for events in (
        plain,
        zoned,
        in_polars,
        tmp_path / "zoned.csv",
        tmp_path / "zoned.parquet",
    ):
        tables = read_tables(settings_for(), engine, {"events": events, "transactions": late})
        found = tables.events.collect("pandas").to_native()["timestamp"]
        assert found.dt.tz is None
        assert sorted(found) == expected
        fingerprints.add(tables.quality[0].fingerprint)
    assert len(fingerprints) == 1


def test_dates_are_midnights(engine: Engine) -> None:
    events = frame(timestamp=[dt.date(2024, 1, 2), dt.date(2024, 1, 3)])
    tables = read_tables(settings_for(), engine, {"events": events, "transactions": paid()})
    assert tables.quality[0].first == dt.datetime(2024, 1, 2)


@pytest.mark.parametrize(
    ("events_ids", "transactions_ids", "kept"),
    [
        ([1, 2], [1, 2], [1, 2]),
        ([1, 2], ["1", "2"], ["1", "2"]),
        ([1.0, 2.0], [1, 2], [1, 2]),
        ([1.0, 2.0], ["1", "2"], ["1", "2"]),
        ([1.0, 2.5], [1, 2], ["1", "2.5"]),
        (["01", "2"], ["1", "2"], ["01", "2"]),
        ([1, "x"], ["1", "x"], ["1", "x"]),
        (pd.Categorical(["a", "b"]), ["a", "b"], ["a", "b"]),
    ],
)
def test_ids_of_different_types_are_matched(
    engine: Engine, events_ids: Any, transactions_ids: Any, kept: Any
) -> None:
    tables = read_tables(
        settings_for(),
        engine,
        {
            "events": frame(customer_id=events_ids),
            "transactions": paid(customer_id=transactions_ids),
        },
    )
    found = tables.events.collect("pandas").to_native()["customer_id"]
    assert sorted(found) == kept


def test_ids_of_a_csv_keep_their_zeros(engine: Engine, tmp_path: Path) -> None:
    events = EVENTS.replace("\n1,", "\n007,")
    tables = read(engine, tmp_path, {"events": events})
    assert set(tables.events.collect("pandas").to_native()["customer_id"]) == {"007", "2"}


def test_the_fingerprint_depends_on_content_not_on_order(engine: Engine) -> None:
    def fingerprint(events: pd.DataFrame) -> str:
        given_frames = {"events": events, "transactions": paid()}
        return read_tables(settings_for(), engine, given_frames).quality[0].fingerprint

    events = frame(value=[1.0, 2.0])
    same = fingerprint(events)
    assert fingerprint(events.iloc[::-1]) == same
    assert fingerprint(events[events.columns[::-1]]) == same
    assert fingerprint(events.assign(session_id="s")) == same
    assert fingerprint(events.assign(value=[1.0, 2.5])) != same
    assert fingerprint(events.assign(value=[2.0, 1.0])) != same
    assert fingerprint(pd.concat([events, events])) != same
    assert fingerprint(events.drop(columns="value")) != same


def test_reading_twice_gives_the_same(engine: Engine, tmp_path: Path) -> None:
    first, second = (read(engine, tmp_path, {"customers": CUSTOMERS}) for _ in range(2))
    assert first.quality == second.quality
