"""The limit of the largest of many statistics, from the weeks of the history themselves."""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import FloatArray

TAIL_SHARE = 0.2
"""Share of the weeks, the most extreme, whose mean excess extrapolates the tail."""
LEAST_WEEKS = 20
"""Weeks with a statistic before there is a limit."""


def limit(
    history: FloatArray, rate: float, n_statistics: int, *, at_least: int = LEAST_WEEKS
) -> float | None:
    """Return what the largest statistic of a quiet week exceeds with probability `rate` at most.

    The largest of three: the conformal quantile of the history (its rank is rounded up; Vovk,
    Gammerman and Shafer 2005), an exponential tail above its upper quantile (which reaches beyond
    the history's largest value), and the normal quantile of the Bonferroni inequality.

    Parameters
    ----------
    history : array
        The largest statistic of each earlier week, NaN where there was none.
    rate : float
        Probability of a false alarm.
    n_statistics : int
        Number of statistics of which the largest is taken.
    at_least : int, optional
        Length of the history from which there is a limit.

    Returns
    -------
    float or None
        None if the history is shorter than that.

    Examples
    --------
    >>> limit(np.arange(10.0), 0.05, 3)
    >>> round(limit(np.linspace(0, 2, 100), 0.05, 3), 2)
    2.13
    """
    from scipy import special

    known = np.sort(history[np.isfinite(history)])
    n = len(known)
    if n < at_least:
        return None
    rank = int(np.ceil((n + 1) * (1 - rate)))
    conformal = known[min(rank, n) - 1]
    start = known[int(np.floor(n * (1 - TAIL_SHARE)))]
    excess = known[known > start] - start
    mean = excess.mean() if excess.size else 0.0
    # The mean of few excesses is uncertain; it is increased by its standard error.
    mean *= 1 + 1 / np.sqrt(max(excess.size, 1))
    tail = start + mean * np.log(TAIL_SHARE / rate)
    normal = -special.ndtri(rate / max(n_statistics, 1))
    return float(max(conformal, tail, normal))
