"""A response that turns: optimum, break-even and curve, in events per observation window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentTurning:
    """Optimum and break-even in one segment, in events per observation window.

    Attributes
    ----------
    segment, value : str
        Column and value.
    optimum, low, high : float or None
        With the 95% interval; None if the segment's response does not turn within its loads.
    break_even : float or None
    n : int
        Customers.
    """

    segment: str
    value: str
    optimum: float | None
    low: float | None
    high: float | None
    break_even: float | None
    n: int


@dataclass(frozen=True)
class Turning:
    """A response that rises up to an optimum and falls beyond it.

    Attributes
    ----------
    memory : int
        Length of the load's memory, in periods.
    optimum, optimum_low, optimum_high : float
        Events per observation window at which margin, net of the cost of serving them, is largest,
        with the 95% interval.
    break_even : float or None
        Events per observation window at which the gain of the first ones is used up; None if that
        lies beyond the observed loads.
    x : tuple of float
        Events per observation window.
    effect, low, high : tuple of float
        Margin of x events over the outcome window, compared with none, in currency, before the cost
        of serving them, with its 95% band.
    curvature_z, rising_z, falling_z : float
        z of the bend, and of the lines up to the optimum and beyond it.
    segments : tuple of SegmentTurning
        By segment, if responses differ significantly.
    step_std : tuple of float
        Standard error of the step of the effect from each point to the next, in currency.
    """

    memory: int
    optimum: float
    optimum_low: float
    optimum_high: float
    break_even: float | None
    x: tuple[float, ...]
    effect: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    curvature_z: float
    rising_z: float
    falling_z: float
    segments: tuple[SegmentTurning, ...] = ()
    step_std: tuple[float, ...] = ()
