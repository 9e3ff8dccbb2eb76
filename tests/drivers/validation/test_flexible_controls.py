"""Credit for another behaviour's saturation is lost with flexible controls, own credit stays."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.validation.flexible_controls import flexible_fits
from tests.drivers.conftest import build

SPANS = spans_from_config(WindowsConfig(observation_days=28, outcome_days=28))


def simulate(seed: int, n: int = 3000, n_periods: int = 40):
    """Simulate margin that falls with the first upgrades; `sent` goes to customers without any.

    `real` has a linear effect and is independent of the other behaviours.
    """
    rng = np.random.default_rng(seed)
    upgrade = np.repeat(rng.poisson(2.0, (n, n_periods // 4)), 4, axis=1) / 4.0
    counts = rng.poisson(upgrade)
    stock = sum(np.pad(counts, ((0, 0), (lag, 0)))[:, :n_periods] for lag in range(1, 5))
    upcoming = np.pad(stock, ((0, 0), (0, 1)))[:, 1:]
    sent = rng.poisson(np.where(upcoming < 1, 1.0, 0.05))
    real = rng.poisson(0.5, (n, n_periods))
    real_stock = sum(np.pad(real, ((0, 0), (lag, 0)))[:, :n_periods] for lag in range(1, 5))
    rate = 0.3 * (1 + 2.0 / (1.0 + 2.0 * stock)) * (1 + 0.1 * real_stock)
    orders = rng.poisson(rate)
    return build({"real": real, "sent": sent, "upgrade": counts}, 10.0 * orders, orders=orders)


@pytest.mark.parametrize("seed", [0, 1])
def test_credit_for_anothers_saturation_is_lost_and_own_credit_stays(seed: int) -> None:
    rolling = RollingCounts.from_periods(simulate(seed), SPANS, ("real", "sent", "upgrade"))
    controls = ("real", "sent", "upgrade")
    fits = flexible_fits(rolling, ("real", "sent"), controls)
    assert fits["sent"].linear > 4
    assert fits["sent"].lost
    assert fits["real"].linear > 4
    assert fits["real"].stepped > 0.9 * fits["real"].linear
    assert not fits["real"].lost
