"""Files in nobody's format: what `init` finds, what it is unsure of, and what it refuses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from engagement_ml.cli.app import app
from engagement_ml.config import read_config
from engagement_ml.config.sections import TABLE_NAMES
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError, OutputError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.starter.columns import identities_of
from engagement_ml.starter.identity import with_anonymous_ids
from engagement_ml.starter.link_columns import links_of
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import profiles_of
from engagement_ml.starter.sample import Sample
from engagement_ml.workflow import init
from tests.starter.made_up import Row, shop

Read = Callable[..., Tables]


@pytest.fixture
def read(tmp_path):
    """Write a starter configuration for files and read the tables with it."""
    with open_duckdb() as engine:

        def starter(*files: Path) -> Any:
            result = init(list(files), tmp_path / "own.yaml", force=True)
            tables = read_tables(read_config(result.path), engine)
            return result, tables

        yield starter


def frame(rows: tuple[Row, ...] | list[Row]) -> pd.DataFrame:
    """Return rows as a frame of customers, moments, types and amounts."""
    return pd.DataFrame(
        {
            "customer": [row.customer for row in rows],
            "moment": [row.moment for row in rows],
            "event_type": [row.event_type for row in rows],
            "amount": [row.amount for row in rows],
        }
    )


def events_file(folder: Path) -> Path:
    table = frame(shop().events).drop(columns="amount")
    table.columns = ["user_id", "occurred_at", "action"]
    table.to_parquet(folder / "events.parquet", index=False)
    return folder / "events.parquet"


def orders_file(folder: Path) -> Path:
    table = frame(shop().purchases)[["customer", "moment", "amount"]]
    table.columns = ["user_id", "paid_at", "net_amount"]
    table.to_csv(folder / "orders.csv", index=False)
    return folder / "orders.csv"


def margin(tables: Tables) -> float:
    return float(tables.transactions.collect("pandas").to_native()["margin"].sum())


def test_usual_names_are_found(tmp_path, read):
    result, tables = read(events_file(tmp_path), orders_file(tmp_path))
    assert result.starter.plans["events"].columns == {
        "timestamp": "occurred_at",
        "customer_id": "user_id",
        "event_type": "action",
    }
    assert margin(tables) == pytest.approx(shop().margin(refunds=False))
    assert tables.event_counts["search"] == shop().count("search", refunds=False)
    # What nobody knows is said: margin is revenue, and the currency is a guess.
    assert "takes revenue as margin" in result.text
    assert any("in which currency" in sentence for sentence in result.starter.unsure)
    local = [s for s in result.starter.unsure if s.startswith("times without a zone are read")]
    assert len(local) == 1
    assert "events.parquet" in local[0]


def test_odd_names_are_found_by_content_and_said(tmp_path, read):
    table = frame(shop().events).drop(columns="amount")
    table.columns = ["wer", "wann_genau", "was"]
    table["fassung"] = 3
    table.to_parquet(tmp_path / "a.parquet", index=False)
    result, tables = read(tmp_path / "a.parquet", orders_file(tmp_path))
    columns = result.starter.plans["events"].columns
    assert columns == {"timestamp": "wann_genau", "customer_id": "wer", "event_type": "was"}
    said = "\n".join(result.starter.unsure)
    for name in columns.values():
        assert f"'{name}' is taken for" in said
    assert tables.event_counts["search"] == shop().count("search", refunds=False)


def test_german_csv_with_semicolons_decimal_comma_and_cp1252(tmp_path, read):
    lines = ["Kundennr;Datum;Betrag;Filiale"]
    for row in shop().purchases:
        amount = f"{row.amount or 0:,.2f}".translate(str.maketrans(",.", ".,"))
        lines.append(f"{row.customer};{row.moment:%d.%m.%Y %H:%M};{amount};Köln")
    file = tmp_path / "umsatz.csv"
    file.write_text("\n".join(lines), encoding="cp1252")
    result, tables = read(file, events_file(tmp_path))
    plan = result.starter.plans["transactions"]
    assert plan.shape["decimal"] == ","
    assert plan.shape["encoding"] == "cp1252"
    assert plan.shape["format"] == "%d.%m.%Y %H:%M"
    assert margin(tables) == pytest.approx(shop().margin(refunds=False))
    assert tables.quality[1].last is not None
    assert tables.quality[1].last.date() == max(row.moment for row in shop().purchases).date()
    assert "# timezone: Europe/Berlin" in result.text


@pytest.mark.parametrize("ordered", [True, False])
def test_days_and_months_that_could_be_either(tmp_path, ordered):
    """The order of the file decides; it is said in any case."""
    days = [dt.date(2024, month, day) for month in range(1, 8) for day in range(1, 13)]
    if not ordered:
        days = [days[i * 31 % len(days)] for i in range(len(days))]
    lines = ["client_id,date,amount"]
    lines += [f"{i % 9},{d.month:02d}/{d.day:02d}/{d.year},{i}.5" for i, d in enumerate(days)]
    file = tmp_path / "sales.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    result = init([file], tmp_path / "own.yaml")
    form = result.starter.plans["transactions"].time
    assert form == ("%m/%d/%Y" if ordered else "%d/%m/%Y")
    said = next(s for s in result.starter.unsure if "can be read as" in s)
    assert "%d/%m/%Y" in said
    assert "%m/%d/%Y" in said
    assert f"{form} is taken" in said
    assert "# unsure: " in result.text


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_event_table_that_holds_the_purchases(tmp_path, read, kind):
    rows = shop().rows()
    table = frame(rows)
    table.columns = ["customer_id", "timestamp", "event_name", "price"]
    table["quantity"] = [None if row.amount is None else 2 for row in rows]
    file = tmp_path / f"log.{kind}"
    if kind == "csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, index=False)
    result, tables = read(file)
    plan = result.starter.plans["transactions"]
    assert plan.where == "event_name IN ('purchase', 'refund')"
    assert margin(tables) == pytest.approx(2 * shop().margin())
    # The purchases are no behaviours.
    assert set(tables.behaviours) == {"page_view", "search", "wishlist_add", "order_tracking"}
    assert "purchase: {role: ignore}" in result.text


def test_one_of_two_event_files_is_read_and_the_other_named(tmp_path):
    first = events_file(tmp_path)
    second = tmp_path / "app_events.parquet"
    second.write_bytes(first.read_bytes())
    result = init([first, second, orders_file(tmp_path)], tmp_path / "own.yaml")
    (unused,) = result.starter.unused
    assert unused.startswith(f"{second}: looks like events as well, but {first} is read")
    assert "put them into one folder" in unused
    assert f"# - {second}:" in result.text


def test_a_customers_table_without_ids_is_not_read(tmp_path):
    file = tmp_path / "customers.csv"
    file.write_text("region,age\nnorth,30\nsouth,40\nnorth,30\n", encoding="utf-8")
    result = init([events_file(tmp_path), orders_file(tmp_path), file], tmp_path / "own.yaml")
    assert "customers" not in result.starter.plans
    (unused,) = result.starter.unused
    assert unused.startswith(f"{file}: is not understood and not read")
    assert "customers" in unused


def test_customers_give_segments_to_consider(tmp_path):
    table = pd.DataFrame(
        {
            "user_id": [f"c{i:03d}" for i in range(60)],
            "signup_date": pd.Timestamp("2023-05-01"),
            "plan": ["basic", "plus", "basic"] * 20,
            "city": [f"city {i}" for i in range(60)],
        }
    )
    table.to_parquet(tmp_path / "users.parquet", index=False)
    files = [events_file(tmp_path), orders_file(tmp_path), tmp_path / "users.parquet"]
    result = init(files, tmp_path / "own.yaml")
    assert result.starter.plans["customers"].columns["signup"] == "signup_date"
    assert dict(result.starter.segments) == {"plan": 2}
    assert "# segments: [plan]" in result.text


def test_epoch_times_and_several_currencies(tmp_path, read):
    lines = ["uid,ts,revenue,currency"]
    for i, row in enumerate(shop().purchases):
        code = "gbp" if i % 5 == 0 else "eur"
        lines.append(f"{row.customer},{row.epoch * 1000 + 7},{row.amount},{code}")
    file = tmp_path / "payments.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    result, tables = read(file, events_file(tmp_path))
    assert result.starter.plans["transactions"].time == "epoch ms"
    assert read_config(result.path).currency == "EUR"
    expected = sum(row.amount or 0 for i, row in enumerate(shop().purchases) if i % 5)
    assert margin(tables) == pytest.approx(expected)
    assert any("several currencies" in sentence for sentence in result.starter.unsure)


@pytest.mark.parametrize(("days", "length"), [(365, 84), (180, 28), (60, 14), (20, 7)])
def test_windows_fit_the_history(tmp_path, days, length):
    start = dt.datetime(2024, 1, 1)
    moments = [start + dt.timedelta(days=i % days, hours=i % 24) for i in range(4 * days)]
    events = pd.DataFrame({"user_id": [i % 7 for i in range(4 * days)], "ts": moments})
    events["action"] = ["a", "b"] * (2 * days)
    events.to_parquet(tmp_path / "events.parquet", index=False)
    orders = pd.DataFrame({"user_id": events["user_id"], "ts": moments, "margin": 1.5})
    orders.to_parquet(tmp_path / "orders.parquet", index=False)
    files = [tmp_path / "events.parquet", tmp_path / "orders.parquet"]
    result = init(files, tmp_path / "own.yaml")
    assert read_config(result.path).windows.observation_days == length
    assert result.starter.windows.enough == (days > 20)
    assert ("too few days" in result.text) == (days <= 20)


def test_roles_are_suggested_as_comments(tmp_path):
    names = ["search", "order_tracking", "winback_mail", "subscription_cancelled", "a: 'b' # c"]
    rows = shop().events
    table = frame(rows).drop(columns="amount")
    table["event_type"] = [names[i % len(names)] for i in range(len(rows))]
    table.columns = ["customer_id", "timestamp", "event_type"]
    table.to_parquet(tmp_path / "events.parquet", index=False)
    result = init([tmp_path / "events.parquet", orders_file(tmp_path)], tmp_path / "own.yaml")
    each = len(rows) // len(names)
    assert f"# search: {{}}   # {each:,} rows" in result.text or "# search: {}" in result.text
    assert "# order_tracking: {role: consequence}" in result.text
    assert "# winback_mail: {direction: outbound}" in result.text
    assert "# churn: {kind: event, event_type: subscription_cancelled}" in result.text
    # Suggestions are no configuration yet, and become one without their marks.
    assert not read_config(result.path).behaviours
    lines = [
        line.replace("# ", "", 1)
        for line in result.text.splitlines()
        if line.startswith("  # ") and "}   # " in line
    ]
    assert set(yaml.safe_load("\n".join(lines))) == set(names)


def test_a_folder_and_a_database_give_their_tables(tmp_path):
    folder = tmp_path / "it's # 1"
    folder.mkdir()
    events, orders = events_file(folder), orders_file(folder)
    result = init([folder], folder / "own.yaml")
    sources = read_config(folder / "own.yaml").sources
    assert yaml.safe_load(result.text)["sources"] == {
        "events": "events.parquet",
        "transactions": "orders.csv",
    }
    assert Path(sources.events or "") == events
    file = tmp_path / "house.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            f"CREATE TABLE app_log AS FROM '{str(events).replace(chr(39), 2 * chr(39))}'"
        )
        connection.execute(
            f"CREATE VIEW sales AS FROM '{str(orders).replace(chr(39), 2 * chr(39))}'"
        )
    starter = init([file], tmp_path / "own.yaml").starter
    assert starter.plans["events"].sample.source == f"{file}::app_log"
    assert starter.plans["transactions"].sample.source == f"{file}::sales"


def test_a_file_that_exists_is_kept(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("name: mine\n", encoding="utf-8")
    tables = [events_file(tmp_path), orders_file(tmp_path)]
    with pytest.raises(OutputError, match="exists and is not overwritten"):
        init(tables, file)
    assert file.read_text(encoding="utf-8") == "name: mine\n"
    assert init(tables, file, force=True).text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("colour,size\nred,1\nblue,2\n", "none of the tables can be understood"),
        ("", "is empty"),
        ("\x89PNG\r\n", "is not a CSV file but a PNG image"),
        (None, "no such file"),
    ],
)
def test_what_cannot_be_understood_ends_with_one_line(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("things.csv").write_text(content, encoding="latin-1")
    ran = CliRunner().invoke(app, ["init", "things.csv"])
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert "things.csv" in ran.stderr
    assert not Path("pipeline.yaml").exists()


def test_the_command_ends_with_the_next_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    events_file(tmp_path)
    orders_file(tmp_path)
    ran = CliRunner().invoke(app, ["init", "events.parquet", "orders.csv"])
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[-1] == "Next: engagement-ml check pipeline.yaml"
    assert "  customer_id: user_id" in ran.stdout
    assert "- orders.csv: there is no margin and no cost" in ran.stdout
    with pytest.raises(InputError, match="no table was given"):
        init([], "other.yaml")


def test_ids_that_meet_are_preferred_to_usual_names(tmp_path, read):
    table = frame(shop().purchases)[["customer", "moment", "amount"]]
    table.columns = ["loyalty_code", "paid_at", "margin"]
    table.insert(0, "customer_id", [f"x{i % 40}" for i in range(len(table))])
    table.to_csv(tmp_path / "orders.csv", index=False)
    result, tables = read(events_file(tmp_path), tmp_path / "orders.csv")
    assert result.starter.plans["transactions"].columns["customer_id"] == "loyalty_code"
    assert any("read from 'loyalty_code'" in sentence for sentence in result.starter.unsure)
    buyers = tables.transactions.collect("pandas").to_native()["customer_id"]
    assert set(buyers) == {row.customer for row in shop().purchases}


def test_ids_that_do_not_meet_are_said(tmp_path):
    table = frame(shop().purchases)[["customer", "moment", "amount"]]
    table.columns = ["customer_id", "paid_at", "margin"]
    table["customer_id"] = "other-" + table["customer_id"]
    table.to_csv(tmp_path / "orders.csv", index=False)
    result = init([events_file(tmp_path), tmp_path / "orders.csv"], tmp_path / "own.yaml")
    said = next(s for s in result.starter.unsure if "check that both columns" in s)
    assert "such as other-c" in said


def test_lines_of_one_transaction_all_count(tmp_path, read):
    """A column named transaction_id would otherwise drop all lines but the first."""
    table = frame(shop().purchases)[["customer", "moment", "amount"]]
    table.columns = ["customer_id", "timestamp", "margin"]
    table["transaction_id"] = [f"t{i // 2}" for i in range(len(table))]
    table.to_parquet(tmp_path / "orders.parquet", index=False)
    result, tables = read(events_file(tmp_path), tmp_path / "orders.parquet")
    assert margin(tables) == pytest.approx(shop().margin(refunds=False))
    assert any("different rows share one transaction_id" in s for s in result.starter.unsure)


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [("€", "EUR", False), ("usd", "USD", False), ("euros", "EUR", True)],
)
def test_a_currency_that_is_written_in_another_way(tmp_path, read, written, code, said):
    table = frame(shop().purchases)[["customer", "moment", "amount"]]
    table.columns = ["customer_id", "timestamp", "margin"]
    table["currency"] = written
    table.to_parquet(tmp_path / "orders.parquet", index=False)
    result, tables = read(events_file(tmp_path), tmp_path / "orders.parquet")
    assert read_config(result.path).currency == code
    assert margin(tables) == pytest.approx(shop().margin(refunds=False))
    assert any("are no codes" in sentence for sentence in result.starter.unsure) == said


def test_a_folder_of_parts_is_one_table(tmp_path, read):
    """Exports of events come in many files of JSON lines, whose records may lack columns."""
    folder = tmp_path / "events"
    folder.mkdir()
    table = frame(shop().events).drop(columns="amount")
    table.columns = ["user_id", "occurred_at", "action"]
    half = len(table) // 2
    table[:half].to_json(folder / "a.json", orient="records", lines=True, date_format="iso")
    table[half:].assign(page="/").to_json(
        folder / "b.json", orient="records", lines=True, date_format="iso"
    )
    result, tables = read(folder, orders_file(tmp_path))
    assert result.starter.plans["events"].sample.source == str(folder)
    assert tables.event_counts["search"] == shop().count("search", refunds=False)


EVENT_COLUMNS = {"timestamp": "ts", "event_type": "event"}


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        ({"customer_id": "user_id"}, {}, {"customer_id": "user_id", "anonymous_id": "device_id"}),
        ({"customer_id": "device_id"}, {}, {"anonymous_id": "device_id"}),
        (
            {},
            {"customer_id": "coalesce(user_id, CAST(device_id AS VARCHAR))"},
            {"customer_id": "user_id", "anonymous_id": "device_id"},
        ),
    ],
)
def test_a_table_of_identities_gives_events_their_anonymous_ids(columns, values, expected):
    ids = {"user_id": ["a", "b", "a"], "device_id": ["d1", "d2", "d1"]}
    events = Sample("events.csv", ids, frozenset(ids), text=True)
    plan = TablePlan("events", events, EVENT_COLUMNS | columns, values)
    identities = identities_of(events, profiles_of(events))
    assert identities is not None
    assert identities.columns == {"anonymous_id": "device_id", "customer_id": "user_id"}
    found = with_anonymous_ids(plan, identities, profiles_of(events))
    assert found.columns == EVENT_COLUMNS | expected
    assert found.values == {}


def test_purchases_are_found_beyond_the_first_rows_of_any_encoding(tmp_path, read):
    """All rows are counted, so a file that begins with thousands of visits is understood."""
    rows = [row for row in shop().rows(refunds=False) if row.event_type != "purchase"]
    rows += shop().purchases
    lines = ["kunde;zeitpunkt;aktion;betrag"]
    for row in rows:
        amount = "" if row.amount is None else f"{row.amount:.2f}".replace(".", ",")
        kind = {"search": "gesucht für", "purchase": "kauf"}.get(row.event_type, row.event_type)
        lines.append(f"{row.customer};{row.moment:%d.%m.%Y %H:%M:%S};{kind};{amount}")
    file = tmp_path / "log.csv"
    file.write_text("\n".join(lines), encoding="cp1252")
    result, tables = read(file)
    assert result.starter.plans["transactions"].where == "aktion = 'kauf'"
    assert margin(tables) == pytest.approx(shop().margin(refunds=False))
    assert tables.event_counts["gesucht für"] == shop().count("search", refunds=False)


def test_a_file_that_breaks_beyond_the_first_rows_is_named(tmp_path):
    lines = ["user_id,occurred_at,action"]
    lines += [f"c{i % 60:03d},2024-01-01 10:{i % 60:02d},visit" for i in range(2_500)]
    file = tmp_path / "events.csv"
    file.write_text("\n".join([*lines, "c001,2024-01-02 10:00,visit,1,2,3"]), encoding="utf-8")
    # Only counts read so far: the columns are known, and the reason for the missing counts is said.
    starter = init([file], tmp_path / "own.yaml").starter
    said = next(s for s in starter.unsure if s.startswith("the event types could not be counted"))
    assert "events.csv" in said
    assert "line: 2502" in said
    assert starter.plans["events"].columns["customer_id"] == "user_id"
    with pytest.raises(InputError, match=r"events\.csv: cannot be read: line: 2502"):
        init([file, orders_file(tmp_path)], tmp_path / "other.yaml")
    assert not (tmp_path / "other.yaml").exists()


@pytest.mark.skipif("identities" not in TABLE_NAMES, reason="no table of identities is read")
def test_identities_are_used_from_files_alone(tmp_path, read):
    rows = shop().events
    table = frame(rows).drop(columns="amount")
    table.columns = ["user_id", "occurred_at", "action"]
    table["device_id"] = "d" + table["user_id"]
    table.loc[::2, "user_id"] = None
    table.to_parquet(tmp_path / "events.parquet", index=False)
    names = sorted({row.customer for row in rows})
    links = pd.DataFrame({"device_id": [f"d{name}" for name in names], "user_id": names})
    links.to_csv(tmp_path / "identities.csv", index=False)
    files = [tmp_path / "events.parquet", orders_file(tmp_path), tmp_path / "identities.csv"]
    result, tables = read(*files)
    assert result.starter.plans["events"].columns["anonymous_id"] == "device_id"
    assert tables.event_counts["search"] == shop().count("search", refunds=False)


def test_a_table_of_who_serves_whom_becomes_links():
    given = {"rep_id": ["r1", "r2"], "account_id": ["c1", "c2"]}
    dates = {"valid_from": ["2024-01-01", "2024-02-01"], "valid_to": ["2024-03-01", None]}
    sample = Sample("reps.csv", {**given, **dates}, frozenset({*given, *dates}), text=True)
    plan = links_of(sample, profiles_of(sample))
    assert plan is not None
    assert plan.columns == {
        "actor_id": "rep_id",
        "customer_id": "account_id",
        "from": "valid_from",
        "to": "valid_to",
    }
    # A table with a column that links do not have, such as money, is another one.
    columns = {**given, "revenue": ["3.5", "4.5"]}
    sales = Sample("sales.csv", columns, frozenset(columns), text=True)
    assert links_of(sales, profiles_of(sales)) is None
