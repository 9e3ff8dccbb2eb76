"""The ranking by SHAP importance alone, compared with the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engagement_ml.drivers.evidence import NaiveRow
from engagement_ml.formatting import first_upper, listed, number, spelled
from engagement_ml.report import plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run

_SHOWN = 5
_CHOSEN = 3


def build(run: Run) -> dict[str, Any] | None:
    """Return the top of the ranking and the metric's behaviours; None without a ranking."""
    if not run.naive:
        return None
    chosen = {each.behaviour for each in run.weighted}
    shown = [
        row for place, row in enumerate(run.naive) if place < _SHOWN or row.behaviour in chosen
    ]
    largest = max(row.mean_abs_shap for row in run.naive)
    return {
        "lead": _lead(run, _top(run)),
        "rows": [_row(run, row, largest, chosen) for row in shown],
        "hidden": len(run.naive) - len(shown),
    }


def _row(run: Run, row: NaiveRow, largest: float, chosen: set[str]) -> dict[str, Any]:
    evidence = run.by_behaviour.get(row.behaviour)
    value = run.money(row.mean_abs_shap)
    good = row.behaviour in chosen or run.verdict(row.behaviour) == "driver"
    return {
        "rank": number(row.rank, 0),
        "label": run.label(row.behaviour),
        "verdict": text.verdict_of(run.verdict(row.behaviour)),
        "chosen": row.behaviour in chosen,
        "reason": "" if evidence is None else run.readable(first_upper(evidence.reason)),
        "value": value,
        "bar": plots.bar_cell(
            row.mean_abs_shap / largest if largest > 0 else 0.0,
            tone="good" if good else "plain",
            label=f"SHAP importance {value}",
        ),
    }


def _top(run: Run) -> list[NaiveRow]:
    return run.naive[: max(_CHOSEN, len(run.weighted))]


def _lead(run: Run, top: Sequence[NaiveRow]) -> str:
    labels = [run.label(row.behaviour) for row in top]
    right = sum(run.verdict(row.behaviour) == "driver" for row in top)
    if len(labels) == 1:
        outcome = "It is a driver." if right else "It is not a driver."
    elif right == len(labels):
        outcome = "All of them are drivers."
    elif right == 0:
        outcome = "None of them is a driver."
    else:
        which = "is a driver" if right == 1 else "are drivers"
        outcome = f"{first_upper(spelled(right))} of them {which}."
    return (
        "The usual approach ranks behaviours by their importance in a model that predicts margin "
        f"(SHAP importance). It would have chosen {listed(labels)}. {outcome}"
    )


def title(run: Run) -> str:
    """Return the heading: a ranking whose top are drivers does not mislead."""
    right = all(run.verdict(row.behaviour) == "driver" for row in _top(run))
    indicator = bool(run.weighted) and run.indicator
    return "The usual ranking" if right or indicator else "Misleading indicators"


NAIVE = Section(
    "naive",
    title,
    "naive.html.j2",
    build,
    folded=True,
    tables=lambda run: {"naive.csv": run.naive},
)
