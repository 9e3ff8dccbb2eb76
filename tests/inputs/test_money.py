"""Amounts in one currency, repeated transactions, revenue that is dropped with its row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.inputs import Dropped, Tables, read_tables
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow import score
from tests.doors import DOORS, Door, as_csv

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"])
EVENTS = pd.DataFrame({"customer_id": [1, 2, 3, 4], "timestamp": DAYS, "event_type": "visit"})
Make = Callable[[pd.DataFrame, str], Any]


def read(engine: Engine, make: Make, **columns: Any) -> Tables:
    paid = pd.DataFrame({"customer_id": [1, 2, 3, 4], "timestamp": DAYS, **columns})
    config = parse_config({"name": "shop", "engine": {"keep": None}})
    sources = {"events": make(EVENTS, "events"), "transactions": make(paid, "transactions")}
    return read_tables(config, engine, sources)


def check_revenue(engine: Engine, make: Make) -> None:
    tables = read(engine, make, revenue=[50.0, 30.0, -10.0, 10.0], cost=[9.0, None, None, 4.0])
    assert tables.quality[1].dropped == (Dropped("null margin", 2, 20.0, 0.4),)
    assert tables.notes[-1].endswith(
        "2 rows dropped without a margin, with €20.00 of revenue (40.0%); fill in the missing cost."
    )
    small = read(engine, make, revenue=[5000.0, 4.0, 1.0, 1.0], cost=[9.0, None, 0.5, 0.5])
    assert small.quality[1].dropped[0].revenue == 4.0
    assert not any("revenue" in note for note in small.notes)


def check_repeats(engine: Engine, make: Make) -> None:
    """The earliest usable row of an id stays; rows without an id are no repeats."""
    tables = read(engine, make, margin=[None, 2.0, 3.0, 4.0], transaction_id=["a", "a", "a", None])
    assert tables.quality[1].dropped == (
        Dropped("null margin", 1), Dropped("repeated transaction_id", 1),
    )  # fmt: skip
    found = (
        tables.transactions.select("margin").collect("pyarrow").to_native().to_pandas()["margin"]
    )
    assert sorted(found) == [2.0, 4.0]
    assert "1 row dropped because of a repeated transaction_id" in tables.notes[-1]


def check_currencies(engine: Engine, make: Make) -> None:
    same = read_currency(engine, make, ["EUR", "eur ", None, "EUR"])
    assert same.notes[-1].endswith("1 row without a currency counted as EUR.")
    several = r"'currency' holds EUR \(3 rows\) and USD \(1 row\), which must not be added up"
    with pytest.raises(InputError, match=several):
        read_currency(engine, make, ["EUR", "USD", "EUR", "EUR"])
    with pytest.raises(ConfigError, match=r"key 'currency': is EUR, .* write 'currency: USD'"):
        read_currency(engine, make, ["USD"] * 4)


def read_currency(engine: Engine, make: Make, codes: list[Any]) -> Tables:
    return read(engine, make, margin=1.0, **{"Currency": codes})


def check_codes(engine: Engine, make: Make) -> None:
    """Numbers of a CSV file are numbers, codes with zeros in front are text."""
    paid = pd.DataFrame({"customer_id": [1, 2], "timestamp": DAYS[:2], "margin": 1.0})
    people = pd.DataFrame({"customer_id": [1, 2], "postcode": ["01067", "80331"],
                           "account": ["4000123412341234", "5"], "age": ["30", "0.5"],
                           "text_0": ["0", "-1"]})  # fmt: skip
    frames = {"events": EVENTS, "transactions": paid, "customers": people}
    sources = {name: make(frame, name) for name, frame in frames.items()}
    tables = read_tables(parse_config({"name": "shop"}), engine, sources)
    assert tables.customers is not None
    found = tables.customers.collect("pyarrow").to_native().to_pandas().sort_values("customer_id")
    assert found["postcode"].tolist() == ["01067", "80331"]
    assert found["account"].tolist() == ["4000123412341234", "5"]
    assert found["age"].tolist() == [30.0, 0.5]
    assert found["text_0"].tolist() == [0.0, -1.0]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("check", [check_revenue, check_repeats, check_currencies])
def test_money(check: Callable[[Engine, Make], None], door: Door, tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check(engine, lambda frame, name: door(frame, tmp_path, name))


def test_codes_of_a_csv_keep_their_zeros(tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        check_codes(engine, lambda frame, name: as_csv(frame, tmp_path, name))


@pytest.mark.parametrize("ids", [["007", "12"], [7, 12]])
def test_scores_keep_ids_as_they_are(ids: list[Any], tmp_path: Path) -> None:
    linear = Transform("linear", scale=None, shape=None, cap=4)
    visit = WeightedBehaviour("visit", 100, None, None, "frequency", "events", linear)
    metric = EngagementMetric("shop", "driver", 84, 84, (visit,))
    events = pd.DataFrame({"customer_id": ids, "timestamp": DAYS[:2], "event_type": "visit"})
    for output in (None, tmp_path / "scores.csv", tmp_path / "scores.parquet"):
        frame = score(metric, events, output=output).frame
        assert frame["customer_id"].tolist() == ids
        assert frame["score"].tolist() == [25.0, 25.0]
