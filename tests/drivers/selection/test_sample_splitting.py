"""Estimates on halves of the customers agree with the estimate on all customers."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.distributed_lags import plan_lags
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.window_effect import estimate_window_effect
from engagement_ml.drivers.selection.sample_splitting import estimate_on, first_half
from tests.drivers.conftest import build

LAGS = plan_lags(4, 4)
NAMES = ("much", "less", "noise")


@pytest.fixture(scope="module")
def effects():
    """Effects of two drivers over four periods, one twice as large, and of a noise behaviour."""
    rng = np.random.default_rng(5)
    n, n_periods = 3000, 40
    counts = {name: rng.poisson(0.5, (n, n_periods)) for name in NAMES}
    rate = np.full((n, n_periods), 0.4)
    for name, effect in (("much", 0.3), ("less", 0.15)):
        for lag in range(1, 5):
            rate[:, lag:] += 0.4 * effect * counts[name][:, :-lag]
    orders = rng.poisson(rate)
    periods = build(counts, 10.0 * orders, orders=orders)
    return estimate_lag_effects(periods, NAMES, LAGS, burn_in=4)


def test_estimates_on_halves_of_the_customers_agree_with_the_whole(effects) -> None:
    in_first = first_half(3000, 0)
    assert in_first.sum() == 1500
    for b in range(2):
        whole = estimate_window_effect(effects, b)
        halves = [estimate_on(effects, b, half) for half in (in_first, ~in_first)]
        for estimate in halves:
            assert estimate.effect == pytest.approx(whole.effect, rel=0.25)
        assert sum(estimate.z for estimate in halves) / np.sqrt(2) == pytest.approx(
            whole.z, rel=0.1
        )
