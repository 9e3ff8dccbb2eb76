"""Simulated customers whose behaviours move margin, until one of them stops to; with the truth.

Weekly counts and margins, with season, growth, sign-ups in waves, bursts of single customers and
heavy-tailed baskets. It shares no code with the product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIT_WEEKS = 72
"""Weeks before ``fit_until``: about what training on two years of data fits to."""
WEEKS = 176
MEMORY = 12


@dataclass(frozen=True)
class LinkKind:
    """One kind of simulated company.

    Attributes
    ----------
    customers : number of customers
    season : amplitude of the yearly season, in logs, of events and orders
    growth : drift of the log rate of orders per year
    joining : share of customers that sign up in waves during the history
    hidden : loading of counts and orders on a hidden state that comes and goes
    effect : effect of the driver on the log rate of orders, at its mean rate against none
    additive : effects are amounts, whatever the season
    fading : weeks until an effect has halved; 0: the same over 12 weeks
    leaving : share of customers who stop doing anything, in a week
    """

    customers: int = 3000
    season: float = 0.0
    growth: float = 0.0
    joining: float = 0.0
    hidden: float = 0.0
    effect: float = 0.2
    additive: bool = False
    fading: float = 0.0
    leaving: float = 0.0


KINDS: dict[str, LinkKind] = {
    "plain": LinkKind(),
    "season and growth": LinkKind(season=0.4, growth=0.3),
    "waves of sign-ups": LinkKind(season=0.2, joining=0.6),
    "hidden state": LinkKind(hidden=0.3),
    "additive effects": LinkKind(season=0.4, additive=True),
    "fades in 3 weeks": LinkKind(season=0.2, fading=3.0),
    "customers leave": LinkKind(season=0.2, leaving=0.005),
    "few customers": LinkKind(customers=500),
}


@dataclass(frozen=True)
class LinkWorld:
    """Weekly data of one simulated company: counts (n, T, 3), margin (n, T), entry (n,)."""

    counts: Array
    margin: Array
    entry: NDArray[np.int64]


def simulate(kind: LinkKind, seed: int, stops: int | None = None) -> LinkWorld:
    """Simulate: behaviour 0 is a driver until week `stops`, 1 stays one, 2 never is one."""
    rng = np.random.default_rng([seed, 77])
    n = kind.customers
    week = np.arange(WEEKS)
    season = kind.season * np.sin(2 * np.pi * (week - rng.uniform(0, 52)) / 52)
    size = rng.normal(0.0, 0.7, (n, 1))
    hidden = _autoregressive(rng, n, 0.9)
    rates = np.array([0.35, 0.5, 0.8])
    counts = np.zeros((n, WEEKS, 3))
    entry = np.zeros(n, dtype=np.int64)
    late = rng.random(n) < kind.joining
    waves = rng.choice(np.arange(4, WEEKS - 30, 26), n) + rng.integers(0, 4, n)
    entry[late] = waves[late]
    present = week >= entry[:, None]
    if kind.leaving:
        present &= week < entry[:, None] + rng.geometric(kind.leaving, n)[:, None]
    for b, rate in enumerate(rates):
        taste = rng.normal(0.0, 0.6, (n, 1)) + 0.4 * size
        burst = 0.6 * _autoregressive(rng, n, 0.8)
        log_rate = np.log(rate) + taste + burst + season + kind.hidden * hidden
        counts[:, :, b] = rng.poisson(np.exp(np.minimum(log_rate, 3.0))) * present
    lift = np.zeros((n, WEEKS))
    for b, strength in ((0, kind.effect), (1, 0.8 * kind.effect)):
        working = np.ones(WEEKS)
        if b == 0 and stops is not None:
            working[stops:] = 0.0
        lift += strength * working * np.log1p(2 * _memory(counts[:, :, b], kind.fading) / rates[b])
    trend = season + kind.growth * week / 52
    base = -1.3 + size + kind.hidden * hidden
    if kind.additive:
        rate = np.exp(base + trend) + np.exp(base) * np.expm1(lift)
    else:
        rate = np.exp(base + trend + lift)
    orders = rng.poisson(np.minimum(rate, 20.0)) * present
    basket = rng.lognormal(3.0, 0.8, (n, WEEKS))
    return LinkWorld(counts, orders * basket, entry)


def _memory(counts: Array, fading: float) -> Array:
    """Return the mean weekly count over the memory before each week."""
    weight = np.ones(MEMORY) if not fading else 0.5 ** (np.arange(MEMORY) / fading)
    weight /= weight.sum()
    out = np.zeros_like(counts)
    for lag, share in enumerate(weight, start=1):
        out[:, lag:] += share * counts[:, :-lag]
    return out


def _autoregressive(rng: np.random.Generator, n: int, memory: float) -> Array:
    """Return n stationary series of unit variance."""
    noise = rng.normal(size=(n, WEEKS))
    out = np.empty_like(noise)
    out[:, 0] = noise[:, 0]
    for t in range(1, WEEKS):
        out[:, t] = memory * out[:, t - 1] + np.sqrt(1 - memory**2) * noise[:, t]
    return out
