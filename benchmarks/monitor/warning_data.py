"""Simulated weekly counts of customers, some of whom fall below their own usual; with the truth.

It shares no code with the product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
WEEKS = 56


@dataclass(frozen=True)
class WarningKind:
    """One kind of simulated company.

    Attributes
    ----------
    customers : number of customers
    rate : mean events per week
    spread : standard deviation of customers' log rates
    burst, memory : standard deviation of weekly log rates around a customer's own, and their
        autocorrelation from week to week
    season : amplitude of the yearly season, in logs
    joining : share of customers that sign up during the history, in waves
    novelty : log of how much more newcomers do in their first weeks
    falling : share of customers whose rate falls in the last four weeks
    fall : factor of the rate of those who fall
    varied : customers differ in how much they burst
    pauses : share of customers who pause for three weeks, in a month
    leaving : share of customers whose rate falls for good, in a month of the history
    """

    customers: int = 4000
    rate: float = 3.0
    spread: float = 0.8
    burst: float = 0.0
    memory: float = 0.0
    season: float = 0.0
    joining: float = 0.0
    novelty: float = 0.0
    falling: float = 0.05
    fall: float = 0.1
    varied: bool = False
    pauses: float = 0.0
    leaving: float = 0.0


KINDS: dict[str, WarningKind] = {
    "Poisson": WarningKind(),
    "Poisson, none falls": WarningKind(falling=0.0),
    "bursts": WarningKind(burst=0.6),
    "bursts over weeks": WarningKind(burst=0.6, memory=0.8),
    "bursts, none falls": WarningKind(burst=0.6, memory=0.8, falling=0.0),
    "some burst, some not": WarningKind(burst=0.7, memory=0.5, varied=True),
    "season": WarningKind(burst=0.4, season=0.6),
    "newcomers": WarningKind(burst=0.4, joining=0.5, novelty=0.8),
    "small counts": WarningKind(rate=0.6, burst=0.4),
    "customers pause": WarningKind(burst=0.4, pauses=0.02),
    "customers leave": WarningKind(burst=0.4, leaving=0.02, falling=0.02),
    "few customers": WarningKind(customers=400, burst=0.4),
}


@dataclass(frozen=True)
class WarningWorld:
    """Weekly counts (n, T), week of entry (n,), and who has fallen for good (n,)."""

    counts: Array
    entry: NDArray[np.int64]
    falls: NDArray[np.bool_]


def simulate(kind: WarningKind, seed: int) -> WarningWorld:
    """Simulate one company."""
    rng = np.random.default_rng([seed, 91])
    n, week = kind.customers, np.arange(WEEKS)
    entry = np.zeros(n, dtype=np.int64)
    late = rng.random(n) < kind.joining
    entry[late] = rng.choice(np.arange(2, WEEKS - 26, 8), n)[late]
    log_rate = rng.normal(np.log(kind.rate) - kind.spread**2 / 2, kind.spread, (n, 1))
    noise = rng.normal(size=(n, WEEKS))
    state = noise.copy()
    for t in range(1, WEEKS):
        keep = kind.memory
        state[:, t] = keep * state[:, t - 1] + np.sqrt(1 - keep**2) * noise[:, t]
    size = kind.burst * (rng.choice([0.0, 1.4], (n, 1)) if kind.varied else 1.0)
    season = kind.season * np.sin(2 * np.pi * (week - rng.uniform(0, 52)) / 52)
    tenure = week - entry[:, None]
    new = kind.novelty * np.exp(-np.maximum(tenure, 0) / 4) * late[:, None]
    falls = rng.random(n) < kind.falling
    mean = np.exp(log_rate + size * state - size**2 / 2 + season + new)
    left = rng.geometric(kind.leaving, n) * 4 if kind.leaving else np.full(n, 10 * WEEKS)
    left[left >= WEEKS - 4] = 10 * WEEKS
    mean *= np.where(week >= left[:, None], kind.fall, 1.0)
    falls &= left > WEEKS
    falls |= left < WEEKS
    mean[:, -4:] *= np.where(falls & (left > WEEKS), kind.fall, 1.0)[:, None]
    for start in range(0, WEEKS, 4):
        pausing = rng.random(n) < kind.pauses
        first = start + rng.integers(0, 4, n)[:, None]
        mean[pausing[:, None] & (week >= first) & (week < first + 3)] = 0.0
    counts = rng.poisson(mean) * (tenure >= 0)
    return WarningWorld(counts.astype(float), entry, falls)
