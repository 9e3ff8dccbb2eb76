"""What is said of dropped rows: their number by reason, and the revenue dropped with them."""

from __future__ import annotations

from dataclasses import replace

from engagement_ml.formatting import quantity
from engagement_ml.tables.quality import NO_MARGIN, TableQuality


def with_revenue(quality: TableQuality, lost: float, size: float, of: float) -> TableQuality:
    """Return the quality with the revenue of the rows that were dropped without a margin.

    Parameters
    ----------
    quality : TableQuality
    lost : float
        Their revenue.
    size, of : float
        The sums of the absolute revenue of these rows, and of these and the kept rows.
    """
    share = round(size / of, 6) if of else 0.0
    dropped = tuple(
        replace(d, revenue=round(lost, 2), revenue_share=share) if d.reason == NO_MARGIN else d
        for d in quality.dropped
    )
    return replace(quality, dropped=dropped)


def dropped_note(quality: TableQuality) -> str | None:
    """Return a sentence on the rows that were dropped from a table; None if none was."""
    if not quality.dropped:
        return None
    why = ", ".join(f"{d.rows:,} {d.reason}" for d in quality.dropped)
    n = quality.rows_read - quality.rows_kept
    return f"{quality.source}: {quantity(n, 'row')} dropped ({why})."
