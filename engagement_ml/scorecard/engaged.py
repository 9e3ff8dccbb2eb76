"""Engaged × buying: the four groups of customers, as the scorecard holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engagement_ml.measures.periods import Periods
from engagement_ml.scorecard.card import EngagedBuying


def engaged_buying(
    periods: Periods, cells: Sequence[Mapping[str, Mapping[str, float]]], limit: float
) -> tuple[EngagedBuying, ...]:
    """Return the four groups of each period with scores.

    Parameters
    ----------
    periods : Periods
    cells : sequence of mapping
        Of ``measures.engaged.engaged_cells``, one for each period.
    limit : float
        Score from which a customer is engaged.
    """
    return tuple(
        EngagedBuying(period.label, limit, each)
        for period, each in zip(periods.each, cells, strict=True)
        if each
    )
