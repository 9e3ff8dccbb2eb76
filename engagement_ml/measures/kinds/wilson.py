"""Wilson's interval of a share, also for a number of trials that is not whole."""

from __future__ import annotations

import math

from engagement_ml.measures.kinds.kind import Z


def wilson(successes: float, trials: float, quantile: float = Z) -> tuple[float, float]:
    """Return Wilson's interval of a share; ``(nan, nan)`` without trials.

    Source: E. B. Wilson, "Probable Inference", JASA 22 (1927), 209-212.

    Parameters
    ----------
    successes, trials : float
        Need not be whole: a clustered sample has the variance of fewer trials.
    quantile : float
        Of the normal distribution; the default gives 95%.

    Examples
    --------
    >>> [round(limit, 4) for limit in wilson(25, 40)]
    [0.4703, 0.7578]
    """
    if trials <= 0:
        return math.nan, math.nan
    share, z2 = min(max(successes / trials, 0.0), 1.0), quantile * quantile
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    half = quantile * spread / (1 + z2 / trials)
    low = 0.0 if share == 0 else max(centre - half, 0.0)
    high = 1.0 if share == 1 else min(centre + half, 1.0)
    return low, high
