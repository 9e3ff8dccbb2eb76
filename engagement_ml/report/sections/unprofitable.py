"""Customers with a high score and a negative margin, and what they do more of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.drivers.evidence import UnprofitableRow
from engagement_ml.formatting import count, number, percent
from engagement_ml.report import plots
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any] | None:
    """Return how many there are, their loss and their behaviours; None if not measured."""
    found = run.record.evidence.unprofitable
    if found is None:
        return None
    largest = max((row.ratio or 0.0 for row in found.behaviours), default=0.0)
    return {
        "engaged": number(found.n_engaged, 0),
        "unprofitable": number(found.n_unprofitable, 0),
        "share": percent(found.share),
        "lost": run.money(abs(found.margin_lost), 0) if found.margin_lost else "",
        "outcome_days": run.outcome_days,
        "rows": [_row(run, row, largest) for row in found.behaviours],
    }


def _row(run: Run, row: UnprofitableRow, largest: float) -> dict[str, Any]:
    label = run.label(row.behaviour)
    times = number(None) if row.ratio is None else f"{number(row.ratio, 1)}×"
    return {
        "label": label,
        "ratio": times,
        "unprofitable": count(row.mean_unprofitable),
        "profitable": count(row.mean_profitable),
        "bar": plots.bar_cell(
            row.ratio / largest,
            tone="bad" if row.ratio > 1 else "plain",
            label=f"{label}: {times} as many events",
        )
        if row.ratio is not None and largest > 0
        else "",
    }


def _tables(run: Run) -> Mapping[str, Sequence[Any]]:
    found = run.record.evidence.unprofitable
    return {} if found is None else {"unprofitable.csv": found.behaviours}


UNPROFITABLE = Section(
    "unprofitable",
    "Engaged but unprofitable",
    "unprofitable.html.j2",
    build,
    tables=_tables,
)
