"""One half of the customers selects, the other weights: chance in one half is not in the other."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.distributed_lags import plan_lags
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.validation.split_sample import split_weights
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


def weights(effects, candidates=NAMES):
    return split_weights(
        effects,
        candidates,
        {"much": 3.0, "less": 2.0, "noise": 1.0},
        dict.fromkeys(NAMES, 1.4),
        dict.fromkeys(NAMES, 0.0),
        at_most=3,
        min_z=4.0,
        seed=0,
    )


def test_drivers_are_selected_and_weighted_by_their_effects(effects) -> None:
    weight = weights(effects)
    assert list(weight) == ["much", "less"]
    assert weight["much"] == pytest.approx(66.7, abs=7)
    assert sum(weight.values()) == pytest.approx(100)


def test_a_behaviour_that_is_not_in_the_fit_gets_no_weight(effects) -> None:
    assert set(weights(effects, ("less", "unknown"))) == {"less"}
