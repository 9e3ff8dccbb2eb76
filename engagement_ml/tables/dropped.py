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


def revenue_sql(rows: str, lost: str) -> str:
    """Return SQL for the last three arguments of ``with_revenue``.

    Parameters
    ----------
    rows : str
        SQL of a relation with ``revenue`` and ``margin``.
    lost : str
        SQL of the condition that a row was dropped without a margin.
    """
    return (
        f"SELECT coalesce(sum(revenue) FILTER (WHERE {lost}), 0), "
        f"coalesce(sum(abs(revenue)) FILTER (WHERE {lost}), 0), sum(abs(revenue)) "
        f"FROM {rows} WHERE {lost} OR margin IS NOT NULL"
    )


def dropped_note(quality: TableQuality) -> str | None:
    """Return a sentence on the rows that were dropped from a table; None if none was.

    Reasons that the notes of the table's quality name are left out.
    """
    dropped = [d for d in quality.dropped if not any(d.reason in note for note in quality.notes)]
    if not dropped:
        return None
    why = ", ".join(f"{d.rows:,} {d.reason}" for d in dropped)
    n = sum(d.rows for d in dropped)
    return f"{quality.source}: {quantity(n, 'row')} dropped ({why})."
