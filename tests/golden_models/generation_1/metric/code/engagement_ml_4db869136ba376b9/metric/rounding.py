"""Rounding of a metric's numbers, so that its file is the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engagement_ml_4db869136ba376b9.errors import InputError

SIGNIFICANT_DIGITS = 9
WEIGHT_DECIMALS = 2
_UNITS_OF_ONE = 100
_UNITS = 100 * _UNITS_OF_ONE


def round_significant(value: float) -> float:
    """Round to nine significant digits, the precision of a stored metric.

    Examples
    --------
    >>> round_significant(1 / 3), round_significant(123456789.4321)
    (0.333333333, 123456789.0)
    """
    return float(f"{float(value):.{SIGNIFICANT_DIGITS}g}")


def round_weights(shares: Sequence[float]) -> tuple[float, ...]:
    """Apportion 100 points to positive shares, in weights of two decimals.

    The method is that of the largest remainder (Hamilton): each share gets its whole hundredths,
    and the remaining hundredths go to the largest remainders, the first of equal ones. A share
    below one hundredth gets one from the largest weight, as weights are positive.

    Parameters
    ----------
    shares : sequence of float
        Finite and positive, in any unit; only their proportions matter.

    Returns
    -------
    tuple of float
        In the order of `shares`; empty if `shares` is. They add up to exactly 100.

    Raises
    ------
    InputError
        If a share is not a positive number.

    Examples
    --------
    >>> round_weights([1, 1, 1])
    (33.34, 33.33, 33.33)
    >>> round_weights([2.0, 1e-9])
    (99.99, 0.01)
    """
    values = [float(share) for share in shares]
    for place, value in enumerate(values):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"share {place + 1} is {value}; give finite positive numbers")
    largest = max(values, default=1.0)
    scaled = [value / largest for value in values]
    total = math.fsum(scaled)
    exact = [value / total * _UNITS for value in scaled]
    units = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(units)), key=lambda i: (units[i] - exact[i], i))
    for i in by_remainder[: _UNITS - sum(units)] if units else ():
        units[i] += 1
    for i, unit in enumerate(units):
        if unit == 0:
            units[units.index(max(units))] -= 1
            units[i] = 1
    return tuple(unit / _UNITS_OF_ONE for unit in units)


def adds_up(weights: Sequence[float]) -> bool:
    """Return whether weights of two decimals add up to exactly 100.

    Examples
    --------
    >>> adds_up([41.2, 33.3, 25.5]), adds_up([41.2, 33.3, 25.4])
    (True, False)
    """
    units = [round(weight * _UNITS_OF_ONE) for weight in weights]
    return sum(units) == _UNITS
