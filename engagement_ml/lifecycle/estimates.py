"""Estimates with their intervals, as gates and reports compare them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engagement_ml.formatting import number, spread


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval.

    Raises
    ------
    ValueError
        If a number is not finite: what was not measured is None.
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.value, self.low, self.high))):
            raise ValueError("an estimate must be finite")

    @classmethod
    def of(cls, row: Any) -> Estimate | None:
        """Read ``{"value", "low", "high"}`` of ``evaluation.json``; None if it was not measured.

        Examples
        --------
        >>> Estimate.of({"value": 0.2, "low": 0.1, "high": 0.3})
        Estimate(value=0.2, low=0.1, high=0.3)
        >>> Estimate.of(None) is None
        True
        """
        if not isinstance(row, Mapping):
            return None
        numbers = [row.get(key) for key in ("value", "low", "high")]
        if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers):
            return None
        value, low, high = (float(each) for each in numbers if each is not None)
        return cls(value, low, high)

    def __str__(self) -> str:
        """Return the number with its interval, with three decimals."""
        return f"{number(self.value, 3)} ({spread(self.low, self.high, 3)})"
