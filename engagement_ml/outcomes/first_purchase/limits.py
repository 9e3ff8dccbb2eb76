"""The limits of verdicts on first purchases, beside those of `drivers.thresholds`."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml._typing import LagGroups


@dataclass(frozen=True)
class Limits:
    """Limits that only first purchases have.

    Attributes
    ----------
    preparation_days : tuple of int
        Days before a purchase that may be its preparation: the first value at least, a later one
        if most behaviours rise for that long.
    widths : tuple of int
        Widths in days of the groups of lags after the preparation.
    max_rise_z, max_rise_share : float
        Rise of the chance to buy before an event, by its z and as a share of the effect, from
        which the event's timing is not its own.
    certain_rise_share : float
        Share of the effect that the upper bound of the rise must stay below.
    max_close_ratio, max_close_z : float
        Effect in the days of preparation as a multiple of the one right after them that no fading
        effect has, and the z beyond it.
    max_ratio : float
        Hazard ratio of one event beyond which it is a step of buying.
    min_others : int
        Other behaviours that must be there to show preparation and interest.
    min_prospects : int
        Prospects who must do a behaviour for it to count as there.
    min_buyers : int
        First purchases that estimates need.
    """

    preparation_days: tuple[int, ...] = (7, 14)
    widths: tuple[int, ...] = (4, 7, 10, 21)
    max_rise_z: float = 3.0
    max_rise_share: float = 0.25
    certain_rise_share: float = 0.5
    max_close_ratio: float = 4.0
    max_close_z: float = 2.0
    max_ratio: float = 10.0
    min_others: int = 3
    min_prospects: int = 30
    min_buyers: int = 100


LIMITS = Limits()
"""The values in use."""


def lag_groups(preparation: int, limits: Limits = LIMITS) -> tuple[LagGroups, int]:
    """Return the groups of lags in days, and how many of them are preparation.

    Examples
    --------
    >>> lag_groups(7)
    (((1, 3), (4, 7), (8, 11), (12, 18), (19, 28), (29, 49)), 2)
    """
    ends = [3, *(d for d in limits.preparation_days if d <= preparation)]
    bounds = list(ends)
    for width in limits.widths:
        bounds.append(bounds[-1] + width)
    starts = [1, *(b + 1 for b in bounds[:-1])]
    return tuple(zip(starts, bounds, strict=True)), len(ends)
