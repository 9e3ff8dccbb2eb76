"""Hidden states that vary within customers: waves, life events, holidays, plans, growth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery.daily.spec import Array

Rng = np.random.Generator


def wave(rng: Rng, days: int, n: int, memory: float) -> Array:
    """Return stationary AR(1) processes of unit variance with a memory in days, (days, n)."""
    persistence = np.float32(np.exp(-1 / memory))
    scale = np.float32(np.sqrt(1 - persistence**2))
    out = rng.standard_normal((days, n), dtype=np.float32)
    for day in range(1, days):
        out[day] = persistence * out[day - 1] + scale * out[day]
    return out


def episodes(
    rng: Rng, days: int, n: int, per_year: float, lasting: tuple[int, int], ramp: int = 7
) -> Array:
    """Return episodes as values from 0 to 1 that rise and fall within `ramp` days, (days, n)."""
    count = rng.poisson(per_year * days / 365, n)
    customer = np.repeat(np.arange(n), count)
    start = rng.integers(-lasting[1], days, customer.size)
    length = rng.integers(lasting[0], lasting[1] + 1, customer.size)
    out = np.zeros((days, n), dtype=np.float32)
    for age in range(lasting[1]):
        day = start + age
        inside = (day >= 0) & (day < days) & (age < length)
        level = np.minimum(1.0, np.minimum(age + 1, length - age) / ramp)
        rows, columns = day[inside], customer[inside]
        out[rows, columns] = np.maximum(out[rows, columns], level[inside])
    return out


def plans(rng: Rng, rate: NDArray[np.float64], days: int, ahead: int) -> tuple[Array, Array]:
    """Return planned orders (days, n), and whether one is being prepared (days + ahead, n).

    Preparation begins one to four weeks before the order and stops the day before it.
    """
    n = rate.size
    total = days + ahead
    planned = (rng.random((total, n)) < rate).astype(np.float32)
    day, customer = np.nonzero(planned)
    length = rng.integers(7, 29, day.size)
    preparing = np.zeros((total, n), dtype=np.float32)
    for before in range(1, 29):
        inside = (before <= length) & (day - before >= 0)
        preparing[day[inside] - before, customer[inside]] = 1.0
    return planned[:days], preparing


def growth(rng: Rng, days: int, n: int, steps_per_year: float, step: float) -> Array:
    """Return random walks in steps up and down, as when people join and leave a team."""
    jumps = rng.poisson(steps_per_year / 365, (days, n)) * rng.choice([-1.0, 1.0], (days, n))
    path = np.cumsum(jumps, axis=0) * step
    return np.clip(path, -1.2, 1.2).astype(np.float32)


def spikes(rng: Rng, days: int, n: int, spans: list[tuple[int, int]], share: float) -> Array:
    """Return 1 within the spans of days, for a share of the customers in each span."""
    out = np.zeros((days, n), dtype=np.float32)
    takes_part = rng.random(n) < share
    for first, last in spans:
        out[max(first, 0) : max(last, 0)] = takes_part & (rng.random(n) < 0.85)
    return out


def season(rng: Rng, days: int, amplitude: float) -> Array:
    """Return a yearly cycle with slow irregular variation, log scale, (days,)."""
    phase = rng.uniform(0, 2 * np.pi)
    cycle = np.sin(2 * np.pi * np.arange(days) / 365 + phase)
    return (amplitude * (cycle + 0.4 * wave(rng, days, 1, 12.0)[:, 0])).astype(np.float32)
