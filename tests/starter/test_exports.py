"""Public export formats, through `init` and then read: the right customers, money and moments."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
import yaml

from engagement_ml.config import read_config
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import read_tables
from engagement_ml.workflow import init
from tests.starter.made_up import EXPORTS, TYPES, shop

ORDERS = {"Shopify orders", "Stripe payments", "Online Retail"}
NO_REFUNDS = {"Snowplow, atomic events"}
DOLLARS = {"Segment, JSON lines", "Stripe payments"}
"""Formats whose made-up export is in dollars."""


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_needs_no_writing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    files = EXPORTS[name](data)
    result = init([f.relative_to(tmp_path) for f in files], "config/shop.yaml")
    events = result.starter.plans["events"]
    assert (events.export or "").startswith(name.partition(",")[0].replace("GA4", "Google"))
    config = read_config(Path("config/shop.yaml"))
    # Every quote and comment reads back as what was meant.
    assert_written(result)
    expected = shop()
    refunds = name not in NO_REFUNDS
    with open_duckdb() as engine:
        tables = read_tables(config, engine)
        paid = tables.transactions.collect("pandas").to_native()
    assert paid["margin"].sum() == pytest.approx(expected.margin(refunds), abs=0.5)
    buyers = {row.customer for row in expected.purchases}
    assert paid["customer_id"].nunique() == len(buyers)
    late = paid["timestamp"].min() - min(row.moment for row in expected.purchases)
    # Online Retail has no seconds.
    assert -pd.Timedelta("1min") < late <= pd.Timedelta(0)
    assert config.currency == ("USD" if name in DOLLARS else "EUR")
    if name not in ORDERS:
        counts = {n: tables.event_counts.get(n, 0) for n in TYPES[2:]}
        assert counts == {name: expected.count(name, refunds) for name in counts}
        first = tables.quality[0].first
        assert first is not None
        assert first.replace(microsecond=0) == min(r.moment for r in expected.rows(refunds))
    assert config.windows.observation_days + config.windows.outcome_days < 30 * 7


def assert_written(result) -> None:
    written = yaml.safe_load(result.text)
    expected = result.starter.settings(result.path.parent)
    for section in ("sources", "columns", "shape"):
        for table, entries in expected.get(section, {}).items():
            assert written[section][table] == entries


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_only_orders_are_said_to_be_little(name, tmp_path):
    result = init(EXPORTS[name](tmp_path), tmp_path / "shop.yaml")
    assert any("add a table of what customers do between" in s for s in result.starter.unsure)
    assert "takes revenue as margin" in result.text
    assert any("ranking will be one of revenue" in each for each in result.starter.unsure)


def test_shipping_and_cancelled_orders_do_not_count(tmp_path):
    """Only the first row of an order has amounts; the day of a cancelled order brings nothing."""
    (file,) = EXPORTS["Shopify orders"](tmp_path)
    table = pd.read_csv(file, dtype=str)
    place = table["Subtotal"].first_valid_index()
    table.loc[place, "Cancelled at"] = "2024-01-09 10:00:00 -0500"
    subtotal = float(table.loc[place, "Subtotal"])
    table.to_csv(file, index=False)
    init([file], tmp_path / "shop.yaml")
    with open_duckdb() as engine:
        paid = read_tables(read_config(tmp_path / "shop.yaml"), engine).transactions
        total = paid.collect("pandas").to_native()["margin"].sum()
    assert total == pytest.approx(shop().margin() - subtotal, abs=0.01)


def test_offsets_become_utc(tmp_path):
    init(EXPORTS["Shopify orders"](tmp_path), tmp_path / "shop.yaml")
    with open_duckdb() as engine:
        tables = read_tables(read_config(tmp_path / "shop.yaml"), engine)
    last = max(row.moment for row in shop().purchases)
    assert tables.quality[1].last is not None
    assert tables.quality[1].last.replace(microsecond=0) == last
    assert tables.history.end == last.date() + dt.timedelta(days=1)
