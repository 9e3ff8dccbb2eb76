"""Interactions of two behaviours."""

from __future__ import annotations

from engagement_ml.formatting import one_line, p_value
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> list[dict[str, str]]:
    """Return the pairs that were tested; empty without any."""
    return [
        {
            "pair": f"{run.label(row.first)} with {run.label(row.second)}",
            "effect": run.money(row.effect),
            "interval": run.money.spread(row.low, row.high),
            "p_value": p_value(row.p_value),
            "verdict": one_line(row.verdict),
        }
        for row in run.record.evidence.pairs
    ]


PAIRS = Section("pairs", "Behaviours in combination", "pairs.html.j2", build)
