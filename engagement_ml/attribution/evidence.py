"""Credit of touchpoints for conversions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CreditRow:
    """Credit of one touchpoint, as shares of all conversions that had a touchpoint before them.

    Attributes
    ----------
    first, last, linear, markov, shapley : float or None
        Shares from 0 to 1; each adds up to 1 over the rows.
    n_paths : int
        Paths that contain the touchpoint.
    effect, effect_low, effect_high : float or None
        Within-customer effect on margin of one touch, in currency, with its 95% interval.
    verdict : str or None
    """

    touchpoint: str
    n_paths: int
    first: float | None
    last: float | None
    linear: float | None
    markov: float | None
    shapley: float | None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class AttributionEvidence:
    """Credit by touchpoint, the largest by Shapley value first."""

    conversion: str
    touchpoint: str
    lookback_days: int
    n_conversions: int
    n_without_touch: int
    n_paths: int
    rows: tuple[CreditRow, ...] = ()
    notes: tuple[str, ...] = ()
