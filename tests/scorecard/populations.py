"""Counts of simulated customers, small enough for tests; the benchmark has more kinds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]


def three_groups(seed: int, n: int = 500) -> tuple[Counts, NDArray[np.int64]]:
    """Each group does two of six behaviours much more often than the others."""
    rng = np.random.default_rng(seed)
    group = rng.integers(3, size=n)
    often = np.arange(6) % 3 == group[:, None]
    return rng.poisson(np.where(often, 8.0, 2.0)).astype(np.float64), group


def independent(seed: int, n: int = 500) -> Counts:
    """The same behaviours, each permuted."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.permutation(column) for column in three_groups(seed, n)[0].T])


def activity(seed: int, n: int = 500) -> Counts:
    """Customers differ in how much they do, and not in what."""
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.lognormal(0, 1, (n, 1)) * [1.0, 3.0, 0.5, 2.0, 5.0]).astype(np.float64)


def gaussian(seed: int, n: int = 500) -> Counts:
    """Correlated lognormal counts, two of them negatively."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n, 1)) * [1.0, -1.0, 0.7, 0.0]
    return np.floor(np.exp(factor + rng.normal(size=(n, 4)) + 1))


def rare(seed: int, n: int = 3000) -> Counts:
    """Independent behaviours; nearly all who do anything do it once."""
    return np.random.default_rng(seed).poisson(0.05, size=(n, 5)).astype(np.float64)


def one_binary(seed: int, n: int = 500) -> Counts:
    """One behaviour is done thirty times or not at all, two others move together."""
    rng = np.random.default_rng(seed)
    together = rng.gamma(2, 2, size=(n, 1))
    return np.column_stack([rng.poisson(together * [1, 1]), 30.0 * (rng.random(n) < 0.4)])
