"""Early warnings: falls below the own usual, the false discovery rate, and the backtest."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engagement_ml.features.period_panel import Periods
from engagement_ml.lifecycle.monitoring.early_warning import (
    COLUMNS,
    benjamini_hochberg,
    find_falls,
    warning_row,
)
from engagement_ml.lifecycle.monitoring.usual_counts import compare_with_usual
from engagement_ml.lifecycle.monitoring.warning_backtest import (
    CHURN,
    EVERYONE,
    WARNED,
    WARNINGS,
    PastWarnings,
    backtest,
    backtest_sentences,
)
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

DAY = dt.date(2024, 1, 1)
WINDOWS = 14
CURVE = Transform("linear", scale=None, shape=None, cap=10.0)
METRIC = EngagementMetric(
    "shop",
    "driver",
    84,
    84,
    (WeightedBehaviour("visit", 100, None, None, "frequency", "events", CURVE),),
)


def periods(
    counts: np.ndarray, *, margin: float = 10.0, entry: np.ndarray | None = None
) -> Periods:
    n = len(counts)
    amounts = np.full((n, counts.shape[1]), 10.0)
    return Periods(
        entities=np.arange(n),
        behaviours=("visit",),
        period_days=28,
        start=DAY,
        until=DAY + dt.timedelta(28 * counts.shape[1]),
        counts=counts[..., None].astype(np.float32),
        gain=amounts,
        loss=np.zeros_like(amounts),
        orders=np.ones_like(amounts, dtype=np.float32),
        entry=np.zeros(n, dtype=np.int32) if entry is None else entry.astype(np.int32),
        exit=np.full(n, counts.shape[1], dtype=np.int32),
        segments={},
    )


def counts_with_falls(seed: int = 0, n: int = 2000, falling: int = 100) -> np.ndarray:
    """Counts with a season and bursts; the first customers fall to a tenth in the last window."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(3.0, 6.0, (n, 1)) + 4
    season = 1 + 0.5 * np.sin(np.arange(WINDOWS))
    mean = rate * season * rng.gamma(10.0, 0.1, (n, WINDOWS))
    mean[:falling, -1] *= 0.1
    return rng.poisson(mean)


def test_falls_are_found_and_chance_is_held():
    false = found = 0
    for seed in range(4):
        falls = find_falls(periods(counts_with_falls(seed)), METRIC)
        found += int(falls.warned[:100].sum())
        false += int(falls.warned[100:].sum())
    assert found > 200
    assert false / (found + false) < 0.15


def test_customers_who_always_do_little_are_not_warned_of():
    counts = np.random.default_rng(1).poisson(20.0, (1500, WINDOWS))
    counts[:300] = np.random.default_rng(2).poisson(2.0, (300, WINDOWS))
    falls = find_falls(periods(counts), METRIC)
    assert not falls.warned[:300].any()


def test_a_common_fall_is_no_fall_of_single_customers():
    counts = np.random.default_rng(1).poisson(20.0, (1500, WINDOWS))
    counts[:, -1] = np.random.default_rng(2).poisson(6.0, 1500)
    assert find_falls(periods(counts), METRIC).warned.sum() <= 2


def test_those_who_left_long_ago_are_no_early_warning():
    counts = counts_with_falls(falling=100)
    counts[200:300, 6:] = 0
    falls = find_falls(periods(counts), METRIC)
    assert not falls.tested[200:300].any()
    assert falls.warned[:100].sum() > 40


def test_the_table_is_ordered_by_the_margin_at_stake():
    data = periods(counts_with_falls())
    worth = np.random.default_rng(3).gamma(1.0, 50.0, 2000)
    worth[:50] = -5.0
    falls = find_falls(replace(data, gain=data.gain * worth[:, None]), METRIC)
    table = falls.table()
    assert tuple(table.columns) == COLUMNS
    assert table["margin_at_stake"].is_monotonic_decreasing
    assert (table["margin_at_stake"] >= 0).all()
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    first = table.iloc[0]
    usual = worth[first["customer_id"]] * 10.0 * 84 / 28
    assert first["usual_margin"] == pytest.approx(usual, abs=0.01)
    lost = 1 - first["count"] / first["usual_count"]
    assert first["margin_at_stake"] == pytest.approx(usual * lost, rel=0.01)


def test_newcomers_and_short_histories_are_not_tested():
    counts = counts_with_falls()
    entry = np.zeros(2000)
    entry[:100] = WINDOWS - 4
    falls = find_falls(periods(counts, entry=entry), METRIC)
    assert not falls.tested[:100].any()
    short = find_falls(periods(counts[:, :4]), METRIC)
    row = warning_row(short, METRIC, DAY, 28)
    assert (row.status, row.value) == ("unknown", None)
    assert short.table().empty


def test_a_few_customers_are_no_basis_for_a_test():
    assert not find_falls(periods(counts_with_falls(n=30, falling=3)), METRIC).tested.any()


def test_without_events_there_is_nothing_to_test():
    falls = find_falls(periods(np.zeros((50, WINDOWS))), METRIC)
    assert not falls.tested.any()
    none = replace(periods(np.zeros((5, WINDOWS))), behaviours=(), counts=np.zeros((5, WINDOWS, 0)))
    assert find_falls(none, METRIC).table().empty


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1)))
def test_adjusted_p_values_keep_the_order_and_are_no_smaller(p_values):
    q_values = benjamini_hochberg(p_values)
    assert (q_values >= p_values - 1e-12).all()
    assert (q_values <= 1).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(q_values[order]) >= -1e-12).all()


@given(st.integers(0, 30))
def test_fewer_events_are_never_less_unusual(lower):
    counts = np.random.default_rng(4).poisson(15.0, (200, WINDOWS)).astype(float)
    present = np.ones(counts.shape, dtype=bool)
    counts[0, -1], counts[1, -1] = lower, lower + 1
    counts[1, :-1] = counts[0, :-1]
    usual = compare_with_usual(counts, present)
    assert usual.p_value[0] <= usual.p_value[1]


def past(seed: int = 0) -> PastWarnings:
    """Two cutoffs; the warned lose their margin, and the other ranking names at random."""
    rng = np.random.default_rng(seed)
    n = 1000
    customer, cutoff = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    warned = rng.random(2 * n) < 0.04
    usual = rng.gamma(2.0, 50.0, 2 * n)
    later = usual * np.where(warned, 0.1, 1.0) * 0.6
    return PastWarnings(
        customer, cutoff, warned, rng.random(2 * n), usual, later, {CHURN: rng.random(2 * n)}
    )


def test_the_backtest_credits_what_names_the_lost():
    result = backtest(past())
    rows = result["rankings"]
    assert result["reason"] is None
    assert rows[WARNED]["precision"]["value"] == 1.0
    assert rows[WARNINGS]["caught"]["value"] > 0.9
    assert rows[CHURN]["precision"]["value"] < 0.2
    assert rows[CHURN]["precision_difference"]["low"] > 0.3
    assert rows[EVERYONE]["caught"]["value"] == 1.0
    sentences = backtest_sentences(result)
    assert len(sentences) == 1 + len(rows)


def test_a_backtest_of_too_few_customers_says_so():
    small = past()
    few = PastWarnings(
        *(getattr(small, name)[:100] for name in ("customer", "cutoff", "warned", "priority")),
        usual=small.usual[:100],
        later=small.later[:100],
        rankings={},
    )
    result = backtest(few)
    assert result["rankings"] == {}
    assert "are needed" in backtest_sentences(result)[0]
