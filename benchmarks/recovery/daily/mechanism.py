"""Effects of stocks on order rate, basket, margin ratio and hazard: one formula for all uses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery.daily.spec import Act, Array, Path, Plan

Stocks = Mapping[tuple[int, int], Array]
LEAST = 0.05  # a turning response never takes away more than 95%


def link(x: Array) -> Array:
    """Return 1 + x above 0 and exp(x) below: positive, and linear where effects add up."""
    return np.where(x >= 0, 1 + x, np.exp(np.minimum(x, 0))).astype(np.float32)


def acts_of(plan: Plan) -> dict[tuple[int, int], Act]:
    """Return the acts by place of the behaviour and of the act."""
    return {(j, k): a for j, b in enumerate(plan.behaviours) for k, a in enumerate(b.acts)}


def factor(plan: Plan, stocks: Stocks, path: Path) -> Array | float:
    """Return the factor of all acts on a path, of the shape of the stocks."""
    linear: Array | float | None = None
    turning: Array | float = 1.0
    for key, act in acts_of(plan).items():
        if act.path != path:
            continue
        stock = stocks[key]
        if act.curvature is None:
            dose = act.strength * stock
            linear = dose if linear is None else linear + dose
        else:
            response = 1 + act.strength * stock - act.curvature * stock * stock
            turning = turning * np.maximum(response, LEAST)
    return turning if linear is None else turning * link(np.asarray(linear))


def margin_per_order(plan: Plan, stocks: Stocks, size: Array) -> Array | float:
    """Return the expected margin of an order, after returns."""
    orders = plan.orders
    kept = 1 - orders.return_share * orders.return_loss
    per_order = size * factor(plan, stocks, "basket") * factor(plan, stocks, "ratio")
    return per_order * np.float32(orders.ratio * kept)


def stock_on(history: Array, kernel: Array, day: int) -> Array:
    """Return the stock of a behaviour's counts (T, n) on a day, from the days before it."""
    length = min(kernel.size, day)
    return np.asarray(kernel[:length][::-1] @ history[day - length : day], dtype=np.float32)


def exponential(memory: float) -> Array:
    """Return a kernel that decays with a memory in days and adds up to 1."""
    ages = np.arange(1, min(int(5 * memory) + 2, 120), dtype=np.float64)
    return normalised(np.exp(-ages / memory))


def delayed(mean: float) -> Array:
    """Return a kernel that rises first and falls later (a gamma density of shape 3)."""
    ages = np.arange(1, min(int(3.5 * mean) + 3, 120), dtype=np.float64)
    return normalised(ages**2 * np.exp(-3 * ages / mean))


def box(days: int) -> Array:
    """Return a kernel of ones: the stock is the count in the last days."""
    return np.ones(days, dtype=np.float32)


def normalised(weights: NDArray[np.float64]) -> Array:
    return (weights / weights.sum()).astype(np.float32)


def window_share(kernel: Array, window: int) -> float:
    """Return the mean share of the kernel that falls behind the end of the window."""
    ages = np.arange(1, kernel.size + 1)
    return float((kernel * np.minimum(ages, window)).sum() / window)
