"""What every kind of measure has in common: totals in, value and interval out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from engagement_ml._typing import FloatArray

Z = 1.959963984540054
"""0.975 quantile of the normal distribution: intervals are 95%."""
SMALL = 30
"""Customers below which intervals of ratios are by bootstrap."""


@dataclass(frozen=True)
class Totals:
    """Sums over the customers of one group in one period.

    Attributes
    ----------
    n : int
        Customers with a row, or on board.
    sums : array (k,)
        Of each column of the kind.
    products : array (k, k)
        Sums of the products of two columns.
    rows : array (n, k) or None
        The columns of each customer, if there are fewer than `SMALL`; they are sorted.
    cubes : array (k, k, k) or None
        Sums of the products of three columns, if the kind needs them.
    days : int, default 1
        Length of the period.
    """

    n: int
    sums: FloatArray
    products: FloatArray
    rows: FloatArray | None = None
    cubes: FloatArray | None = None
    days: int = 1


@dataclass(frozen=True)
class Estimate:
    """Value and interval in one group and period.

    Attributes
    ----------
    value, low, high : float or None
        None is "no data".
    n : int
        People behind the value.
    numerator, denominator : float or None
    note : str
        Why there is no value, or how the interval was made if not in the usual way.
    factors : mapping of str to float
        What the value is the product of, if it is one.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    numerator: float | None = None
    denominator: float | None = None
    note: str = ""
    factors: Mapping[str, float] = field(default_factory=dict)


NO_DATA = Estimate(None, None, None, 0, note="no data")


class Kind(Protocol):
    """Kind of a measure.

    Attributes
    ----------
    columns : tuple of str
        What is summed by customer and period; ``on_board`` is filled by the caller.
    interval : str
        How the interval is made, for the documentation.
    cubes : bool
        Whether it needs sums of products of three columns.
    """

    @property
    def columns(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def interval(self) -> str: ...  # noqa: D102

    @property
    def cubes(self) -> bool: ...  # noqa: D102

    def estimate(self, totals: Any) -> Estimate:
        """Return value and interval from the totals of one group and period.

        They are ``Totals`` or, for kinds of durations, ``DurationTotals``.
        """


@lru_cache(maxsize=4096)
def t_quantile(degrees: int) -> float:
    """Return the 0.975 quantile of Student's t.

    Examples
    --------
    >>> round(t_quantile(29), 3)
    2.045
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))
