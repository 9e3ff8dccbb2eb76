"""What more of the drivers would bring in all."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import number, one_line
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any] | None:
    """Return totals by driver; None if no driver has any, or the metric is no driver's."""
    found = run.record.further.opportunity
    if found is None or not found.rows or run.indicator or not run.weighted:
        return None
    money = run.money
    rows = [
        {
            "label": one_line(row.label),
            "n": number(row.n_entities, 0),
            "best": number(row.n_best, 0),
            "gain": money(row.gain),
            "interval": money.spread(row.low, row.high),
            "evidence": row.evidence,
        }
        for row in found.rows
    ]
    return {
        "lead": one_line(found.sentence),
        "rows": rows,
        "notes": [one_line(note) for note in found.notes],
        "outcome_days": run.record.windows.outcome_days,
    }


OPPORTUNITY = Section(
    "opportunity", "What more of the drivers would bring", "opportunity.html.j2", build, board=True
)
