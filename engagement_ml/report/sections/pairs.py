"""Interactions of two behaviours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engagement_ml.drivers.evidence import PairRow
from engagement_ml.formatting import number, one_line, p_value
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run

_NOT_FOUND = ("no difference found", "unverifiable")
"""Verdicts of pairs that are not reported."""


def build(run: Run) -> dict[str, Any] | None:
    """Return the pairs with an interaction, strongest evidence first, and how many were tested.

    None if no pair was tested.
    """
    tested = run.record.evidence.pairs
    if not tested:
        return None
    found = sorted(
        (row for row in tested if row.verdict not in _NOT_FOUND),
        key=lambda row: (row.p_value, row.first, row.second),
    )
    return {
        "n": len(tested),
        "lead": _lead(run, tested, len(found)),
        "rows": [
            {
                "pair": f"{run.label(row.first)} with {run.label(row.second)}",
                "effect": run.money(row.effect),
                "interval": run.money.spread(row.low, row.high),
                "p_value": p_value(row.p_value),
                "verdict": one_line(row.verdict),
            }
            for row in found
        ],
    }


def _lead(run: Run, tested: Sequence[PairRow], n_found: int) -> str:
    if len(tested) == 1:
        pair = f"{run.label(tested[0].first)} with {run.label(tested[0].second)}"
        result = "an interaction was found" if n_found else "no interaction was found"
        return f"One pair was tested, {pair}: {result}."
    n_behaviours = len({b for row in tested for b in (row.first, row.second)})
    result = "none has" if not n_found else "1 has" if n_found == 1 else f"{number(n_found)} have"
    return (
        f"Of the {number(len(tested))} pairs among {number(n_behaviours)} behaviours that may have "
        f"an effect, {result} an interaction."
    )


PAIRS = Section(
    "pairs",
    "Behaviours in combination",
    "pairs.html.j2",
    build,
    folded=True,
    tables=lambda run: {"pairs.csv": run.record.evidence.pairs},
)
