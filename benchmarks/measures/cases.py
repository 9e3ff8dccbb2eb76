"""Simulated customers whose true value is known, one case for each difficulty of an interval.

Customers are drawn by ``simulate``; the sums that kinds of measures read are taken here, so that
only the interval itself is the package's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from engagement_ml.measures.kinds.functions import difference, rate, ratio, share
from engagement_ml.measures.kinds.kind import SMALL, Totals
from engagement_ml.measures.kinds.lifetime import LifetimeValue
from engagement_ml.measures.kinds.net_promoter import NetPromoter


@dataclass(frozen=True)
class Case:
    """One kind of measure under one difficulty.

    Attributes
    ----------
    kind, difficulty : str
    truth : float
    sizes : tuple of int
        Customers, or periods of a trend.
    interval : callable
        From a generator and a size to value, low and high; None where there is no interval.
    reason : str
        Why intervals do not hold what they say, if they do not.
    """

    kind: str
    difficulty: str
    truth: float
    sizes: tuple[int, ...]
    interval: Callable[[Generator, int], tuple[float | None, float | None]]
    reason: str = ""


def of_totals(
    kind: Any, simulate: Callable[[Generator, int], Any], days: int = 30
) -> Callable[[Generator, int], tuple[float | None, float | None]]:
    """Return the interval of a kind on the totals of simulated customers."""

    def interval(rng: Generator, n: int) -> tuple[float | None, float | None]:
        rows = np.column_stack(simulate(rng, n)).astype(float)
        cubes = np.einsum("ni,nj,nk->ijk", rows, rows, rows) if kind.cubes else None
        small = rows if n < SMALL else None
        estimate = kind.estimate(Totals(n, rows.sum(0), rows.T @ rows, small, cubes, days))
        return estimate.low, estimate.high

    return interval


def once(p: float) -> Callable[[Generator, int], Any]:
    return lambda rng, n: (rng.random(n) < p, np.ones(n))


def trials(p: float, alike: float, mean: float) -> Callable[[Generator, int], Any]:
    """Several trials a person, whose chances differ between persons (beta-binomial)."""
    a = 1 / alike - 1

    def simulate(rng: Generator, n: int) -> Any:
        each = 1 + rng.poisson(mean - 1, n)
        return rng.binomial(each, rng.beta(p * a, (1 - p) * a, n)), each

    return simulate


def counts(mean: float, shape: float) -> Callable[[Generator, int], Any]:
    """Events of customers who differ (gamma-Poisson)."""
    return lambda rng, n: (rng.poisson(rng.gamma(shape, mean / shape, n)), np.ones(n))


def amounts(buys: float) -> Callable[[Generator, int], Any]:
    """Margin of customers of whom a part buys, for amounts with a long tail."""
    return lambda rng, n: (np.exp(rng.normal(0, 1, n)) * (rng.random(n) < buys), np.ones(n))


def baskets(rng: Generator, n: int) -> Any:
    orders = 1 + rng.poisson(1.5, n)
    level = rng.normal(3, 0.5, n)
    return [np.exp(rng.normal(m, 0.5, k)).sum() for m, k in zip(level, orders, strict=True)], orders


def scores(rng: Generator, n: int) -> Any:
    return rng.choice(np.arange(1, 8), n, p=[0.05, 0.05, 0.1, 0.1, 0.2, 0.3, 0.2]), np.ones(n)


def opinions(up: float, down: float) -> Callable[[Generator, int], Any]:
    def simulate(rng: Generator, n: int) -> Any:
        drawn = rng.random(n)
        return drawn < up, (drawn >= up) & (drawn < up + down), np.ones(n)

    return simulate


def contacted(rng: Generator, n: int) -> Any:
    """Days with a contact and without one, of customers who act more or less."""
    level = rng.beta(2, 18, n)
    days, others = 1 + rng.poisson(4, n), 5 + rng.poisson(15, n)
    more = np.minimum(level * 1.5, 1.0)
    return rng.binomial(days, more), days, rng.binomial(others, level), others


def lifetimes(rng: Generator, n: int) -> Any:
    """Orders, margin, on board, lost and at the start."""
    orders = rng.poisson(rng.gamma(2.0, 0.4, n))
    margin = np.array([rng.gamma(2.0, 5.0, k).sum() for k in orders])
    base = rng.random(n) < 0.8
    return orders, margin, np.ones(n), base & (rng.random(n) < 0.1), base


CONTACTED_TRUTH = 5.0
"""Half of the mean chance of 10% in points, by the trials' expected totals."""

KINDS = (
    Case("share, once each", "half", 50.0, (10, 40, 400), of_totals(share("a", "b"), once(0.5)),
         "whole counts: the chance jumps with the size"),
    Case("share, once each", "10%", 10.0, (10, 40, 400), of_totals(share("a", "b"), once(0.1)),
         "whole counts: the chance jumps with the size"),
    Case("share, once each", "2%", 2.0, (40, 400, 4000), of_totals(share("a", "b"), once(0.02)),
         "whole counts: the chance jumps with the size"),
    Case("share, several trials", "30%, alike", 30.0, (10, 30, 300),
         of_totals(share("a", "b"), trials(0.3, 0.3, 4))),
    Case("share, several trials", "30%, very alike", 30.0, (30, 300),
         of_totals(share("a", "b"), trials(0.3, 0.8, 10))),
    Case("share, several trials", "2%, alike", 2.0, (30, 300, 3000),
         of_totals(share("a", "b"), trials(0.02, 0.3, 4)),
         "few people with a success: their number and their trials are hardly known"),
    Case("rate", "2 a customer", 2.0, (10, 30, 300), of_totals(rate("a", "b"), counts(2, 1.5)),
         "10 customers hardly show how much customers differ"),
    Case("rate", "0.05 a customer", 0.05, (30, 100, 1000),
         of_totals(rate("a", "b"), counts(0.05, 1.5)),
         "at 30 customers one or two events: limits are wide on purpose"),
    Case("mean", "margin, 40% buy", 0.4 * math.exp(0.5), (10, 30, 100, 1000),
         of_totals(ratio("a", "b"), amounts(0.4)), "long tail: the largest amounts are not seen"),
    Case("mean", "margin, 5% buy", 0.05 * math.exp(0.5), (100, 1000),
         of_totals(ratio("a", "b"), amounts(0.05)), "five buyers with a long tail"),
    Case("mean", "order value", math.exp(3 + 0.25), (10, 30, 300),
         of_totals(ratio("a", "b"), baskets), "with few customers, orders vary as amounts do"),
    Case("mean", "scores 1 to 7", 5.05, (10, 30, 300), of_totals(ratio("a", "b"), scores)),
    Case("promoters less detractors", "50% and 30%", 20.0, (10, 50, 500),
         of_totals(NetPromoter(), opinions(0.5, 0.3))),
    Case("promoters less detractors", "90% and 2%", 88.0, (20, 100, 1000),
         of_totals(NetPromoter(), opinions(0.9, 0.02)), "whole counts near the end of the scale"),
    Case("difference of shares", "contacted days", CONTACTED_TRUTH, (30, 300),
         of_totals(difference("a", "b", "c", "d"), contacted)),
    Case("lifetime value", "10% lost", 0.8 * 10 * 10.0, (100, 1000),
         of_totals(LifetimeValue(36_500), lifetimes),
         "at 100 customers 8 lost: the lifetime is skewed"),
)  # fmt: skip
