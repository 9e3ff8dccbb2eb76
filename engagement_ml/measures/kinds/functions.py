"""Kinds by what they are: means, rates, shares and differences of shares."""

from __future__ import annotations

import math

from engagement_ml.measures.kinds.arithmetic import divide, safe_ratio
from engagement_ml.measures.kinds.linearised import TotalsFunction
from engagement_ml.measures.kinds.shares import Difference, Share, share_difference

__all__ = [
    "Difference", "Share", "TotalsFunction", "difference", "divide", "rate", "ratio", "safe_ratio",
    "share",
]  # fmt: skip


def ratio(
    numerator: str,
    denominator: str,
    *,
    scale: float = 1.0,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> TotalsFunction:
    """Return the kind of a mean: one total by another."""
    return TotalsFunction(
        (numerator, denominator), divide, numerator, denominator, scale, bounds
    )  # fmt: skip


def rate(
    numerator: str, denominator: str, *, scale: float = 1.0, per_days: float | None = None
) -> TotalsFunction:
    """Return the kind of a number of events by a denominator, in the period or in some days."""
    return TotalsFunction(
        (numerator, denominator), divide, numerator, denominator, scale, (0.0, math.inf),
        counts=True, per_days=per_days,
    )  # fmt: skip


def share(numerator: str, denominator: str) -> Share:
    """Return the kind of a share, in percent."""
    return Share((numerator, denominator), divide, numerator, denominator, 100.0, (0.0, 100.0))


def difference(numerator: str, denominator: str, other: str, other_denominator: str) -> Difference:
    """Return the kind of ``numerator / denominator - other / other_denominator``, in points."""
    columns = (numerator, denominator, other, other_denominator)
    return Difference(columns, share_difference, scale=100.0, bounds=(-100.0, 100.0))
