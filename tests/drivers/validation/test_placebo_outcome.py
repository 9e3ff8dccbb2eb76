"""Margin before a behaviour: as usual before a driver, changed if a hidden cause moves both."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.placebo_outcome import Precedence, precedence

CONFIG = parse_config(
    {"name": "shop", "windows": {"observation_days": 42, "outcome_days": 42}}, origin="test"
)
N, T = 1000, 44


def precedence_of(periods, probe: str) -> Precedence:
    found = precedence(Study(periods, None, None, CONFIG), periods.behaviours, (probe,))
    assert found is not None
    return found[probe]


@pytest.mark.parametrize("n_lags", [1, 4, 8])
def test_margin_before_a_driver_is_as_usual(simulate_shop, n_lags) -> None:
    periods = simulate_shop(3, effect=0.25, n_lags=n_lags, n=N, n_periods=T)
    driver = precedence_of(periods, "driver")
    assert not driver.precedes
    assert driver.after > 0.02
    assert abs(driver.share) < 0.15


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_hidden_wave_shows_before_the_behaviour(make_periods, ahead) -> None:
    """Interest moves searches, and purchases as well, at once or a week later."""
    rng = np.random.default_rng(3)
    wave = np.zeros((N, T + ahead))
    for t in range(1, T + ahead):
        wave[:, t] = 0.95 * wave[:, t - 1] + 0.25 * rng.standard_normal(N)
    counts = {
        "search": rng.poisson(0.6 * np.exp(wave[:, ahead:])),
        "other": rng.poisson(0.5, (N, T)),
    }
    periods = make_periods(counts, 10.0 * rng.poisson(0.4 * np.exp(0.6 * wave[:, :T])))
    assert precedence_of(periods, "search").precedes


def test_margin_that_is_lower_before_is_no_hidden_cause() -> None:
    assert not Precedence(-0.05, 0.06, -9.0).precedes
    assert Precedence(-0.05, -0.06, -9.0).precedes
