"""Typed rows of the comparison of effects between segments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentRow:
    """A behaviour's effect per event in one segment, with its 95% interval.

    Attributes
    ----------
    effect, low, high : float
        The segment's own estimate, net of `cost_per_event`, in currency.
    n : int
        Customers.
    agrees : bool
        False if effects differ between the values and this one lies apart from the whole.
    pooled_effect, pooled_low, pooled_high : float or None
        The estimate shrunken towards the effect over all customers.
    p_value : float or None
        Of Cochran's Q over the values of the column, Holm-adjusted; the same for all of them.
    differs : bool
        Whether effects differ between the values of the column.
    """

    segment: str
    value: str
    behaviour: str
    effect: float
    low: float
    high: float
    n: int
    agrees: bool
    pooled_effect: float | None = None
    pooled_low: float | None = None
    pooled_high: float | None = None
    p_value: float | None = None
    differs: bool = False


@dataclass(frozen=True)
class HeterogeneityRow:
    """Test of equal effects of one behaviour over the values of a segment column.

    Attributes
    ----------
    q, df : float, int
        Cochran's Q and its degrees of freedom.
    p_value : float
        Holm-adjusted over all columns and behaviours.
    i_squared : float
        Share of the variation between segments that is no sampling error, 0 to 1.
    tau : float
        Standard deviation of the effects between segments, in currency.
    differs : bool
    opposite : tuple of str
        Values whose effect has the opposite sign of the whole one, with certainty.
    informative_only : bool
        Whether the behaviour is neither a driver nor harmful.
    """

    segment: str
    behaviour: str
    q: float
    df: int
    p_value: float
    i_squared: float
    tau: float
    differs: bool
    opposite: tuple[str, ...] = ()
    informative_only: bool = False
