"""Interactions of behaviour pairs are detected, additive effects are not; Holm's adjustment."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.evidence import PairRow
from engagement_ml.drivers.selection.window_rows import window_rows
from engagement_ml.drivers.validation.interactions import (
    NO_INTERACTION,
    compare_pairs,
    holm_adjusted,
)

SPANS = spans_from_config(WindowsConfig())
LEVEL = 0.35 * 10


def simulate(make_periods, seed: int, response):
    """Simulate orders whose rate responds to the stocks of two behaviours."""
    rng = np.random.default_rng(seed)
    n, n_periods = 1500, 44
    affinity = rng.standard_normal((n, 1))
    counts, stocks = [], []
    for _ in range(2):
        wave = np.zeros((n, n_periods))
        for t in range(1, n_periods):
            wave[:, t] = 0.85 * wave[:, t - 1] + 0.4 * rng.standard_normal(n)
        counts.append(rng.poisson(0.5 * np.exp(0.3 * affinity + wave)))
        stock = np.zeros((n, n_periods))
        for lag in range(1, 13):
            stock[:, lag:] += counts[-1][:, :-lag]
        stocks.append(stock)
    orders = rng.poisson(0.35 * np.exp(0.5 * affinity - 0.125) * response(*stocks))
    return make_periods({"a": counts[0], "b": counts[1]}, 10.0 * orders, orders=orders)


def compare(periods):
    rows = window_rows(periods, SPANS)
    std = {b: float(rows.counts[:, j].std()) for j, b in enumerate(periods.behaviours)}
    rolling = RollingCounts.from_periods(periods, SPANS, periods.behaviours)
    (pair,) = compare_pairs(rolling, periods.behaviours, std, SPANS.outcome)
    return pair, std["a"] * std["b"]


def test_additive_effects_are_no_interaction(make_periods) -> None:
    verdicts = []
    for seed in range(3):
        pair, _ = compare(simulate(make_periods, seed, lambda x, y: 1 + 0.06 * x + 0.06 * y))
        verdicts.append(pair.verdict)
        assert pair.low <= pair.effect <= pair.high
    assert verdicts.count("no difference found") == 3


def test_a_multiplicative_effect_is_a_positive_interaction(make_periods) -> None:
    pair, std_product = compare(simulate(make_periods, 1, lambda x, y: 1 + 0.01 * x * y))
    assert pair.verdict == "more together"
    assert pair.p_value < 1e-6
    assert pair.effect == pytest.approx(0.01 * LEVEL * SPANS.outcome * std_product, rel=0.6)


def test_substitutes_have_a_negative_interaction(make_periods) -> None:
    pair, _ = compare(simulate(make_periods, 2, lambda x, y: 1 + 3 * (1 - np.exp(-(x + y) / 6))))
    assert pair.verdict == "less together"
    assert pair.high < 0


def pair_row(p_value: float, effect: float) -> PairRow:
    return PairRow("x", "y", effect, effect, effect, p_value, "")


def test_holm_step_down_on_four_p_values() -> None:
    p_values = [0.020, 0.001, 0.040, 0.0024]
    rows = [pair_row(p, e) for p, e in zip(p_values, (1, 1, -1, -1), strict=True)]
    adjusted = holm_adjusted(rows, 0.01)
    # 4 × 0.001, 3 × 0.0024, 2 × 0.020, 1 × 0.040, each at least its predecessor
    expected = [0.040, 0.004, 0.040, 0.0072]
    assert [r.p_value for r in adjusted] == pytest.approx(expected)
    assert [r.verdict for r in adjusted] == [
        "no difference found",
        "more together",
        "no difference found",
        "less together",
    ]


def test_adjusted_p_values_are_at_most_one() -> None:
    rows = [pair_row(0.9, 1.0), pair_row(0.5, 1.0)]
    assert [r.p_value for r in holm_adjusted(rows, 0.01)] == [1.0, 1.0]


def test_all_pairs_are_tested_in_one_fit(make_periods) -> None:
    """One of ten pairs interacts, and it alone is found."""
    rng = np.random.default_rng(3)
    counts = {name: rng.poisson(0.2, (1200, 40)) for name in "abcde"}
    stocks = {name: np.zeros((1200, 40)) for name in "abcde"}
    for name, count in counts.items():
        for lag in range(1, 13):
            stocks[name][:, lag:] += count[:, :-lag]
    rate = 0.3 * (1 + 0.03 * stocks["c"] + 0.15 * stocks["a"] * stocks["b"])
    orders = rng.poisson(rate)
    periods = make_periods(counts, 10.0 * orders, orders=orders)
    rolling = RollingCounts.from_periods(periods, SPANS, periods.behaviours)
    rows = compare_pairs(rolling, periods.behaviours, dict.fromkeys("abcde", 1.0), 12)
    assert len(rows) == 10
    found = [(r.first, r.second) for r in rows if r.verdict != NO_INTERACTION]
    assert found == [("a", "b")]


def test_a_single_behaviour_has_no_pairs(make_periods) -> None:
    periods = make_periods({"a": np.ones((40, 30))}, np.ones((40, 30)))
    assert (
        compare_pairs(RollingCounts.from_periods(periods, SPANS, ("a",)), ("a",), {"a": 1.0}, 12)
        == ()
    )
