"""Simulated counts of behaviours: one continuous population, or groups that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Groups = NDArray[np.int64]


def independent(rng: np.random.Generator, n: int) -> Counts:
    """Columns of a population with groups, each permuted: no behaviour depends on another."""
    return np.column_stack([rng.permutation(column) for column in planted(rng, n)[0].T])


def gaussian(rng: np.random.Generator, n: int) -> Counts:
    """Correlated lognormal counts."""
    mixing = rng.normal(size=(6, 6)) / np.sqrt(6)
    return np.floor(np.exp(rng.normal(size=(n, 6)) @ mixing.T + 1)).astype(np.int64)


def activity(rng: np.random.Generator, n: int) -> Counts:
    """Customers differ in how much they do, lognormal, and not in what."""
    rates = np.exp(rng.normal(0.5, 1, 6))
    return rng.poisson(np.exp(rng.normal(0, 1, n))[:, None] * rates)


def gamma_activity(rng: np.random.Generator, n: int) -> Counts:
    """The same with gamma activity: many do nearly nothing."""
    return rng.poisson(rng.gamma(0.5, 2, n)[:, None] * np.exp(rng.normal(0.5, 1, 6)))


def heavy_tails(rng: np.random.Generator, n: int) -> Counts:
    """The same with Pareto activity without a variance."""
    return rng.poisson((rng.pareto(1.5, n) + 0.2)[:, None] * np.exp(rng.normal(0.5, 1, 6)))


def two_factors(rng: np.random.Generator, n: int) -> Counts:
    """Two continuous tastes and eight behaviours."""
    loadings = rng.normal(0, 0.7, size=(2, 8))
    return rng.poisson(np.exp(rng.normal(size=(n, 2)) @ loadings + rng.normal(0.3, 0.8, 8)))


def zero_inflated(rng: np.random.Generator, n: int) -> Counts:
    """Each behaviour is done by a fifth of the customers, independently."""
    return rng.poisson(rng.gamma(1, 5, size=(n, 6))) * (rng.random((n, 6)) < 0.2)


def rare(rng: np.random.Generator, n: int) -> Counts:
    """Most customers do nothing, the others one thing."""
    return rng.poisson(0.05, size=(3 * n, 6))


def one_binary(rng: np.random.Generator, n: int) -> Counts:
    """One behaviour is done once or not at all, the others vary independently."""
    counts = rng.poisson(rng.gamma(2, 2, size=(n, 6)))
    counts[:, 0] = rng.random(n) < 0.4
    return counts


def one_bimodal(rng: np.random.Generator, n: int) -> Counts:
    """One behaviour is done about thirty times or not at all."""
    counts = rng.poisson(rng.gamma(2, 2, size=(n, 6)))
    counts[:, 0] = np.where(rng.random(n) < 0.4, rng.poisson(30, n), 0)
    return counts


def recorded_twice(rng: np.random.Generator, n: int) -> Counts:
    """Each behaviour is recorded under two names."""
    counts = activity(rng, n)[:, :3]
    return np.hstack([counts, counts])


def funnel(rng: np.random.Generator, n: int) -> Counts:
    """Each step is possible after the one before only."""
    views = rng.poisson(rng.gamma(1, 6, n))
    carts = rng.binomial(views, 0.4)
    return np.column_stack([views, carts, rng.binomial(carts, 0.5), rng.binomial(views, 0.2)])


def trade_off(rng: np.random.Generator, n: int) -> Counts:
    """More of one behaviour is less of the other, evenly along the line."""
    share = rng.random(n)
    return rng.poisson(np.column_stack([15 * share, 15 * (1 - share), np.full(n, 3.0)]))


def leavers(rng: np.random.Generator, n: int) -> Counts:
    """Two fifths stopped on a random day of the window."""
    stay = np.where(rng.random(n) < 0.4, rng.random(n), 1.0)
    return rng.binomial(activity(rng, n), stay[:, None])


def planted(
    rng: np.random.Generator,
    n: int,
    *,
    behaviours: int = 6,
    groups: int = 3,
    low: float = 2.0,
    high: float = 8.0,
    sizes: tuple[float, ...] | None = None,
    noise: int = 0,
    shape: float | None = None,
) -> tuple[Counts, Groups]:
    """Groups with a high rate of their own behaviours; optionally noise and gamma activity."""
    group = rng.choice(groups, size=n, p=sizes)
    own = np.arange(behaviours) % groups == group[:, None]
    rates = np.where(own, high, low)
    if shape is not None:
        rates = rates * rng.gamma(shape, 1 / shape, size=(n, 1))
    more = rng.poisson(rng.gamma(1, 3, size=(n, noise)))
    return np.hstack([rng.poisson(rates), more]), group


def levels(rng: np.random.Generator, n: int) -> tuple[Counts, Groups]:
    """Three tenths do ten times as much of everything."""
    group = (rng.random(n) < 0.3).astype(np.int64)
    return rng.poisson(np.where(group, 10.0, 1.0)[:, None] * np.ones(6)), group


@dataclass(frozen=True)
class Population:
    """A kind of simulated population: counts and groups, None for one continuous population."""

    draw: Callable[[np.random.Generator], tuple[Counts, Groups | None]]


def _one(draw: Callable[[np.random.Generator, int], Counts]) -> Population:
    return Population(lambda rng: (draw(rng, 1500), None))


def _groups(n: int = 1500, **settings: object) -> Population:
    return Population(lambda rng: planted(rng, n, **settings))  # type: ignore[arg-type]


ONE_CLOUD = {
    draw.__name__: _one(draw)
    for draw in (
        independent,
        gaussian,
        activity,
        gamma_activity,
        heavy_tails,
        two_factors,
        zero_inflated,
        rare,
        one_binary,
        one_bimodal,
        recorded_twice,
        funnel,
        trade_off,
        leavers,
    )
}
GROUPS = {
    "groups_3": _groups(),
    "groups_5": _groups(behaviours=10, groups=5, low=1.0, high=6.0),
    "two_behaviours": _groups(behaviours=2, groups=2, high=12.0),
    "uneven": _groups(sizes=(0.7, 0.2, 0.1)),
    "three_behaviours": _groups(behaviours=3, low=1.0, high=6.0),
    "activity_varies": _groups(shape=1.0),
    "noise_10": _groups(behaviours=4, groups=2, noise=10),
    "noise_30": _groups(behaviours=8, groups=4, noise=30),
    "few_events": _groups(low=0.3, high=3.0),
    "customers_150": _groups(150, behaviours=4, groups=2),
    "levels": Population(lambda rng: levels(rng, 1500)),
}
POPULATIONS = ONE_CLOUD | GROUPS
