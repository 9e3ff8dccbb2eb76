"""Placebo behaviours: they show no effect in sound data, and one where the estimates are misled."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.drivers.validation.placebo_series import shift_in_time, similar_donors
from engagement_ml.drivers.validation.placebos import PlaceboDraws, placebo_draws
from engagement_ml.features.period_panel import Periods

CONFIG = parse_config(
    {"name": "shop", "windows": {"observation_days": 42, "outcome_days": 42}}, origin="test"
)
N, T = 1200, 48


def draws_of(periods: Periods) -> PlaceboDraws:
    study = Study(periods, None, None, CONFIG)
    return placebo_draws(study, periods.behaviours, periods.behaviours)


def reached(z) -> float:
    return PlaceboDraws.reached(z, THRESHOLDS.placebo_quantile)


def shop_with(make_periods, wave, rate: float = 0.6, seed: int = 3) -> Periods:
    """Behaviours and orders that a hidden cause ``wave`` (n, T) of the log rate moves alike."""
    rng = np.random.default_rng(seed)
    counts = {name: rng.poisson(rate * np.exp(wave)) for name in ("search", "open")}
    return make_periods(counts, 10.0 * rng.poisson(0.4 * np.exp(wave)))


def test_placebos_of_a_driver_show_no_effect(simulate_shop) -> None:
    periods = simulate_shop(3, effect=0.25, n=N, n_periods=T)
    draws = draws_of(periods)
    assert draws.converged
    for z in (draws.swapped, draws.shifted):
        assert reached(z) < THRESHOLDS.min_z
        # z of what cannot act is standard normal
        assert 0.6 < z.std() < 1.5
    np.testing.assert_array_equal(draws.swapped, draws_of(periods).swapped)


def test_swapped_series_find_a_season_of_some_customers(make_periods) -> None:
    """Customers who buy much share a season, which no segment tells from the others."""
    rng = np.random.default_rng(1)
    gifts = np.where(rng.random((N, 1)) < 0.3, 1.2, 0.0)
    wave = gifts * (np.sin(np.arange(T) * 2 * np.pi / 16) + 1.0)
    assert reached(draws_of(shop_with(make_periods, wave)).swapped) > THRESHOLDS.min_z


def test_shifted_series_find_a_slow_trend(make_periods) -> None:
    """Each customer's interest drifts for a year; swapped series do not hold it."""
    rng = np.random.default_rng(1)
    wave = rng.normal(0.0, 1.2, (N, 1)) * np.linspace(-1.0, 1.0, T)
    draws = draws_of(shop_with(make_periods, wave, rate=0.05))
    assert reached(draws.shifted) > THRESHOLDS.min_z
    assert reached(draws.swapped) < THRESHOLDS.min_z


def test_donors_are_others_of_the_same_segment_and_alike() -> None:
    rng = np.random.default_rng(2)
    n = 611
    margin, group = rng.lognormal(size=n), rng.integers(0, 3, n)
    behaviour = margin + rng.lognormal(size=n)
    entry, leave = np.zeros(n, np.int32), np.full(n, 40, np.int32)
    donor = similar_donors(behaviour, margin, entry, leave, group, rng)
    assert sorted(donor) == list(range(n))
    assert not (donor == np.arange(n)).any()
    assert (group[donor] == group).mean() > 0.9
    similar = np.corrcoef(np.log(behaviour[donor]), np.log(behaviour))[0, 1]
    assert similar > 0.3 > abs(np.corrcoef(rng.permutation(behaviour), behaviour)[0, 1])


@pytest.mark.parametrize("least", [3, 11, 40])
def test_shifts_keep_each_customers_series_and_time_at_risk(least) -> None:
    rng = np.random.default_rng(0)
    entry = rng.integers(0, 10, 50).astype(np.int32)
    leave = rng.integers(20, 31, 50).astype(np.int32)
    t = np.arange(30)
    at_risk = (t >= entry[:, None]) & (t < leave[:, None])
    counts = (rng.permutation(1500).reshape(50, 30, 1) * at_risk[..., None]).astype(np.float32)
    shifted = shift_in_time(counts, entry, leave, least, rng)
    assert not shifted[~at_risk].any()
    np.testing.assert_array_equal(np.sort(shifted, axis=1), np.sort(counts, axis=1))
    for i in range(50):
        span = leave[i] - entry[i]
        place = np.nonzero(shifted[i, :, 0] == counts[i, entry[i], 0])[0][-1] - entry[i]
        assert min(least, span // 2) <= place <= span - min(least, span // 2)
