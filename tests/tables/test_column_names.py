"""Names of columns mean the same to Python and to the engine; helper columns hide no column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.inputs.scoring_reader import read_scoring_tables
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from tests.doors import DOORS, Door, as_parquet

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"])


SHOUTED = {
    "events": pd.DataFrame(
        {"CUSTOMER_ID": ["x"] * 3, "USER_ID": [1, 2, 2], "Timestamp": DAYS, "Event_Type": "visit"}
    ),
    "transactions": pd.DataFrame(
        {"customer_id": [1, 2, 2], "TIMESTAMP": DAYS, "Margin": [0.4, 0.5, 0.6],
         "net_margin": [40.0, 50.0, 60.0]}
    ),
    "customers": pd.DataFrame({"Customer_ID": [1, 2], "Plan": ["a", "b"]}),
}  # fmt: skip
MAPPED = {"events": {"customer_id": "user_id"}, "transactions": {"margin": "net_margin"}}
HELPERS = ["repeated_", "reason_", "id_hash_", "row_", "hash_", "n", "Day", "first", "unusable_"]


def check_shouted(engine: Engine, sources: dict[str, Any]) -> None:
    config = parse_config({"name": "shop", "columns": MAPPED, "segments": ["plan"]})
    tables = read_tables(config, engine, sources)
    paid = (
        tables.transactions.select("customer_id", "margin")
        .collect("pyarrow")
        .to_native()
        .to_pandas()
    )
    assert sorted(paid["margin"]) == [40.0, 50.0, 60.0]
    events = tables.events.collect("pyarrow").to_native().to_pandas()
    assert sorted(events["customer_id"]) == [1, 2, 2]
    assert tables.behaviours == ("visit",)
    assert tables.customers is not None
    assert tables.customers.collect_schema().names() == ["customer_id", "plan"]


def check_left_out(engine: Engine, sources: dict[str, Any]) -> None:
    """Read a percentage called margin, and a total that must not become a covariate, as if gone."""
    columns = {"events": {"value": None}, "transactions": {"MARGIN": None},
               "customers": {"total_spent": None}}  # fmt: skip
    tables = read_tables(parse_config({"name": "shop", "columns": columns}), engine, sources)
    paid = engine.rows(tables.transactions.select("margin"), source="transactions")
    assert sorted(row["margin"] for row in paid) == [6.0, 7.0, 8.0]
    assert tables.amounts == {}
    assert tables.customers is not None
    assert tables.customers.collect_schema().names() == ["customer_id", "plan"]


LEFT_OUT = {
    "events": pd.DataFrame({"customer_id": [1, 2, 2], "timestamp": DAYS, "event_type": "visit",
                            "value": ["much", "more", "most"]}),
    "transactions": pd.DataFrame({"customer_id": [1, 2, 2], "timestamp": DAYS,
                                  "Margin": [0.4, 0.5, 0.6], "revenue": [9.0, 10.0, 11.0],
                                  "cost": 3.0}),
    "customers": pd.DataFrame({"customer_id": [1, 2], "plan": ["a", "b"],
                               "Total_Spent": [9.0, 21.0]}),
}  # fmt: skip


def with_helpers(frame: pd.DataFrame) -> pd.DataFrame:
    """Add a user's columns with the names of our helper columns; each would drop a row."""
    return frame.assign(**{name: [1, *[None] * (len(frame) - 1)] for name in HELPERS})


def check_helpers(engine: Engine, make: Callable[[pd.DataFrame, str], Any]) -> Tables:
    frames = {
        "events": pd.DataFrame({"customer_id": [1, 2, 2], "timestamp": DAYS, "event_type": "a",
                                "event_id": ["x", "y", "y"]}),
        "transactions": pd.DataFrame({"customer_id": [1, 2, 2], "timestamp": DAYS, "margin": 2.0}),
        "customers": pd.DataFrame({"customer_id": pd.array([1, 2, None], dtype="Int64"),
                                   "age": [30, 40, 50]}),
    }  # fmt: skip
    config = parse_config({"name": "shop", "segments": ["reason_"]})
    sources = {name: make(with_helpers(frame), name) for name, frame in frames.items()}
    tables = read_tables(config, engine, sources)
    plain = read_tables(config.model_copy(update={"segments": ()}), engine, {
        name: make(frame, f"{name}_plain") for name, frame in frames.items()})  # fmt: skip
    for quality, expected in zip(tables.quality, plain.quality, strict=True):
        assert (quality.rows_kept, quality.dropped) == (expected.rows_kept, expected.dropped)
    assert tables.ledger is not None
    ledger = (
        tables.ledger.collect("pyarrow").to_native().to_pandas().sort_values(["customer_id", "day"])
    )
    assert ledger["n"].tolist() == [1, 1]
    assert tables.customers is not None
    customers = (
        tables.customers.collect("pyarrow").to_native().to_pandas().sort_values("customer_id")
    )
    assert customers["reason_"].fillna(0).tolist() == [1, 0]
    return tables


@pytest.mark.parametrize("door", DOORS)
def test_case_does_not_matter_and_the_mapped_column_is_read(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_shouted(engine, {n: door(frame, tmp_path, n) for n, frame in SHOUTED.items()})


@pytest.mark.parametrize("door", DOORS)
def test_columns_with_names_of_helpers_change_nothing(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_helpers(engine, lambda frame, name: door(frame, tmp_path, name))


def test_a_wrong_value_beside_a_column_row_is_named_by_its_row(tmp_path: Path) -> None:
    customers = pd.DataFrame({"customer_id": [1, 2], "signup": ["2024-01-01", "soon"], "row_": 7})
    config = parse_config({"name": "shop"})
    with open_duckdb(threads=1) as engine, pytest.raises(InputError, match=r"row 2: .*'soon'"):
        read_scoring_tables(config, engine, {"customers": customers})


@pytest.mark.parametrize("large", [False, True])
def test_files_of_a_folder_may_write_a_name_in_other_cases(
    large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr("engagement_ml.ledger.cache.events.MIN_CACHED_BYTES", 0)
    folder = tmp_path / "events"
    folder.mkdir()
    for i, name in enumerate(["value", "Value"]):
        frame = pd.DataFrame(
            {"customer_id": [1, 2], "timestamp": DAYS[:2], "event_type": "visit", name: [1.0, 2.0]}
        )
        as_parquet(frame, folder, f"part{i}")
    paid = pd.DataFrame({"customer_id": [1, 2], "timestamp": DAYS[1:], "margin": [1.0, 2.0]})
    with open_duckdb(threads=1) as engine:
        config = parse_config({"name": "shop", "engine": {"keep": None}})
        tables = read_tables(config, engine, {"events": folder, "transactions": paid})
        assert tables.ledger is not None
        values = tables.ledger.collect("pyarrow").to_native().to_pandas()["value"]
    assert sum(values) == 6_000_000


def test_a_mapping_that_names_a_column_twice_is_refused() -> None:
    columns = {"events": {"value": "amount", "Value": "points"}}
    with pytest.raises(ConfigError, match="'value' and 'Value' of 'events' are the same column"):
        parse_config({"name": "shop", "columns": columns})


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_a_metric_finds_columns_in_any_case(library: str) -> None:
    linear = Transform("linear", scale=None, shape=None, cap=4)
    behaviours = tuple(
        WeightedBehaviour(name, 50, None, None, "frequency", "events", linear)
        for name in ("call", "visit")
    )
    metric = EngagementMetric("shop", "driver", 84, 84, behaviours)
    counts = pd.DataFrame({"VISIT": [4, 0], "Call": [0, 2], "Score": [7, 7]})
    events = pd.DataFrame({"Customer_ID": [1, 1, 2], "Timestamp": DAYS, "Event_Type": "visit",
                           "Event_ID": ["a", "a", "b"]})  # fmt: skip
    make: Any = {"pandas": lambda f: f, "polars": pl.from_pandas, "duckdb": duckdb.from_df}[library]
    by_count = plain(metric.score(make(counts)))
    assert by_count["score"].tolist() == [50.0, 25.0]
    assert "Score" not in by_count
    by_event = plain(metric.score_events(make(events), as_of="2024-02-01"))
    assert by_event["score"].tolist() == [12.5, 12.5]


def plain(frame: Any) -> pd.DataFrame:
    collected = nw.from_native(frame).lazy().collect("pandas")
    return collected.to_native()


@pytest.mark.parametrize("door", DOORS)
def test_columns_that_are_mapped_to_null_are_left_out(door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_left_out(engine, {n: door(frame, tmp_path, n) for n, frame in LEFT_OUT.items()})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"customers": {"total_spend": None}}, "column 'total_spend', which 'columns: {customers: "
         "{total_spend: null}}' names, is missing (did you mean 'Total_Spent'?)"),
        ({"events": {"Timestamp": None}}, "key 'columns.events.Timestamp': the table needs this "
         "column, so it cannot be null; give its name in the source"),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_left_out_is_named(columns: Any, message: str) -> None:
    config = parse_config({"name": "shop", "columns": columns})
    with open_duckdb(threads=1) as engine, pytest.raises((InputError, ConfigError)) as caught:
        read_tables(config, engine, LEFT_OUT)
    assert message in str(caught.value)


def test_customers_to_score_need_no_column_that_is_left_out() -> None:
    config = parse_config({"name": "shop", "columns": {"customers": {"total_spent": None}}})
    with open_duckdb(threads=1) as engine:
        read = read_scoring_tables(
            config, engine, {"customers": LEFT_OUT["customers"][["customer_id"]]}
        )
    assert read["customers"].quality.rows_kept == 2
