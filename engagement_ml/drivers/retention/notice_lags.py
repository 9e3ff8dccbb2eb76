"""Lags within a notice period: whom an event could still reach, and at what weight.

Leavers decide at different times. Those who had not decided at a lag could be moved by an event at
it. The effect there cannot be seen, as most of the others do less of everything. It is taken to be
as large, for those who had not decided, as at the first lag before the notice period.

How many had not decided lies between two bounds. If behaviours fall at once after a decision, the
fall at a lag shows the share who had decided. If they fall slowly, more had decided, at most all.
The middle of the two is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engagement_ml._typing import FloatArray, LagGroups

MIDDLE = 0.5
"""Share of those who had not decided if behaviours fell at once that is taken."""


def undecided_shares(common: Sequence[float]) -> tuple[float, ...]:
    """Return the share of leavers who had not decided yet, at each lag of a notice period.

    Parameters
    ----------
    common : sequence of float
        Log ratio that behaviours share at each lag, from the last period before churn on.

    Examples
    --------
    >>> undecided_shares([-0.8, -0.4, -0.2, 0.0])
    (0.0, 0.25, 0.375, 0.5)
    """
    change = np.abs(np.asarray(common, dtype=np.float64))
    largest = float(change.max(initial=0.0))
    if largest == 0.0:
        return tuple(0.0 for _ in common)
    start = int(change.argmax())
    share = 1.0 - change / largest
    share[: start + 1] = 0.0
    return tuple(float(s) for s in MIDDLE * np.maximum.accumulate(share))


def every_lag(groups: LagGroups, n_notice: int) -> LagGroups:
    """Return the lags of the notice period one by one, then the groups that follow them.

    Examples
    --------
    >>> every_lag(((3, 3), (4, 5)), 2)
    ((1, 1), (2, 2), (3, 3), (4, 5))
    """
    return (*((lag, lag) for lag in range(1, n_notice + 1)), *groups)


def with_undecided(weights: FloatArray, undecided: Sequence[float]) -> FloatArray:
    """Add the weights of the notice period to the first group, for those who had not decided.

    Parameters
    ----------
    weights : array (N + G,)
        By `every_lag`.
    undecided : sequence of float, length N

    Examples
    --------
    >>> with_undecided(np.array([1.0, 1.0, 1.0, 2.0]), (0.0, 0.5)).tolist()
    [1.5, 2.0]
    """
    n_notice = len(undecided)
    folded = weights[n_notice:].copy()
    folded[0] += float(np.asarray(undecided) @ weights[:n_notice])
    return np.asarray(folded)
