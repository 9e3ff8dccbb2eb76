"""Touches that only reach customers who are about to buy."""

from __future__ import annotations

from engagement_ml.drivers.evidence import EventStudy

DAYS = 7
"""Touches of customers who are about to buy precede the purchase by less."""
LATER_PERIODS = 3
MIN_Z = 2.4
"""One-sided 2.5% over the later periods together (Bonferroni)."""
_Z95 = 1.959964
REASON = (
    "margin is higher after a touch, but nothing shows that it stays higher beyond a week; a touch "
    "that reaches customers who are about to buy looks the same, so only a test that withholds it "
    "from a random group tells whether it acts"
)


def may_harvest(study: EventStudy | None, period_days: int) -> bool:
    """Return whether a touch's association with margin ends with the week after it.

    A touch that is shown to those who are about to buy has nothing before it, so leads do not find
    it. But the purchase comes anyway, and margin is as usual afterwards, while an effect fades.
    An effect that ends within a week looks the same.

    Parameters
    ----------
    study : EventStudy or None
        None if there is none: then nothing shows that the association goes on.
    period_days : int

    Examples
    --------
    >>> lasting = EventStudy((0, 1, 2, 3), (2, 4, 3, 1), (1, 3, 2, -1), (3, 5, 4, 3))
    >>> at_once = EventStudy((0, 1, 2, 3), (2, 4, 0, 0), (1, 3, -1, -1), (3, 5, 1, 1))
    >>> may_harvest(lasting, 7), may_harvest(at_once, 7)
    (False, True)
    """
    if study is None:
        return True
    # An event of period 0 is at least (lag - 1) periods before an order of period lag.
    first = 1 - (-DAYS // period_days)
    later = [
        effect / ((high - low) / (2 * _Z95))
        for lag, effect, low, high in zip(
            study.periods, study.effect, study.low, study.high, strict=True
        )
        if first <= lag < first + LATER_PERIODS and high > low
    ]
    return not any(z >= MIN_Z for z in later)
