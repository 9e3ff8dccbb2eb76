"""Sentences about turning responses."""

from __future__ import annotations

from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.formatting import count

WINDOW = "per observation window"


def explain_turning(turning: Turning) -> str:
    """Return up to how many events pay, and beyond how many they cost, as a clause.

    Examples
    --------
    >>> turn = Turning(4, 12.2, 11.0, 13.4, 24.4, (), (), (), (), -9.0, 8.0, -7.0)
    >>> explain_turning(turn)
    'it pays up to 12 events per observation window (95% interval 11 to 13), costs beyond 24'
    """
    low, high = count(turning.optimum_low), count(turning.optimum_high)
    pays = f"it pays up to {count(turning.optimum)} events {WINDOW} (95% interval {low} to {high})"
    if turning.break_even is None:
        return f"{pays}, each further event costs some of that gain"
    return f"{pays}, costs beyond {count(turning.break_even)}"
