"""Natural tables by the configuration's shape: the same as tables in the canonical form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import ConfigError, EngagementError
from engagement_ml.inputs import Tables, read_tables
from tests.doors import DOORS, Door, as_csv, as_pandas, as_parquet

Make = Callable[[pd.DataFrame, str], Any]
LOG = pd.DataFrame(
    {
        "User": ["7", "8", "7", "8", "7", "9"],
        "event_name": ["visit", "purchase", "purchase", "visit", "purchase", "purchase"],
        "status": ["ok", "ok", "ok", None, "test", None],
        "price": ["n/a", "1.234,50", "2,5", None, "9", "9"],
        "quantity": ["1", "2", "4", "1", "1", "1"],
        "cost": [None, "100", None, None, "1", "1"],
        "when": [
            "30.05.2024 00:30",
            "31.05.2024 14:30",
            "1.6.2024 0:30",
            "02.06.2024 10:00",
            "03.06.2024 10:00",
            "03.06.2024 11:00",
        ],
    }
)
"""One log of all events, in which purchases have a price: the only file of a small shop."""
SHAPE: dict[str, Any] = {
    "name": "shop",
    "columns": {"events": {"customer_id": "user", "timestamp": "when", "event_type": "event_name"}},
    "shape": {
        "events": {"where": "event_name <> 'purchase'", "format": "%d.%m.%Y %H:%M",
                   "timezone": "Europe/Berlin"},
        "transactions": {
            "where": "event_name = 'purchase' AND status <> 'test'",
            "format": "%d.%m.%Y %H:%M",
            "timezone": "Europe/Berlin",
            "decimal": ",",
            "values": {"margin": "price * quantity - coalesce(cost, 0)", "customer_id": "USER",
                       "timestamp": "when"},
            "constants": {"currency": "EUR"},
        },
    },
}  # fmt: skip
CANONICAL = {
    "events": pd.DataFrame(
        {
            "customer_id": ["7", "8"],
            "timestamp": ["2024-05-29 22:30:00", "2024-06-02 08:00:00"],
            "event_type": "visit",
        }
    ),
    "transactions": pd.DataFrame(
        {
            "customer_id": ["8", "7"],
            "timestamp": ["2024-05-31 12:30:00", "2024-05-31 22:30:00"],
            "margin": [2369.0, 10.0],
            "currency": "EUR",
        }
    ),
}


def rows_of(frame: Any, *columns: str) -> list[tuple[Any, ...]]:
    """Return the rows of columns, sorted; ids as text."""
    rows = frame.select(*columns).collect("pyarrow").to_native().to_pylist()
    return sorted(tuple(str(v) if c == "customer_id" else v for c, v in r.items()) for r in rows)


def check_same(shaped: Tables, canonical: Tables) -> None:
    """Compare the usable rows of two readings."""
    for name, *columns in (
        ("events", "customer_id", "timestamp", "event_type"),
        ("transactions", "customer_id", "timestamp", "margin", "currency"),
    ):
        found = rows_of(getattr(shaped, name), *columns)
        assert found == rows_of(getattr(canonical, name), *columns)
    assert shaped.history == canonical.history


def check_natural(engine: Engine, make: Make) -> None:
    """Read the log as both tables, and the tables that it stands for."""
    source = make(LOG, "log")
    shaped = read_tables(parse_config(SHAPE), engine, {"events": source, "transactions": source})
    plain = {name: make(frame, name) for name, frame in CANONICAL.items()}
    check_same(shaped, read_tables(PipelineConfig(name="shop"), engine, plain))
    (note,) = (n for n in shaped.notes if "shape.transactions.where" in n)
    assert note.endswith("left out 4 of 6 rows, 1 of them for want of a value.")
    assert sum("shape.events.where" in note for note in shaped.notes) == 1


@pytest.mark.parametrize("door", DOORS)
def test_a_log_in_its_natural_form_is_two_tables(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_natural(engine, lambda frame, name: door(frame, tmp_path, name))


@pytest.mark.parametrize("source", ["folder", "folder/*.parquet"])
def test_folders_and_globs_are_read_alike(source: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number, part in enumerate((LOG[:3], LOG[3:])):
        as_parquet(part, tmp_path / "folder", f"part{number}")
    path = str(tmp_path / source)
    with open_duckdb(threads=1) as engine:
        shaped = read_tables(parse_config(SHAPE), engine, {"events": path, "transactions": path})
        check_same(shaped, read_tables(PipelineConfig(name="shop"), engine, CANONICAL))


def shaped_times(engine: Engine, make: Make, times: Any, **shape: Any) -> list[dt.datetime]:
    """Return the times of transactions, as they are read."""
    paid = pd.DataFrame({"customer_id": range(len(times)), "timestamp": times, "margin": 1.0})
    events = CANONICAL["events"].assign(customer_id=[0, 1])
    raw = {"name": "shop", "shape": {"transactions": shape},
           "history": {"drop_distant": False, "latest": "2030-01-01"}}  # fmt: skip
    frames = {"events": make(events, "events"), "transactions": make(paid, "paid")}
    tables = read_tables(parse_config(raw), engine, frames)
    return [row[1] for row in rows_of(tables.transactions, "customer_id", "timestamp")]


BERLIN = [
    ("2024-10-27 02:30:00", dt.datetime(2024, 10, 27, 0, 30)),
    ("2024-10-27 03:30:00", dt.datetime(2024, 10, 27, 2, 30)),
    ("2024-03-31 02:30:00", dt.datetime(2024, 3, 31, 1, 30)),
    ("2024-03-31 01:30:00", dt.datetime(2024, 3, 31, 0, 30)),
    ("2024-05-31 00:00:00", dt.datetime(2024, 5, 30, 22, 0)),
]
"""Local times, among them those that clocks repeat or skip, and what they are in UTC."""


def check_local_times(engine: Engine, make: Make, *, typed: bool) -> None:
    local, expected = ([each[i] for each in BERLIN] for i in (0, 1))
    times = pd.to_datetime(pd.Series(local)) if typed else local
    assert shaped_times(engine, make, times, timezone="Europe/Berlin") == expected


def check_zones_are_kept(engine: Engine, make: Make, unit: Literal["us", "ns"] = "us") -> None:
    times = pd.to_datetime(pd.Series([each for each, _ in BERLIN[1:2] * 2])).dt.tz_localize("UTC")
    times = times.dt.as_unit(unit)
    moment = dt.datetime(2024, 10, 27, 3, 30)
    assert shaped_times(engine, make, times, timezone="Europe/Berlin") == [moment, moment]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("typed", [True, False])
def test_local_times_become_utc(door: Door, typed: bool, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_local_times(engine, lambda f, n: door(f, tmp_path, n), typed=typed)


@pytest.mark.filterwarnings("ignore:Series.values returning an ndarray that drops")
@pytest.mark.parametrize("unit", ["us", "ns"])
@pytest.mark.parametrize("door", DOORS)
def test_times_that_name_their_zone_keep_it(
    door: Door, unit: Literal["us", "ns"], tmp_path: Path
) -> None:
    with open_duckdb(threads=1) as engine:
        check_zones_are_kept(engine, lambda f, n: door(f, tmp_path, n), unit)


@pytest.mark.parametrize("door", [as_csv, as_parquet])
def test_dates_keep_their_day(door: Door, tmp_path: Path) -> None:
    day = dt.date(2024, 5, 31)
    with open_duckdb(threads=1) as engine:
        found = shaped_times(
            engine, lambda f, n: door(f, tmp_path, n), [day, day], timezone="Asia/Tokyo"
        )
    assert found == [dt.datetime(2024, 5, 31)] * 2


EPOCHS = {"epoch s": 10**9, "epoch ms": 10**6, "epoch us": 10**3, "epoch ns": 1}


def check_epochs(engine: Engine, make: Make, written: str) -> None:
    moments = [dt.datetime(2024, 5, 31, 14, 30), dt.datetime(2023, 1, 1, 0, 0, 1)]
    nanos = [int(moment.replace(tzinfo=dt.UTC).timestamp()) * 10**9 for moment in moments]
    numbers = [n // EPOCHS[written] for n in nanos]
    assert shaped_times(engine, make, numbers, format=written) == moments


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("written", EPOCHS)
def test_numbers_since_1970_are_times(door: Door, written: str, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_epochs(engine, lambda f, n: door(f, tmp_path, n), written)


def test_fractions_of_seconds_and_whole_numbers_as_dates() -> None:
    with open_duckdb(threads=1) as engine:
        seconds = shaped_times(engine, lambda f, n: f, [1717165800.25, 1.0e9], format="epoch s")
        days = shaped_times(engine, lambda f, n: f, [20240531, 20230101], format="%Y%m%d")
    assert seconds[0] == dt.datetime(2024, 5, 31, 14, 30, 0, 250_000)
    assert days == [dt.datetime(2024, 5, 31), dt.datetime(2023, 1, 1)]


MISREAD: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "seconds": ([1717165800, 1717165800], {}, "write 'shape: {transactions: {format: epoch s}}'"),
    "milliseconds": ([1717165800000] * 2, {}, "{format: epoch ms}"),
    "microseconds": ([1717165800000000] * 2, {}, "{format: epoch us}"),
    "nanoseconds": ([1717165800000000000] * 2, {}, "{format: epoch ns}"),
    "days": ([20240531] * 2, {}, 'format: "%Y%m%d"'),
    "too large": ([1717165800, 1717165800000000], {"format": "epoch s"},
                  "expected a number of seconds since 1970 .*found '?1717165800000000"),
    "other format": (["31.05.2024", "05/31/2024"], {"format": "%d.%m.%Y"},
                     r"expected a time such as 31.05.2024 .*%d.%m.%Y.*found '05/31/2024'"),
    "two digits": (["31.05.2024", "31.05.24"], {"format": "%d.%m.%Y"}, "found '31.05.24'"),
    "no such day": (["31.05.2024", "31.02.2024"], {"format": "%d.%m.%Y"}, "found '31.02.2024'"),
}  # fmt: skip


def check_misread(engine: Engine, make: Make, case: str) -> None:
    times, shape, message = MISREAD[case]
    with pytest.raises(EngagementError, match=message) as raised:
        shaped_times(engine, make, times, **shape)
    assert "column 'timestamp'" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("door", [as_csv, as_parquet, as_pandas])
@pytest.mark.parametrize("case", MISREAD)
def test_times_that_cannot_be_read_are_named(door: Door, case: str, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_misread(engine, lambda f, n: door(f, tmp_path, n), case)


def check_no_number(engine: Engine, make: Make, place: str) -> None:
    source = make(LOG.assign(price="12,x"), "log")
    with pytest.raises(EngagementError, match=f"column 'price'{place}.*a number, found '12,x'"):
        read_tables(parse_config(SHAPE), engine, {"events": source, "transactions": source})


def test_text_that_is_no_number_is_named_with_its_row(tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_no_number(engine, lambda f, n: as_csv(f, tmp_path, n), ", row 2")


def test_rows_are_numbered_as_in_the_source() -> None:
    late = LOG.assign(when=[*LOG["when"][:2], "soon", *LOG["when"][3:]], row_="x")
    with open_duckdb(threads=1) as engine, pytest.raises(EngagementError, match=r"row 3.*'soon'"):
        read_tables(parse_config(SHAPE), engine, {"events": late, "transactions": late})


def test_no_row_to_read_is_said() -> None:
    raw = {"name": "shop", "shape": {"events": {"where": "event_type = 'vist'"}}}
    with (
        open_duckdb(threads=1) as engine,
        pytest.raises(EngagementError, match=r"none of the 2 rows fulfils 'shape.events.where'"),
    ):
        read_tables(parse_config(raw), engine, CANONICAL)


def test_covariates_may_be_computed_and_split_customers(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": ["7", "8"], "age": ["31", "17"], "zip": ["01", "02"]})
    shape = {"values": {"Adult": "age >= 18", "half": "age / 2"}, "constants": {"source": "crm"}}
    raw = {"name": "shop", "segments": ["adult"], "shape": {"customers": shape}}
    with open_duckdb(threads=1) as engine:
        frames = {**CANONICAL, "customers": as_csv(people, tmp_path, "customers")}
        tables = read_tables(parse_config(raw), engine, frames)
        columns = ("customer_id", "adult", "half", "source", "zip")
        assert rows_of(tables.customers, *columns) == [
            ("7", True, 15.5, "crm", "01"),
            ("8", False, 8.5, "crm", "02"),
        ]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"wher": "a = 1"}, "unknown key 'shape.events.wher'.*'where'"),
    "twice": ({"values": {"event_type": "a"}, "constants": {"Event_Type": "b"}}, "given twice"),
    "also mapped": ({"values": {"Value": "a"}}, "'columns.events' and 'shape.events.values.Value'"),
    "format": ({"format": "%d.%m"}, "has no year"),
    "directive": ({"format": "%d.%m.%Y %Q"}, "directive %Q"),
    "epoch": ({"format": "epoch m"}, "did you mean 'epoch ms'"),
    "zone": ({"timezone": "Berlin"}, "IANA database"),
    "zone of epochs": ({"format": "epoch s", "timezone": "UTC"}, "remove 'timezone'"),
    "encoding": ({"encoding": "cp12520"}, "is not an encoding"),
    "no text": ({"encoding": "base64"}, "is not an encoding"),
    "decimal": ({"decimal": ";"}, "decimal"),
    "events unrolled": ({"unroll": {"start": "a"}}, "only transactions can be unrolled"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_shape_is_refused(case: str) -> None:
    shape, message = REFUSED[case]
    raw = {"name": "x", "columns": {"events": {"value": "v"}}, "shape": {"events": shape}}
    with pytest.raises(ConfigError, match=message):
        parse_config(raw)


def test_a_table_and_a_column_must_be_known() -> None:
    with pytest.raises(ConfigError, match=r"'event' is not a table.*'events'"):
        parse_config({"name": "x", "shape": {"event": {"where": "a"}}})
    raw = {"name": "x", "shape": {"events": {"values": {"event_typ": "event_type"}}}}
    with (
        open_duckdb(threads=1) as engine,
        pytest.raises(
            ConfigError, match=r"'shape.events.values.event_typ'.*did you mean 'event_type'"
        ),
    ):
        read_tables(parse_config(raw), engine, CANONICAL)


def test_a_shape_survives_the_results_folder() -> None:
    config = parse_config(SHAPE)
    assert parse_config(config.to_dict()) == config


def test_the_ledger_of_large_files_changes_with_the_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engagement_ml.ledger.cache.events.MIN_CACHED_BYTES", 0)
    log = LOG.assign(when=pd.to_datetime(LOG["when"], dayfirst=True), price="1", cost="0")
    source = as_parquet(log, tmp_path, "log")
    counts = {}
    for name, where in (("visit", "event_name = 'visit'"), ("purchase", "status = 'ok'")):
        raw = {
            **SHAPE,
            "engine": {"keep": str(tmp_path / "kept")},
            "shape": {**SHAPE["shape"], "events": {"where": where, "timezone": "Asia/Tokyo"}},
        }
        for _ in range(2):
            with open_duckdb(threads=1) as engine:
                read = read_tables(
                    parse_config(raw), engine, {"events": source, "transactions": source}
                )
                assert read.partitions
                counts[name] = read.event_counts, rows_of(read.ledger, "customer_id", "day", "n")
    day = dt.date(2024, 5, 29)
    assert counts["visit"][0] == {"visit": 1}
    assert counts["visit"][1][0] == ("7", day, 1)
    assert counts["purchase"][0] == {"visit": 1, "purchase": 2}
