"""The smallest effect that is found: against trained runs, and what it depends on."""

from __future__ import annotations

import statistics
from typing import Any

import pandas as pd
import pytest

import engagement_ml as em
from engagement_ml.config import parse_config
from engagement_ml.drivers.estimation.window_effect import NORMAL_95
from engagement_ml.drivers.estimators import ObservationEstimator
from engagement_ml.drivers.study import Study
from engagement_ml.engine import open_duckdb
from engagement_ml.features import build_periods
from engagement_ml.inputs import read_tables
from engagement_ml.readiness.approximating import approximate_variation
from engagement_ml.readiness.measuring import measure_variation
from engagement_ml.readiness.variation import LARGEST_SHARE, LIMIT, Variation
from engagement_ml.windows import plan_windows
from tests.readiness.conftest import SETTINGS


def by_name(found: Variation) -> dict[str, Any]:
    return {each.behaviour: each for each in found.behaviours}


@pytest.fixture(scope="module")
def engine_tables(shop_frames):
    config = parse_config(SETTINGS)
    with open_duckdb() as engine:
        tables = read_tables(config, engine, shop_frames)
        yield tables, config, plan_windows(tables.history, config.windows)


def test_predicted_errors_are_those_of_training(checked, engine_tables):
    """Half of the predictions are within a factor of 1.5, nearly all within 2.5."""
    tables, config, windows = engine_tables
    periods = build_periods(tables, config, until=windows.fit_until)
    estimates = ObservationEstimator().estimate(Study(periods, None, windows, config))
    predicted = by_name(checked.variation)
    ratios = [
        (effect.high - effect.low) / 2 / NORMAL_95 / predicted[name].standard_error
        for name, effect in estimates.within.items()
    ]
    assert len(ratios) == len(predicted)
    assert 1 / 1.5 < statistics.median(ratios) < 1.5
    assert sum(1 / 2.5 < ratio < 2.5 for ratio in ratios) >= 0.8 * len(ratios)


def test_the_smallest_effect_is_z_times_the_error(checked):
    found = checked.variation
    assert LIMIT == pytest.approx(4.84)  # noqa: SIM300
    assert found.smallest_interest == pytest.approx(0.01 * found.mean_margin)
    for each in found.behaviours:
        assert each.smallest_effect == pytest.approx(LIMIT * each.standard_error)
        share = each.smallest_effect * each.deviation / found.mean_margin
        assert each.smallest_share == pytest.approx(share)
        assert each.reachable == (share <= LARGEST_SHARE)
        assert bool(each.advice) == (share > 0.01)


def test_a_sample_of_customers_predicts_what_all_do(checked, engine_tables):
    found = measure_variation(*engine_tables, customers=300)
    assert (found.customers, found.trained_on, found.measured_on) == (600, 600, 300)
    whole = by_name(checked.variation)
    ratios = [b.standard_error / whole[b.behaviour].standard_error for b in found.behaviours]
    assert 0.75 < statistics.median(ratios) < 1.33


def test_counts_from_rows_alone_give_the_same_scale(checked, engine_tables, shop_frames):
    """A tenth of the events, in no whole history: numbers of events agree, errors roughly."""
    tables, config, windows = engine_tables
    tenth = shop_frames["events"].iloc[::10]
    sampled = read_tables(config, tables.engine, {**shop_frames, "events": tenth})
    found = by_name(approximate_variation(sampled, config, windows, 0.1))
    ratios = []
    for name, exact in by_name(checked.variation).items():
        each = found[name]
        assert each.events == pytest.approx(exact.events, rel=0.25)
        assert each.deviation == pytest.approx(exact.deviation, rel=0.35)
        ratios.append(each.standard_error / exact.standard_error)
    assert 1 / 3 < statistics.median(ratios) < 3


def test_a_behaviour_that_never_changes_cannot_reach_a_verdict(shop_frames):
    """Everybody does it once a day, so no customer differs from what is usual."""
    events, paid = shop_frames["events"], shop_frames["transactions"]
    days = pd.date_range(events["timestamp"].min().normalize(), events["timestamp"].max())
    every = pd.MultiIndex.from_product([sorted(events["customer_id"].unique())[:200], days])
    daily = every.to_frame(index=False, name=["customer_id", "timestamp"])
    daily["event_type"] = "heartbeat"
    few = events[events["customer_id"].isin(daily["customer_id"])]
    frames = {"events": pd.concat([few, daily]), "transactions": paid}
    found = em.check(SETTINGS, frames=frames, progress=False).variation
    heartbeat = by_name(found)["heartbeat"]
    assert not heartbeat.reachable
    assert heartbeat.advice


def test_few_buyers_are_an_obstacle(shop_frames):
    paid = shop_frames["transactions"]
    few = paid[paid["customer_id"].isin(sorted(paid["customer_id"].unique())[:20])]
    frames = {**shop_frames, "transactions": few}
    result = em.check(SETTINGS, frames=frames, progress=False)
    assert result.usable
    assert "customers with margin, 30 are needed" in result.variation.obstacle
    assert not any(each.reachable for each in result.variation.behaviours)
    assert result.maturity.level < 3


def test_a_churn_event_is_judged_by_who_churned(shop_frames):
    events = shop_frames["events"]
    leavers = events.groupby("customer_id")["timestamp"].max().reset_index().iloc[::2]
    leavers = leavers.assign(event_type="cancelled", timestamp=pd.Timestamp("2024-05-20"))
    frames = {**shop_frames, "events": pd.concat([events, leavers])}
    keys = {**SETTINGS, "churn": {"kind": "event", "event_type": "cancelled"}}
    found = em.check(keys, frames=frames, progress=False).variation
    assert 200 < found.churned <= 300
    assert 1.3 < found.hazard_ratio < 1.4
