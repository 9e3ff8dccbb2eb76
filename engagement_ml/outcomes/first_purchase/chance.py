"""From hazard ratios to percentage points of the chance to buy within the outcome window.

One more event today changes the chance to buy u days later by the share r_u. Of the prospects at
risk today, the share f(u) buys u days later. Some of those whom the event makes buy then would
have bought later in the window anyway, with chance G(Q − u). So the chance to buy within Q days
changes by

``Σ_u f(u) r_u (1 − G(Q − u))``.

f is the mean over days at risk. G is weighted by the odds to buy, as those who buy sooner are more
likely to buy later, too. Both are product-limit (Kaplan–Meier) estimates, as prospects who came
late are followed for less time.
"""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import FloatArray, LagGroups
from engagement_ml.outcomes.first_purchase.prospects import Prospects
from engagement_ml.outcomes.first_purchase.rows import RiskRows


def buying_within(
    prospects: Prospects, rows: RiskRows, weight: FloatArray, days: int
) -> FloatArray:
    """Return the chance to buy within 0 to `days` days after a day without a purchase, (Q + 1,).

    Parameters
    ----------
    weight : array (N,)
        Of each row; rows with a purchase do not count.
    """
    quiet = ~rows.event
    ahead = prospects.bought[rows.entity[quiet]] - rows.day[quiet]
    buys = prospects.buys[rows.entity[quiet]]
    # A prospect without a purchase is followed up to the last day on record.
    followed = np.clip(np.where(buys, ahead, ahead - 1), 0, days + 1).astype(np.int64)
    own = weight[quiet]
    bought = np.bincount(followed[buys], own[buys], minlength=days + 2)[: days + 1]
    ended = np.bincount(followed, own, minlength=days + 2)
    at_risk = np.cumsum(ended[::-1])[::-1][: days + 1]
    hazard = bought / np.maximum(at_risk, 1e-300)
    hazard[0] = 0.0
    return np.asarray(1.0 - np.cumprod(1.0 - hazard))


def chance_weights(
    prospects: Prospects, rows: RiskRows, odds: FloatArray, groups: LagGroups, days: int
) -> tuple[FloatArray, float]:
    """Return the weight of each group of lags, in percentage points, and the mean chance to buy.

    Parameters
    ----------
    odds : array (N,)
        Fitted odds to buy on each row's day.
    groups : tuple of (first, last)
        Inclusive lags in days.
    days : int
        Length of the outcome window.

    Returns
    -------
    weights : array (G,)
        Change of the chance for a relative change of 1 at all lags of a group.
    chance : float
        Percent of prospects at risk who buy within the window.
    """
    of_all = buying_within(prospects, rows, np.ones(rows.event.size), days)
    later = buying_within(prospects, rows, odds, days)
    density = np.diff(of_all)
    u = np.arange(1, days + 1)
    by_day = 100.0 * density * (1.0 - later[days - u])
    weights = [float(by_day[(u >= first) & (u <= last)].sum()) for first, last in groups]
    return np.array(weights), 100.0 * float(of_all[-1])
