"""How customers score today: the distribution of the metric, its trend, and segments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CutoffScore:
    """Scores at one cutoff; `quantiles` are those of 5, 25, 50, 75 and 95 percent."""

    cutoff: str
    n_entities: int
    mean: float
    mean_low: float
    mean_high: float
    share_at_zero: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class SegmentScore:
    """Mean score of one segment at the last cutoff, with its 95% interval."""

    segment: str
    value: str
    n_entities: int
    mean: float
    mean_low: float
    mean_high: float
    share_at_zero: float


@dataclass(frozen=True)
class Standing:
    """Scores of all customers of the run.

    Attributes
    ----------
    bins : tuple of int
        Customers at the last cutoff by score: exactly 0, then above 0 to 10, 10 to 20, … 90 to 100.
    cutoffs : tuple of CutoffScore
        In their order.
    """

    bins: tuple[int, ...]
    cutoffs: tuple[CutoffScore, ...]
    segments: tuple[SegmentScore, ...] = ()
