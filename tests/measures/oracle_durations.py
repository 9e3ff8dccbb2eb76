"""Durations by hand: Kaplan-Meier in exact fractions over plain rows; shares no code."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

Request = tuple[int, bool]
"""Time, and whether it was answered."""


def open_after(requests: Iterable[Request], time: float) -> Fraction:
    """Return the share of requests that are open after a time."""
    requests = list(requests)
    share = Fraction(1)
    for moment in sorted({t for t, answered in requests if answered and t <= time}):
        at_risk = sum(1 for t, _ in requests if t >= moment)
        ended = sum(1 for t, answered in requests if answered and t == moment)
        share *= 1 - Fraction(ended, at_risk)
    return share


def median(requests: Iterable[Request]) -> int | None:
    """Return the first time after which at most half of the requests are open."""
    requests = list(requests)
    times = sorted({t for t, _ in requests})
    return next((t for t in times if open_after(requests, t) <= Fraction(1, 2)), None)


def within(requests: Iterable[Request], limit: int) -> Fraction | None:
    """Return the share answered within a limit; None if the data end before it."""
    requests = list(requests)
    share = open_after(requests, limit)
    if share > 0 and max(t for t, _ in requests) < limit:
        return None
    return 1 - share


def greenwood(requests: Iterable[Request], time: float) -> Fraction:
    """Return Greenwood's variance of the share that is open after a time."""
    requests = list(requests)
    total = Fraction(0)
    for moment in sorted({t for t, answered in requests if answered and t <= time}):
        at_risk = sum(1 for t, _ in requests if t >= moment)
        ended = sum(1 for t, answered in requests if answered and t == moment)
        if at_risk == ended:
            return Fraction(0)
        total += Fraction(ended, at_risk * (at_risk - ended))
    return open_after(requests, time) ** 2 * total
