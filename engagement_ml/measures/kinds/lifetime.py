"""Kind of the customer lifetime value: frequency × lifetime × margin per order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.measures.kinds.arithmetic import gradient, safe_ratio
from engagement_ml.measures.kinds.kind import NO_DATA, SMALL, Estimate, Totals, t_quantile

FACTORS = ("frequency", "lifetime", "margin per order")
COLUMNS = ("orders", "margin", "on_board", "lost", "base")
FEWEST_LOST = 5
"""Customers lost below which the lifetime has no interval."""


@dataclass(frozen=True)
class LifetimeValue:
    """Orders per customer and period × lifetime in periods × margin per order.

    The lifetime is 1 / churn rate, at most the horizon. The interval is linearised, clustered by
    customer, on the scale of logarithms: the lifetime is skewed.

    Attributes
    ----------
    horizon_days : int
        Longest lifetime.
    scale : float
        Currency per unit of the column ``margin``.

    Examples
    --------
    >>> totals = Totals(100, np.array([50.0, 500.0, 100.0, 10.0, 100.0]), np.zeros((5, 5)), days=30)
    >>> value = LifetimeValue(horizon_days=3000).estimate(totals)
    >>> value.value, value.factors
    (50.0, {'frequency': 0.5, 'lifetime': 10.0, 'margin per order': 10.0})
    """

    horizon_days: int
    scale: float = 1.0
    columns: tuple[str, ...] = COLUMNS
    interval: str = (
        "linearised, clustered by customer, on the scale of logarithms; none below 30 customers or "
        "5 lost ones"
    )

    @property
    def cubes(self) -> bool:
        """Whether sums of products of three columns are needed."""
        return False

    def estimate(self, totals: Totals) -> Estimate:
        """Return value, interval and factors; no data without orders or without past customers."""
        orders, margin, on_board, lost, base = (float(total) for total in totals.sums)
        if not (orders > 0 and on_board > 0 and base > 0):
            return NO_DATA
        horizon = self.horizon_days / totals.days
        lifetime = horizon if lost == 0 else min(base / lost, horizon)
        factors = {
            "frequency": orders / on_board,
            "lifetime": lifetime,
            "margin per order": self.scale * margin / orders,
        }
        value = math.prod(factors.values())
        low, high, note = self._interval(totals, value, horizon)
        marks = [note] if note else []
        if lost == 0:
            marks.insert(0, "no customer was lost: the lifetime is the horizon")
        elif base / lost >= horizon:
            marks.insert(0, "the lifetime is cut at the horizon")
        return Estimate(
            value, low, high, totals.n, self.scale * margin, on_board, "; ".join(marks), factors
        )  # fmt: skip

    def _interval(
        self, totals: Totals, value: float, horizon: float
    ) -> tuple[float | None, float | None, str]:
        lost = float(totals.sums[3])
        if totals.n < SMALL:
            return None, None, f"no interval: fewer than {SMALL} customers"
        if lost < FEWEST_LOST:
            return None, None, f"no interval: fewer than {FEWEST_LOST} customers lost"
        slopes = gradient(_value(horizon, self.scale), totals.sums)
        deviations = totals.products - np.outer(totals.sums, totals.sums) / totals.n
        variance = float(slopes @ deviations @ slopes) * totals.n / (totals.n - 1)
        if not variance > 0:
            return None, None, "no interval: the customers do not differ"
        half = t_quantile(totals.n - 1) * math.sqrt(variance)
        if value <= 0:
            return value - half, value + half, ""
        return value * math.exp(-half / value), value * math.exp(half / value), ""


def _value(horizon: float, scale: float) -> Callable[[FloatArray], FloatArray]:
    def value(sums: FloatArray) -> FloatArray:
        lifetime = np.minimum(safe_ratio(sums[..., 4], sums[..., 3]), horizon)
        made: FloatArray = scale * safe_ratio(sums[..., 1], sums[..., 2]) * lifetime
        return made

    return value


def change_by_factor(before: Estimate, after: Estimate) -> dict[str, float]:
    """Return what each factor adds to the change of a product, as shares of the value before.

    Each factor's part is averaged over the orders in which the factors could have changed
    (Shapley), so the parts add up to the change exactly, whatever the signs.

    Returns
    -------
    mapping of factor to float
        Parts of (after - before) / |before|; empty if one of the values is missing or 0 before.

    Examples
    --------
    >>> before = Estimate(40.0, None, None, 9, factors={"frequency": 2.0, "lifetime": 20.0})
    >>> after = Estimate(60.0, None, None, 9, factors={"frequency": 3.0, "lifetime": 20.0})
    >>> change_by_factor(before, after)
    {'frequency': 0.5, 'lifetime': 0.0}
    """
    names = [name for name in before.factors if name in after.factors]
    if not names or not before.value or after.value is None:
        return {}
    parts = dict.fromkeys(names, 0.0)
    orders = list(permutations(names))
    for order in orders:
        current = dict(before.factors)
        for name in order:
            earlier = math.prod(current.values())
            current[name] = after.factors[name]
            parts[name] += (math.prod(current.values()) - earlier) / len(orders)
    return {name: part / abs(before.value) for name, part in parts.items()}


def factor_sentence(changes: Mapping[str, float]) -> str:
    """Return a change in its factors as people read it; empty without factors.

    The parts are rounded so that they add up to the rounded change (largest remainders).

    Examples
    --------
    >>> factor_sentence({"frequency": -0.093, "lifetime": -0.041, "margin per order": 0.0121})
    '-12%: frequency -9, lifetime -4, margin per order +1'
    """
    if not changes:
        return ""
    points = {name: 100 * part for name, part in changes.items()}
    total = round(sum(points.values()))
    whole = {name: math.floor(part) for name, part in points.items()}
    by_remainder = sorted(points, key=lambda name: (whole[name] - points[name], name))
    for name in by_remainder[: total - sum(whole.values())]:
        whole[name] += 1
    parts = ", ".join(f"{name} {part:+d}" for name, part in whole.items())
    return f"{total:+d}%: {parts}"
