"""Amounts of parts of margin against pandas, on every engine, and with odd values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.drivers import period_days
from engagement_ml.engine import open_duckdb
from engagement_ml.features import build_panel, build_periods
from engagement_ml.features.part_totals import PartTotals, part_totals, part_values
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.windows import plan_windows

SETTINGS = {
    "name": "shop",
    "windows": {"observation_days": 28, "outcome_days": 28, "every_days": 28},
    "sources": {"events": "e.parquet", "transactions": "t.parquet"},
}
PARTS = {"soft": ["clothing", " beauty "], "home": ["home"]}


def tables_of(shop: Any, engine: Any, config: PipelineConfig) -> Tables:
    transactions = shop.transactions.copy()
    transactions["product"] = transactions["product"].replace({"beauty": " beauty ", "toys": None})
    frames = {"events": shop.events, "transactions": transactions}
    return read_tables(config, engine, frames, extra=True)


def values_of(tables: Tables, columns: list[str]) -> dict[Any, float]:
    return part_values(tables.engine, tables.transactions, columns)


def totals_of(tables: Tables, config: PipelineConfig, other: str | None = "other") -> PartTotals:
    return part_totals(
        tables,
        config,
        plan_windows(tables.history, config.windows),
        period_days=period_days(config.windows),
        columns=["product"],
        members={name: [(value,) for value in values] for name, values in PARTS.items()},
        other=other,
    )


@pytest.fixture(scope="module")
def read(small_shop: Any) -> Any:
    config = parse_config(SETTINGS)
    with open_duckdb() as engine:
        tables = tables_of(small_shop, engine, config)
        windows = plan_windows(tables.history, config.windows)
        days = period_days(config.windows)
        yield (
            tables,
            windows,
            build_panel(tables, config, windows),
            build_periods(tables, config, until=windows.fit_until, period_days=days),
            totals_of(tables, config),
        )


def test_values_and_their_amounts(read: Any, small_shop: Any) -> None:
    margin = values_of(read[0], ["product"])
    assert set(margin) == {("clothing",), (" beauty ",), ("home",), ("sport",), (None,)}
    known = read[0].transactions.collect("pandas").to_native()["margin"].abs().sum()
    assert sum(margin.values()) == pytest.approx(known, abs=1e-3)


def test_all_parts_add_up_to_the_whole(read: Any) -> None:
    _, windows, panel, periods, totals = read
    assert totals.names == ("soft", "home", "other")
    parts = [totals.periods(name, periods) for name in totals.names]
    for amount in ("gain", "loss", "orders"):
        added = sum(getattr(part, amount) for part in parts)
        np.testing.assert_allclose(added, getattr(periods, amount), atol=1e-6)
    frames = [totals.panel(name, panel, windows).frame for name in totals.names]
    for column in ("gain", "loss", "margin"):
        added = sum(frame[column].to_numpy() for frame in frames)
        np.testing.assert_allclose(added, panel.frame[column].to_numpy(), atol=1e-6)
    assert parts[0].counts is periods.counts


def test_a_part_is_what_pandas_adds_up(read: Any, small_shop: Any) -> None:
    tables, windows, panel, periods, totals = read
    rows = tables.transactions.collect("pandas").to_native()
    rows = rows[rows["product"].isin(PARTS["soft"])]
    soft = totals.periods("soft", periods)
    rng = np.random.default_rng(0)
    for customer in rng.choice(len(periods.entities), 60, replace=False):
        mine = rows[rows["customer_id"] == periods.entities[customer]]
        period = (mine["timestamp"] - pd.Timestamp(periods.start)).dt.days // periods.period_days
        inside = mine[(period >= 0) & (mine["timestamp"] < pd.Timestamp(periods.until))]
        gain = inside["margin"].clip(lower=0).groupby(period).sum()
        expected = gain.reindex(range(soft.gain.shape[1]), fill_value=0.0)
        np.testing.assert_allclose(soft.gain[customer], expected, atol=1e-6)
    frame = totals.panel("soft", panel, windows).frame
    for _, row in frame.sample(60, random_state=0).iterrows():
        window = windows.outcome(row["cutoff"].date())
        inside = rows[
            (rows["customer_id"] == row["customer_id"])
            & (rows["timestamp"] >= pd.Timestamp(window.start))
            & (rows["timestamp"] < pd.Timestamp(window.end))
        ]
        assert row["margin"] == pytest.approx(inside["margin"].sum(), abs=1e-6)


def test_without_the_other_part_uncovered_rows_are_left_out(read: Any) -> None:
    totals = totals_of(read[0], parse_config(SETTINGS), other=None)
    assert totals.names == ("soft", "home")
    for name in totals.names:
        np.testing.assert_array_equal(
            totals.periods(name, read[3]).gain, read[4].periods(name, read[3]).gain
        )
