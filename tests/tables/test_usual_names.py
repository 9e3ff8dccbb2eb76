"""A missing column: the message has the line to write, with the name that the export uses."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import polars as pl
import pytest
import yaml

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError, close_to, nearest
from engagement_ml.inputs import read_tables
from engagement_ml.tables.schema import COLUMNS, EXTRA, REQUIRED
from engagement_ml.tables.usual_names import USUAL_NAMES, likely_column, plain_name, usual_column
from tests.engines.conftest import PolarsEngine

PAID = ["customer_id", "timestamp", "margin"]


def message(given: dict[str, list[str]], **settings: Any) -> str:
    """Return what both engines say of tables with these columns; they say the same."""
    config = parse_config({"name": "shop", **settings})
    said = []
    for engine, make in ((open_duckdb(threads=1), pd.DataFrame), (PolarsEngine(), pl.DataFrame)):
        sources = {name: make({c: ["1"] for c in names}) for name, names in given.items()}
        with engine, pytest.raises(InputError) as caught:
            read_tables(config, engine, sources)
        said.append(str(caught.value).replace("(polars ", "(pandas "))
    assert said[0] == said[1]
    return said[0]


def line_of(said: str) -> Any:
    found = re.search(r"'(columns: .*)'", said.partition("; the columns are")[0])
    assert found, said
    return yaml.safe_load(found[1])["columns"]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (["uid", "ts", "action"],
         {"customer_id": "uid", "timestamp": "ts", "event_type": "action"}),
        (["userId", "createdAt", "eventName", "amount"],
         {"customer_id": "userId", "timestamp": "createdAt", "event_type": "eventName"}),
        (["client_id", "timestamp", "event_type", "x: y"], {"customer_id": "client_id"}),
        (["custmer_id", "timestamp", "event_type"], {"customer_id": "custmer_id"}),
        (["colour", "timestamp", "price"],
         {"customer_id": "YOUR_COLUMN", "event_type": "YOUR_COLUMN"}),
    ],
)  # fmt: skip
def test_events(columns: list[str], line: dict[str, str]) -> None:
    said = message({"events": columns, "transactions": PAID})
    assert line_of(said) == {"events": line}
    assert "missing from table 'events'" in said
    assert f"the columns are {', '.join(columns)}" in said


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (["Net Margin"], {"margin": "Net Margin"}),
        (["sales", "COGS"], {"revenue": "sales", "cost": "COGS"}),
        (["revenue", "cogs"], {"cost": "cogs"}),
        (["sales"], {"margin": "YOUR_COLUMN"}),
        (["a: b"], {"margin": "YOUR_COLUMN"}),
    ],
)
def test_transactions(columns: list[str], line: dict[str, str]) -> None:
    events = ["customer_id", "timestamp", "event_type"]
    said = message({"events": events, "transactions": ["customer_id", "timestamp", *columns]})
    assert line_of(said) == {"transactions": line}


def test_a_name_unlike_any_is_not_proposed() -> None:
    said = message({"events": ["zebra", "timestamp", "event_type"], "transactions": PAID})
    assert "if it is" not in said
    assert "write 'columns: {events: {customer_id: YOUR_COLUMN}}' with the name that it has" in said


def test_what_is_mapped_already_is_repeated() -> None:
    columns = {"events": {"timestamp": "wann: genau"}}
    said = message(
        {"events": ["wann: genau", "uid", "event_type"], "transactions": PAID}, columns=columns
    )
    assert line_of(said) == {"events": {"timestamp": "wann: genau", "customer_id": "uid"}}


def test_the_line_solves_the_problem() -> None:
    events = pd.DataFrame({"user: id": [1, 2], "ts": ["2024-01-01", "2024-01-02"], "event": "a"})
    paid = pd.DataFrame({"customer_id": [1, 2], "timestamp": ["2024-01-01"] * 2, "margin": 1.5})
    said = message({"events": list(events), "transactions": PAID})
    with open_duckdb(threads=1) as engine:
        config = parse_config({"name": "shop", "columns": line_of(said)})
        tables = read_tables(config, engine, {"events": events, "transactions": paid})
    assert tables.behaviours == ("a",)


def test_the_line_of_a_missing_mapped_column_is_yaml() -> None:
    columns = {"events": {"customer_id": "{a: b}"}}
    said = message({"events": ["uid"], "transactions": PAID}, columns=columns)
    assert line_of(said) == columns


def test_usual_names_are_of_columns_that_are_read() -> None:
    for table, names in USUAL_NAMES.items():
        assert {*REQUIRED[table]} <= set(names) <= {*COLUMNS[table], *EXTRA.get(table, ())}
        for column, usual in names.items():
            plain = [plain_name(name) for name in usual]
            assert len(plain) == len(set(plain)), (table, column)


def test_the_most_usual_name_comes_first() -> None:
    assert usual_column("events", "timestamp", ["date", "event_date", "ts"]) == "ts"
    assert usual_column("transactions", "timestamp", ["created_at", "paid_at"]) == "paid_at"
    assert usual_column("events", "customer_id", ["email", "$distinct_id"]) == "$distinct_id"
    assert likely_column("events", "event_type", ["evnt_type", "price"]) == "evnt_type"


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("gap", ["every_days", "gap_days"], "gap_days"),
        ("Plann", ["plan", "age"], "plan"),
        ("CustomerID", ["Customer ID"], "Customer ID"),
        ("id", ["width", "video"], None),
        ("margin", ["origin", "colour"], None),
        ("visit", ["call", "mail"], None),
        ("visit", [], None),
    ],
)
def test_only_a_near_word_is_suggested(word: str, known: list[str], near: str | None) -> None:
    assert close_to(word, known) == near
    assert nearest(word, known) == (f" (did you mean '{near}'?)" if near else "")
