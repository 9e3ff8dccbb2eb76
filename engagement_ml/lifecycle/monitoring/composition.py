"""What this week's customers would have done at the rates of the weeks before.

Direct standardisation by tenure: waves of sign-ups and growth change who is active, and new
customers do other things than old ones. The expected number of events of a type is the sum over
tenure groups of active customers × the group's rate in the weeks before.
"""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import FloatArray

RATE_WEEKS = 13
"""Weeks whose rates are averaged; fewer at the start of the history."""
PRIOR_CUSTOMERS = 20.0
"""Customer-weeks at which a group's own rate weighs as much as that of all customers."""


def expected_events(events: FloatArray, active: FloatArray, *, ahead: int = 0) -> FloatArray:
    """Return the events that each week's active customers were expected to have.

    Parameters
    ----------
    events : array of shape (T, B, K)
    active : array of shape (T, B)
    ahead : int, default 0
        Weeks just before the week that are not used for the rates.

    Returns
    -------
    array of shape (T, K)
        NaN where there is no week before.
    """
    weeks, _, kinds = events.shape
    total = np.concatenate([np.zeros((1, *events.shape[1:])), np.cumsum(events, axis=0)])
    people = np.concatenate([np.zeros((1, active.shape[1])), np.cumsum(active, axis=0)])
    expected = np.full((weeks, kinds), np.nan)
    for week in range(1 + ahead, weeks):
        stop = week - ahead
        start = max(0, stop - RATE_WEEKS)
        done, there = total[stop] - total[start], people[stop] - people[start]
        overall = done.sum(0) / max(there.sum(), 1.0)
        rates = (done + PRIOR_CUSTOMERS * overall) / (there[:, None] + PRIOR_CUSTOMERS)
        expected[week] = active[week] @ rates
    return expected
