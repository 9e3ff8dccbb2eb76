"""Kind of the Net Promoter Score: promoters less detractors, in points."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engagement_ml.measures.kinds.kind import NO_DATA, Estimate, Totals, Z


@dataclass(frozen=True)
class NetPromoter:
    """Difference of the shares of promoters and detractors, with the adjusted Wald interval.

    The interval adds ¾, 1½ and ¾ to detractors, passives and promoters, and is cut at ±100.

    Source: B. Rocks, "Interval Estimation for the Net Promoter Score", The American Statistician
    70 (2016), 365-372.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([50.0, 20.0, 100.0])
    >>> estimate = NetPromoter().estimate(Totals(100, counts, np.zeros((3, 3))))
    >>> round(estimate.value, 1), round(estimate.low, 1), round(estimate.high, 1)
    (30.0, 14.1, 44.2)
    """

    columns: tuple[str, ...] = ("promoters", "detractors", "answers")
    interval: str = "adjusted Wald (Rocks 2016), cut at ±100"

    @property
    def cubes(self) -> bool:
        """Whether sums of products of three columns are needed."""
        return False

    def estimate(self, totals: Totals) -> Estimate:
        """Return value and interval from promoters, detractors and people who answered."""
        promoters, detractors, n = (float(total) for total in totals.sums)
        if n < 1:
            return NO_DATA
        adjusted = n + 3.0
        up, down = (promoters + 0.75) / adjusted, (detractors + 0.75) / adjusted
        centre, variance = up - down, up + down - (up - down) ** 2
        half = Z * math.sqrt(variance / adjusted)
        low, high = 100 * max(centre - half, -1.0), 100 * min(centre + half, 1.0)
        value = 100 * (promoters - detractors) / n
        return Estimate(value, low, high, int(n), promoters - detractors, n)
