"""Period panels from arrays, from small simulations and from the benchmark's simulated data."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# waiting OpenMP threads should not spin and use processor time
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest

from engagement_ml.drivers.estimation.distributed_lags import plan_lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.features.period_panel import Periods

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

START = dt.date(2023, 1, 2)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Limit linear algebra to one thread, which is faster for small matrices."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def build(
    counts: dict[str, Any],
    gain: Any,
    *,
    loss: Any = None,
    orders: Any = None,
    entry: Any = None,
    leave: Any = None,
    segments: dict[str, Any] | None = None,
    period_days: int = 7,
) -> Periods:
    gain = np.asarray(gain, dtype=np.float64)
    n, n_periods = gain.shape
    return Periods(
        entities=np.array([f"c{i:05d}" for i in range(n)], dtype=object),
        behaviours=tuple(counts),
        period_days=period_days,
        start=START,
        until=START + dt.timedelta(days=period_days * n_periods),
        counts=np.stack([np.asarray(c, dtype=np.float32) for c in counts.values()], axis=2),
        gain=gain,
        loss=np.zeros((n, n_periods)) if loss is None else np.asarray(loss, dtype=np.float64),
        orders=(gain > 0).astype(np.float32)
        if orders is None
        else np.asarray(orders, dtype=np.float32),
        entry=np.zeros(n, dtype=np.int32) if entry is None else np.asarray(entry, dtype=np.int32),
        exit=np.full(n, n_periods, dtype=np.int32)
        if leave is None
        else np.asarray(leave, dtype=np.int32),
        segments={} if segments is None else segments,
    )


@pytest.fixture(scope="session")
def make_periods() -> Callable[..., Periods]:
    """Build periods from arrays (n, T) per behaviour, with all customers at risk by default."""
    return build


@pytest.fixture(scope="session")
def periods_of() -> Callable[[Any], Periods]:
    """Build periods from the weekly arrays of a simulated data set, without feature code."""

    def convert(world: Any) -> Periods:
        weekly = world.weekly()
        counts = {b: weekly.counts[..., j] for j, b in enumerate(weekly.behaviours)}
        return build(
            counts,
            weekly.gain,
            loss=weekly.loss,
            orders=weekly.orders,
            entry=weekly.entry,
            leave=weekly.exit,
            segments=weekly.segments,
        )

    return convert


def draw_shop(
    seed: int,
    *,
    effect: float = 0.0,
    loss_effect: float = 0.0,
    n_lags: int = 4,
    n: int = 1500,
    n_periods: int = 44,
    rate: float = 0.4,
) -> Periods:
    """Simulate a shop with a driver and a vanity behaviour.

    An event of `driver` raises the order rate by `effect` times its usual level in each of the
    next `n_lags` periods, and the return rate by `loss_effect`. An order earns 10, a return costs
    10. `vanity` depends on the customer's affinity for the brand and has no effect. Both rates
    follow independent AR(1) processes.
    """
    rng = np.random.default_rng(seed)
    affinity = rng.standard_normal((n, 1))
    counts = {}
    for name, loading in (("driver", 0.3), ("vanity", 0.9)):
        wave = np.zeros((n, n_periods))
        for t in range(1, n_periods):
            wave[:, t] = 0.85 * wave[:, t - 1] + 0.4 * rng.standard_normal(n)
        counts[name] = rng.poisson(0.5 * np.exp(loading * affinity + wave))
    stock = np.zeros((n, n_periods))
    for lag in range(1, n_lags + 1):
        stock[:, lag:] += counts["driver"][:, :-lag]
    season = 1.0 + 0.3 * np.sin(np.arange(n_periods) / 4)
    level = rate * np.exp(0.5 * affinity - 0.125) * season
    orders = rng.poisson(level * (1.0 + effect * stock))
    returns = rng.poisson(0.25 * level * (1.0 + loss_effect * stock))
    return build(counts, 10.0 * orders, loss=10.0 * returns, orders=orders)


@pytest.fixture(scope="session")
def simulate_shop() -> Callable[..., Periods]:
    """Simulate a shop of two behaviours; see ``draw_shop``."""
    return draw_shop


@pytest.fixture(scope="session")
def two_acting_effects() -> LagEffects:
    """Effects of two drivers over four periods, one twice as large, and of a noise behaviour."""
    rng = np.random.default_rng(5)
    n, n_periods, names = 3000, 40, ("much", "less", "noise")
    counts = {name: rng.poisson(0.5, (n, n_periods)) for name in names}
    rate = np.full((n, n_periods), 0.4)
    for name, effect in (("much", 0.3), ("less", 0.15)):
        for lag in range(1, 5):
            rate[:, lag:] += 0.4 * effect * counts[name][:, :-lag]
    orders = rng.poisson(rate)
    periods = build(counts, 10.0 * orders, orders=orders)
    return estimate_lag_effects(periods, names, plan_lags(4, 4), burn_in=4)
