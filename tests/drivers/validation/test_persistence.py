"""Effects that last, and effects that end half-way through the history."""

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


def compared(make_periods, seed: int, share_later: float, n: int = 2000, turn: int = 24):
    """One behaviour raises orders; from a period on by a share of what it did before."""
    rng = np.random.default_rng(seed)
    liking = rng.standard_normal((n, 1))
    counts = rng.poisson(0.5 * np.exp(0.5 * liking) * np.ones((1, N_PERIODS)))
    stock = np.zeros((n, N_PERIODS))
    for lag in range(1, 7):
        stock[:, lag:] += counts[:, :-lag]
    strength = np.where(np.arange(N_PERIODS) < turn, 1.0, share_later) * 0.12
    orders = rng.poisson(0.5 * np.exp(0.5 * liking) * (1 + strength * stock))
    periods = make_periods({"x": counts}, 10.0 * orders, orders=orders)
    main = estimate_lag_effects(periods, ("x",), SPANS.lags, burn_in=4, nonlinear=True)
    effects = {"x": estimate_window_effect(main, 0)}
    found = compare_in_time(periods, main, effects, ["x"], burn_in=4)
    return found["x"], effects["x"].effect


@pytest.mark.parametrize("seed", range(3))
def test_what_lasts_is_the_same_early_and_late(make_periods, seed: int) -> None:
    found, effect = compared(make_periods, seed, 1.0)
    assert not found.ended
    for value, low, high in (found.early, found.late):
        assert low <= value <= high
        assert value == pytest.approx(effect, rel=0.35)


@pytest.mark.parametrize("seed", range(3))
def test_what_stops_half_way_has_ended(make_periods, seed: int) -> None:
    found, effect = compared(make_periods, seed, 0.0)
    assert found.ended
    assert found.early[0] > effect
    assert found.late[1] <= 0.15 * found.early[0]


@pytest.mark.parametrize("seed", range(3))
def test_what_stops_late_has_ended_and_when_is_told(make_periods, seed: int) -> None:
    found, effect = compared(make_periods, seed, 0.0, turn=34)
    assert found.ended
    assert found.early[0] > effect
    # Three quarters of the 40 periods after a burn-in of 4 end with the 34th.
    assert found.turn == dt.date(2023, 1, 2) + dt.timedelta(weeks=34)


@pytest.mark.parametrize("seed", range(3))
def test_what_weakens_has_not_ended(make_periods, seed: int) -> None:
    assert not compared(make_periods, seed, 0.6)[0].ended


def test_without_a_response_there_is_nothing_to_compare(make_periods) -> None:
    periods = make_periods({"x": np.ones((50, 40))}, np.ones((50, 40)))
    main = estimate_lag_effects(periods, ("x",), SPANS.lags, burn_in=4)
    assert compare_in_time(periods, main, {}, ["x"], burn_in=4) == {}
