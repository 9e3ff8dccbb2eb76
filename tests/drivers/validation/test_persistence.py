"""Persistence of effects: lasting effects, and effects that end during the history."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.estimation.window_effect import estimate_window_effect
from engagement_ml.drivers.validation.persistence import compare_in_time

SPANS = spans_from_config(WindowsConfig())
N_PERIODS = 44


def compare(make_periods, seed: int, later_share: float, n: int = 2000, turn: int = 24):
    """Simulate an effect that is multiplied by `later_share` from period `turn` on."""
    rng = np.random.default_rng(seed)
    affinity = rng.standard_normal((n, 1))
    counts = rng.poisson(0.5 * np.exp(0.5 * affinity) * np.ones((1, N_PERIODS)))
    stock = np.zeros((n, N_PERIODS))
    for lag in range(1, 7):
        stock[:, lag:] += counts[:, :-lag]
    strength = np.where(np.arange(N_PERIODS) < turn, 1.0, later_share) * 0.12
    orders = rng.poisson(0.5 * np.exp(0.5 * affinity) * (1 + strength * stock))
    periods = make_periods({"x": counts}, 10.0 * orders, orders=orders)
    main = estimate_lag_effects(periods, ("x",), SPANS.lags, burn_in=4, nonlinear=True)
    effects = {"x": estimate_window_effect(main, 0)}
    comparisons = compare_in_time(periods, main, effects, ["x"], burn_in=4)
    return comparisons["x"], effects["x"].effect


@pytest.mark.parametrize("seed", range(3))
def test_a_lasting_effect_is_equal_early_and_late(make_periods, seed: int) -> None:
    comparison, effect = compare(make_periods, seed, 1.0)
    assert not comparison.ended
    for value, low, high in (comparison.early, comparison.late):
        assert low <= value <= high
        assert value == pytest.approx(effect, rel=0.35)


@pytest.mark.parametrize("seed", range(3))
def test_an_effect_that_stops_midway_has_ended(make_periods, seed: int) -> None:
    comparison, effect = compare(make_periods, seed, 0.0)
    assert comparison.ended
    assert comparison.early[0] > effect
    assert comparison.late[1] <= 0.15 * comparison.early[0]


@pytest.mark.parametrize("seed", range(3))
def test_an_effect_that_stops_late_has_ended_and_its_end_is_dated(make_periods, seed: int) -> None:
    comparison, effect = compare(make_periods, seed, 0.0, turn=34)
    assert comparison.ended
    assert comparison.early[0] > effect
    # three quarters of the 40 periods after a burn-in of 4 end with the 34th
    assert comparison.turn == dt.date(2023, 1, 2) + dt.timedelta(weeks=34)


@pytest.mark.parametrize("seed", range(3))
def test_a_weakened_effect_has_not_ended(make_periods, seed: int) -> None:
    assert not compare(make_periods, seed, 0.6)[0].ended


def test_without_a_nonlinear_fit_there_is_no_comparison(make_periods) -> None:
    periods = make_periods({"x": np.ones((50, 40))}, np.ones((50, 40)))
    main = estimate_lag_effects(periods, ("x",), SPANS.lags, burn_in=4)
    assert compare_in_time(periods, main, {}, ["x"], burn_in=4) == {}
