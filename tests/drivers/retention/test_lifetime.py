"""Hazard ratio and lifetime effect, compared with simulated lives."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.retention.lifetime import (
    lifetime_weights,
    ratio_weights,
    retention_effects,
)

GROUPS = ((1, 1), (2, 2), (3, 4), (5, 8))


def mean_lifetime(hazard: np.ndarray, reduction: np.ndarray, horizon: int) -> float:
    """Return the exact mean of periods lived, one entity and one period at a time."""
    total = 0.0
    for p in hazard:
        alive = 1.0
        for period in range(1, horizon + 1):
            cut = reduction[period] if period < len(reduction) else 0.0
            alive *= 1.0 - p * (1.0 - cut)
            total += alive
    return total / hazard.size


@pytest.mark.parametrize("horizon", [6, 40, 400])
def test_lifetime_agrees_with_life_tables(horizon: int) -> None:
    hazard = np.random.default_rng(0).uniform(0.005, 0.2, 60)
    by_group = np.array([0.001, 0.002, 0.001, 0.0005])
    reduction = np.zeros(9)
    for (first, last), cut in zip(GROUPS, by_group, strict=True):
        reduction[first : last + 1] = cut
    slow = mean_lifetime(hazard, reduction, horizon) - mean_lifetime(hazard, 0 * reduction, horizon)
    assert lifetime_weights(hazard, GROUPS, horizon) @ by_group == pytest.approx(slow, rel=0.01)


def test_lifetime_agrees_with_simulated_lives() -> None:
    """The same random numbers with and without an event that halves the hazard at lags 2 to 4."""
    rng = np.random.default_rng(1)
    hazard, horizon = rng.uniform(0.02, 0.2, 50_000), 60
    lives = []
    for cut in (0.0, 0.5):
        alive, lived = np.ones(hazard.size, dtype=bool), np.zeros(hazard.size)
        draws = np.random.default_rng(2)
        for period in range(1, horizon + 1):
            factor = 1.0 - cut if 2 <= period <= 4 else 1.0
            alive &= draws.random(hazard.size) >= hazard * factor
            lived += alive
        lives.append(lived)
    change = lives[1] - lives[0]
    error = change.std() / np.sqrt(change.size)
    weights = lifetime_weights(hazard, GROUPS, horizon)
    # The formula is linear in the reduction; a second-order term of a tenth is left.
    assert weights[1:3] @ [0.5, 0.5] == pytest.approx(change.mean(), abs=4 * error + 0.12)


def effects_of(coef: list[float], error: float) -> LagEffects:
    rng = np.random.default_rng(3)
    influence = rng.standard_normal((500, 1, 4)) * error / np.sqrt(500)
    return LagEffects(("x",), Lags(GROUPS, np.ones(4)), np.array([coef]), influence, np.zeros(1))


def test_hazard_ratio_is_the_mean_over_the_lags() -> None:
    effects = effects_of([0.04, 0.03, 0.02, 0.01], 0.0005)
    found = retention_effects(effects, np.full(50, 0.02), 5.0, horizon=150)["x"]
    mean = (0.04 + 0.03 + 2 * 0.02 + 4 * 0.01) / 8
    assert ratio_weights(GROUPS).sum() == pytest.approx(1.0)
    assert found.hazard_ratio == pytest.approx(1 - mean, abs=0.002)
    assert found.hazard_ratio_low < found.hazard_ratio < found.hazard_ratio_high < 1
    periods = lifetime_weights(np.full(50, 0.02), GROUPS, 150) @ [0.04, 0.03, 0.02, 0.01]
    assert found.lifetime == pytest.approx(5.0 * periods, rel=0.05)


def test_intervals_cover_and_what_is_not_identified_is_left_out() -> None:
    rng, inside = np.random.default_rng(4), 0
    truth = np.array([0.04, 0.03, 0.02, 0.01])
    for _ in range(20):
        drawn = truth + 0.004 * rng.standard_normal(4)
        found = retention_effects(
            effects_of(drawn.tolist(), 0.004), np.full(9, 0.02), 1.0, horizon=150
        )["x"]
        inside += (
            found.hazard_ratio_low <= 1 - ratio_weights(GROUPS) @ truth <= (found.hazard_ratio_high)
        )
    assert inside >= 16
    assert retention_effects(effects_of([0.0] * 4, 0.0), np.full(9, 0.1), 1.0, horizon=9) == {}
