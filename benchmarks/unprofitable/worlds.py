"""Engaged customers with a known mean of net margin for each; shares no code with the package."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
import pandas as pd

KINDS = {
    "region": "level", "plan": "level", "city": "level", "age": "number", "size": "number",
    "call": "count", "return": "count", "visit": "count", "mail": "count",
}  # fmt: skip
WORLDS = (
    "null, normal", "null, heavy tails", "null, at zero", "all lose alike",
    "one region", "region and calls", "old and missing", "many levels", "all earn, some less",
    "three ways",
)  # fmt: skip

SCALE = 25.0
"""Currency units of the noise."""


@dataclass(frozen=True)
class Customers:
    """One draw: columns, net margins, their means, and each chance of a negative one."""

    frame: pd.DataFrame
    net: np.ndarray
    mean: np.ndarray
    unprofitable: np.ndarray

    @property
    def loses(self) -> np.ndarray:
        """Whether a customer is of those who lose money on average."""
        return self.mean < 0


def draw(world: str, n: int, seed: int) -> Customers:
    """Return n engaged customers of a world."""
    rng = np.random.default_rng([seed, WORLDS.index(world)])
    frame = pd.DataFrame(
        {
            "region": rng.choice(["north", "south", "east", "west"], n, p=[0.2, 0.3, 0.3, 0.2]),
            "plan": rng.choice(["free", "basic", "plus"], n, p=[0.5, 0.3, 0.2]),
            "city": rng.choice([f"city {i}" for i in range(40)], n),
            "age": rng.normal(45, 12, n).round(),
            "size": rng.lognormal(2, 1, n),
            "call": rng.negative_binomial(1.0, 0.2, n),
            "return": rng.poisson(0.6, n),
            "visit": rng.poisson(12, n),
            "mail": rng.poisson(5, n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "age"] = np.nan
    north, calls = (frame["region"] == "north").to_numpy(), frame["call"].to_numpy()
    level = np.full(n, 30.0)
    if world == "null, at zero":
        level[:] = 0.0
    elif world == "all lose alike":
        level[:] = -8.0
    elif world == "one region":
        level[north] = -15.0
    elif world == "region and calls":
        level[north & (calls >= 6)] = -25.0
    elif world == "old and missing":
        level[(frame["age"].isna() | (frame["age"] >= 60)).to_numpy()] = -12.0
    elif world == "many levels":
        level[frame["city"].isin([f"city {i}" for i in range(0, 40, 8)]).to_numpy()] = -20.0
    elif world == "all earn, some less":
        level[north] = 8.0
    elif world == "three ways":
        free, returned = (frame["plan"] == "free").to_numpy(), frame["return"].to_numpy() >= 2
        level[free & (calls >= 8)] = -20.0
        level[~free & returned] = -10.0
    return Customers(frame, level + _noise(world, n, rng), level, _chance(world, level))


def _noise(world: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise of mean 0; lognormal unless the world's is normal."""
    if world == "null, normal":
        return rng.normal(0, SCALE, n)
    spread = _spread(world)
    return SCALE * (rng.lognormal(0, spread, n) - np.exp(spread**2 / 2))


def _chance(world: str, level: np.ndarray) -> np.ndarray:
    """Return the chance that level and noise are negative together."""
    if world == "null, normal":
        z = -level / SCALE
    else:
        spread = _spread(world)
        limit = np.exp(spread**2 / 2) - level / SCALE
        z = np.log(np.maximum(limit, 1e-300)) / spread
    return np.array([0.5 * erfc(-each / sqrt(2)) for each in z])


def _spread(world: str) -> float:
    return 1.2 if world == "null, heavy tails" else 0.9
