"""Pairs that only work together are found, those that add up are not; Holm's adjustment."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.evidence import PairRow
from engagement_ml.drivers.selection.window_rows import window_rows
from engagement_ml.drivers.validation.interactions import compare_pairs, holm_adjusted

SPANS = spans_from_config(WindowsConfig())
LEVEL = 0.35 * 10


def drawn(make_periods, seed: int, share):
    """Orders whose rate is a share of the usual one, by the stocks of two behaviours."""
    rng = np.random.default_rng(seed)
    n, n_periods = 1500, 44
    liking = rng.standard_normal((n, 1))
    counts, stocks = [], []
    for _ in range(2):
        wave = np.zeros((n, n_periods))
        for t in range(1, n_periods):
            wave[:, t] = 0.85 * wave[:, t - 1] + 0.4 * rng.standard_normal(n)
        counts.append(rng.poisson(0.5 * np.exp(0.3 * liking + wave)))
        stock = np.zeros((n, n_periods))
        for lag in range(1, 13):
            stock[:, lag:] += counts[-1][:, :-lag]
        stocks.append(stock)
    orders = rng.poisson(0.35 * np.exp(0.5 * liking - 0.125) * share(*stocks))
    return make_periods({"a": counts[0], "b": counts[1]}, 10.0 * orders, orders=orders)


def compared(periods):
    rows = window_rows(periods, SPANS)
    spread = {b: float(rows.counts[:, j].std()) for j, b in enumerate(periods.behaviours)}
    rolling = RollingCounts.from_periods(periods, SPANS, periods.behaviours)
    (pair,) = compare_pairs(rolling, periods.behaviours, spread, SPANS.outcome)
    return pair, spread["a"] * spread["b"]


def test_behaviours_that_add_up_are_no_pair(make_periods) -> None:
    verdicts = []
    for seed in range(3):
        pair, _ = compared(drawn(make_periods, seed, lambda x, y: 1 + 0.06 * x + 0.06 * y))
        verdicts.append(pair.verdict)
        assert pair.low <= pair.effect <= pair.high
    assert verdicts.count("no difference found") == 3


def test_behaviours_that_only_work_together_are_a_pair(make_periods) -> None:
    pair, spread = compared(drawn(make_periods, 1, lambda x, y: 1 + 0.01 * x * y))
    assert pair.verdict == "more together"
    assert pair.p_value < 1e-6
    assert pair.effect == pytest.approx(0.01 * LEVEL * SPANS.outcome * spread, rel=0.6)


def test_behaviours_either_of_which_would_do_bring_less_together(make_periods) -> None:
    pair, _ = compared(drawn(make_periods, 2, lambda x, y: 1 + 3 * (1 - np.exp(-(x + y) / 6))))
    assert pair.verdict == "less together"
    assert pair.high < 0


def pair_row(p_value: float, effect: float) -> PairRow:
    return PairRow("x", "y", effect, effect, effect, p_value, "")


def test_holm_by_hand() -> None:
    p_values = [0.020, 0.001, 0.040, 0.0024]
    rows = [pair_row(p, e) for p, e in zip(p_values, (1, 1, -1, -1), strict=True)]
    found = holm_adjusted(rows, 0.01)
    # 4 × 0.001, 3 × 0.0024, 2 × 0.020, 1 × 0.040, none below the one before.
    expected = [0.040, 0.004, 0.040, 0.0072]
    assert [r.p_value for r in found] == pytest.approx(expected)
    assert [r.verdict for r in found] == [
        "no difference found",
        "more together",
        "no difference found",
        "less together",
    ]


def test_holm_never_exceeds_one() -> None:
    rows = [pair_row(0.9, 1.0), pair_row(0.5, 1.0)]
    assert [r.p_value for r in holm_adjusted(rows, 0.01)] == [1.0, 1.0]


def test_one_behaviour_makes_no_pair(make_periods) -> None:
    periods = make_periods({"a": np.ones((40, 30))}, np.ones((40, 30)))
    assert (
        compare_pairs(RollingCounts.from_periods(periods, SPANS, ("a",)), ("a",), {"a": 1.0}, 12)
        == ()
    )
