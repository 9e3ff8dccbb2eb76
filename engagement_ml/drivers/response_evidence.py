"""Response curves in the evidence: margin by number of events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OptimumRow:
    """The optimum of a turning response in one segment, in events per observation window.

    `optimum` is None if the segment's response does not turn within the counts observed.
    """

    segment: str
    value: str
    optimum: float | None
    low: float | None
    high: float | None
    break_even: float | None
    n: int


@dataclass(frozen=True)
class ResponseCurve:
    """Margin of x events in the observation window, compared with none.

    Attributes
    ----------
    x : tuple of float
        Events.
    effect, low, high : tuple of float
        Currency over the outcome window, with a 95% band.
    typical, p90 : float
        Median and 90th percentile of the count among customers who have any.
    kind : {"linear", "log1p", "turning"}
    optimum, optimum_low, optimum_high, break_even : float or None
        Of a response that turns.
    optima : tuple of OptimumRow
        By segment, if responses that turn differ significantly.
    step_std : tuple of float
        Of a response that turns: standard error of the step from each point to the next.
    """

    x: tuple[float, ...]
    effect: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    saturation_point: float | None
    typical: float
    p90: float
    kind: str
    optimum: float | None = None
    optimum_low: float | None = None
    optimum_high: float | None = None
    break_even: float | None = None
    optima: tuple[OptimumRow, ...] = ()
    step_std: tuple[float, ...] = ()
