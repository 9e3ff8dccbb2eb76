"""Credit of touchpoints for conversions by all rules, beside their effects."""

from __future__ import annotations

from typing import Any

from engagement_ml.attribution.evidence import RULES, AttributionEvidence, CreditRow
from engagement_ml.formatting import count, decimals_for, first_upper, one_line, percent, quantity
from engagement_ml.report import plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run

_NAMES = {
    "first": "First",
    "last": "Last",
    "linear": "Linear",
    "markov": "Markov",
    "shapley": "Shapley",
}
_SHOWN = 15


def build(run: Run) -> dict[str, Any] | None:
    """Return the credit of each touchpoint; None if it was not asked for."""
    found = run.record.further.attribution
    if found is None:
        return None
    shown = found.rows[:_SHOWN]
    credited = [row for row in shown if row.shapley is not None]
    largest = max((_share(row, rule) for row in credited for rule in RULES), default=0.0)
    return {
        "cause": _cause(run, found),
        "lead": _lead(run, found),
        "rules": [_NAMES[rule] for rule in RULES],
        "rows": [_row(run, found, row, largest) for row in shown] if credited else [],
        "hidden": len(found.rows) - len(shown),
        "judged": any(row.verdict is not None for row in shown),
        "outcome_days": run.outcome_days,
        "notes": [run.readable(text.note(note)) for note in found.notes],
    }


def _cause(run: Run, found: AttributionEvidence) -> str:
    """Say first that credit is not cause, and which rows show it."""
    start = (
        "Credit is not cause: a touchpoint that only reaches "
        f"{run.entities} who are about to buy gets credit by every rule."
    )
    judged = [row for row in found.rows if row.verdict is not None and row.shapley is not None]
    if not judged:
        return start
    # A touchpoint with a proven effect is not an example of credit without one.
    other = [row for row in judged if row.verdict != "driver"]
    if not other:
        return f"{start} Here all touchpoints with a verdict are drivers as well."
    total = sum(row.shapley or 0.0 for row in other)
    return (
        f"{start} Here {percent(total)} of the credit (Shapley) goes to touchpoints that are not "
        "shown to raise margin."
    )


def _lead(run: Run, found: AttributionEvidence) -> str:
    what = "transaction" if found.conversion == "transaction" else f"{run.label(found.conversion)}"
    n_with = found.n_conversions - found.n_without_touch
    days = quantity(found.lookback_days, "day")
    if found.conversion != "transaction":
        counted = f"{count(found.n_conversions)} conversions ({what})"
    else:
        counted = quantity(found.n_conversions, "purchase")
    if not found.n_conversions:
        return "The history has no conversion."
    margin = "" if found.margin is None else f" with {run.money(found.margin, 0)} of margin"
    return (
        f"Of {counted}, {count(n_with)}{margin} had a touchpoint in the {days} before; the other "
        f"{count(found.n_without_touch)} are credited to none. {count(found.n_paths - n_with)} "
        "paths of touches ended without a conversion."
    )


def _row(run: Run, found: AttributionEvidence, row: CreditRow, largest: float) -> dict[str, Any]:
    by_type = found.touchpoint == "event_type"
    label = run.label(row.touchpoint) if by_type else one_line(row.touchpoint)
    decimals = decimals_for(row.effect, row.effect_low, row.effect_high)
    return {
        "label": label,
        "touches": quantity(row.n_touches, "touch"),
        "credit": [
            {
                "name": _NAMES[rule],
                "share": percent(_share(row, rule)),
                "bar": plots.bar_cell(
                    _share(row, rule) / largest if largest > 0 else 0.0,
                    tone="good" if row.verdict == "driver" else "plain",
                    label=f"{label}, {_NAMES[rule]}: {percent(_share(row, rule))}",
                ),
            }
            for rule in RULES
        ],
        "effect": "" if row.effect is None else run.money(row.effect, decimals),
        "interval": ""
        if row.effect is None
        else run.money.spread(row.effect_low, row.effect_high, decimals),
        "reason": run.readable(first_upper(row.reason or "")),
        "verdict": None if row.verdict is None else text.verdict_of(row.verdict, run.entity),
    }


def _share(row: CreditRow, rule: str) -> float:
    value: float | None = getattr(row, rule)
    return value or 0.0


ATTRIBUTION = Section("attribution", "Credit for conversions", "attribution.html.j2", build)
