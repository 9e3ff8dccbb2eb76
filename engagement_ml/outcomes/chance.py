"""Chance of an event within a time: product-limit (Kaplan–Meier) estimates, and changes of it.

One more event today changes the chance of the outcome u periods later by the share r_u. Of all at
risk today, the share f(u) has the outcome u periods later. Some of them would have had it later in
the window anyway, with chance G(Q − u). So the chance to have it within Q periods changes by

``Σ_u f(u) r_u (1 − G(Q − u))``.

f is the mean over all at risk. G is weighted by the odds of the outcome, as those who have it
sooner are more likely to have it later, too.
"""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array, LagGroups


def chance_within(
    ahead: Int64Array, occurs: BoolArray, weight: FloatArray, horizon: int
) -> FloatArray:
    """Return the chance of the outcome within 0 to `horizon` periods, shape (horizon + 1,).

    Parameters
    ----------
    ahead : int array (N,)
        Periods until the outcome, from 1; without it, periods for which a row is followed.
    occurs : bool array (N,)
        Whether the outcome is on record.
    weight : array (N,)
    horizon : int

    Examples
    --------
    >>> ahead, occurs = np.array([1, 2, 2, 5]), np.array([True, True, False, False])
    >>> chance_within(ahead, occurs, np.ones(4), 3).round(3).tolist()
    [0.0, 0.25, 0.5, 0.5]
    """
    followed = np.clip(ahead, 0, horizon + 1)
    size = horizon + 2
    happened = np.bincount(followed[occurs], weight[occurs], minlength=size)[: horizon + 1]
    ended = np.bincount(followed, weight, minlength=size)
    at_risk = np.cumsum(ended[::-1])[::-1][: horizon + 1]
    hazard = happened / np.maximum(at_risk, 1e-300)
    hazard[0] = 0.0
    return np.asarray(1.0 - np.cumprod(1.0 - hazard))


def chance_weights(
    ahead: Int64Array, occurs: BoolArray, odds: FloatArray, groups: LagGroups, horizon: int
) -> tuple[FloatArray, float]:
    """Return the weight of each group of lags, in percentage points, and the mean chance.

    Parameters
    ----------
    ahead, occurs : arrays (N,)
        As for `chance_within`.
    odds : array (N,)
        Fitted odds of the outcome in each row's period.
    groups : tuple of (first, last)
        Inclusive lags in periods.
    horizon : int
        Length of the outcome window, in periods.

    Returns
    -------
    weights : array (G,)
        Change of the chance for a relative change of 1 at all lags of a group.
    chance : float
        Percent of those at risk who have the outcome within the window.
    """
    of_all = chance_within(ahead, occurs, np.ones(ahead.size), horizon)
    later = chance_within(ahead, occurs, odds, horizon)
    u = np.arange(1, horizon + 1)
    by_lag = 100.0 * np.diff(of_all) * (1.0 - later[horizon - u])
    weights = [float(by_lag[(u >= first) & (u <= last)].sum()) for first, last in groups]
    return np.array(weights), 100.0 * float(of_all[-1])
