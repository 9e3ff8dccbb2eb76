"""What changed since the last review, and which of it is beyond noise."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from engagement_ml.errors import InputError
from engagement_ml.measures.kinds.kind import Z
from engagement_ml.measures.periods import Period
from engagement_ml.scorecard.card import Change, MeasureCard, Value
from engagement_ml.scorecard.wording import shown
from engagement_ml.windows import DAY

LEVEL = 0.05
"""Chance that any measure is called changed if none is (Holm's procedure over all measures)."""


def review_periods(since: dt.date, periods: Sequence[Period]) -> tuple[Period, Period]:
    """Return the last period that ended by a day, and the last of all.

    Raises
    ------
    InputError
        If no period ended by that day, or none has begun since.
    """
    before = [period for period in periods if period.end <= since + DAY]
    if not before:
        raise InputError(
            f"--since {since}: no period ended by that day, as the first one ends on "
            f"{periods[0].end - DAY}; give a later day, or more 'scorecard.periods'"
        )
    first, last = before[-1], periods[-1]
    if first == last:
        raise InputError(
            f"--since {since}: no complete period follows it, as the last one ended on "
            f"{last.end - DAY}; give {last.start - DAY} or earlier"
        )
    return first, last


def changes_since(
    since: dt.date, measures: Sequence[MeasureCard], periods: Sequence[Period], currency: str
) -> tuple[Change, ...]:
    """Return the change of each measure, from the last period that ended by a day to the last one.

    Those beyond noise come first, by their p-value.

    Raises
    ------
    InputError
        If no period ended by that day, or none has begun since.
    """
    first, last = review_periods(since, periods)
    found = []
    for card in measures:
        old, new = (card.series.get(period.label, Value()) for period in (first, last))
        if old.value is not None and new.value is not None:
            found.append((card, old, new, *difference(old, new)))
    beyond = holm([p for *_, p in found])
    changes = [
        (p, _change(card, old, new, low, high, noisy, currency, (first.label, last.label)))
        for (card, old, new, low, high, p), noisy in zip(found, beyond, strict=True)
    ]
    ordered = sorted(changes, key=lambda each: (not each[1].beyond_noise, each[0]))
    return tuple(change for _, change in ordered)


def difference(old: Value, new: Value) -> tuple[float | None, float | None, float]:
    """Return the 95% interval of a difference, and its p-value; no interval is a p-value of 1.

    By the recovery of variances from the two intervals, which need not be symmetric. The periods
    count as independent: customers who are in both make most intervals wider than they need be.

    Source: G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008), 1693-1702.

    Examples
    --------
    >>> low, high, p = difference(Value(50.0, 45.0, 55.0), Value(60.0, 55.0, 65.0))
    >>> round(low, 2), round(high, 2), round(p, 4)
    (2.93, 17.07, 0.0056)
    """
    if old.value is None or new.value is None:
        return None, None, 1.0
    if old.low is None or old.high is None or new.low is None or new.high is None:
        return None, None, 1.0
    change = new.value - old.value
    down = math.hypot(new.value - new.low, old.high - old.value)
    up = math.hypot(new.high - new.value, old.value - old.low)
    side = down if change > 0 else up
    if change == 0:
        p = 1.0
    elif side == 0:
        # Intervals without width say that all customers are alike, which few of them cannot show.
        p = 1.0
    else:
        p = math.erfc(abs(change) * Z / side / math.sqrt(2))
    return change - down, change + up, p


def holm(p_values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Return which hypotheses Holm's step-down procedure rejects.

    Examples
    --------
    >>> holm([0.001, 0.04, 0.02])
    [True, True, True]
    >>> holm([0.03, 0.04])
    [False, False]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for place, i in enumerate(order):
        if p_values[i] > level / (len(p_values) - place):
            break
        rejected[i] = True
    return rejected


def _change(
    card: MeasureCard,
    old: Value,
    new: Value,
    low: float | None,
    high: float | None,
    beyond: bool,
    currency: str,
    labels: tuple[str, str],
) -> Change:
    assert old.value is not None
    assert new.value is not None
    change = new.value - old.value
    up = change > 0
    good = None if card.better is None or not beyond else up == (card.better == "more")
    values = tuple(shown(value.value, card.unit, currency) for value in (old, new))
    text = f"{card.title} went from {values[0]} in {labels[0]} to {values[1]} in {labels[1]}"
    if low is None:
        text += "; it has no interval, so chance may be all of it"
    elif not beyond:
        text += "; a change of this size is within noise"
    elif good is not None:
        text += f", beyond noise, which is {'better' if good else 'worse'}"
        if good and card.link.kind == "vanity":
            text += ", but it is vanity: margin does not follow"
    else:
        text += ", beyond noise"
    return Change(card.name, old, new, change, low, high, beyond, good, text + ".")
