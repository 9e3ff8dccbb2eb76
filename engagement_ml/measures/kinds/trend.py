"""Trend over periods (stand-in until merged)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Slope:
    """Slope."""

    slope: float | None
    low: float | None
    high: float | None
    periods: int


def theil_sen(values: Sequence[float | None]) -> Slope:
    """Theil-Sen."""
    from scipy.stats import theilslopes

    at = np.array([i for i, v in enumerate(values) if v is not None], dtype=float)
    y = np.array([v for v in values if v is not None], dtype=float)
    if len(y) < 4:
        return Slope(None, None, None, len(y))
    s = theilslopes(y, at, 0.95)
    return Slope(float(s.slope), float(s.low_slope), float(s.high_slope), len(y))
