"""What brings first purchases: prospects, how many buy, and a verdict with its reason for each."""

from __future__ import annotations

from typing import Any

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import (
    decimals_for,
    first_upper,
    listed,
    number,
    one_line,
    percent,
    sentence,
    spread,
)
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.report import text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run

_ACTING = ("driver", "harmful")


def build(run: Run) -> dict[str, Any] | None:
    """Return facts and rows; None if first purchases are no outcome of the run."""
    found = next((o for o in run.record.further.outcomes if o.kind == "first_purchase"), None)
    if found is None:
        return None
    rows = [_row(run, row) for row in found.drivers]
    acting = [row.verdict in _ACTING for row in found.drivers]
    return {
        "lead": _lead(run, found),
        "facts": _facts(run, found),
        "shown": [row for row, acts in zip(rows, acting, strict=True) if acts],
        "folded": [row for row, acts in zip(rows, acting, strict=True) if not acts],
    }


def _lead(run: Run, found: OutcomeEvidence) -> str:
    if found.reason:
        return f"Nothing is known of first purchases: {sentence(one_line(found.reason))}"
    drivers = listed(run.label(r.behaviour) for r in found.drivers if r.verdict == "driver")
    harmful = listed(run.label(r.behaviour) for r in found.drivers if r.verdict == "harmful")
    said = []
    if drivers:
        said.append(f"First purchases become more likely after: {drivers}.")
    if harmful:
        said.append(f"They become less likely after: {harmful}.")
    if not said:
        said.append("No behaviour is shown to bring first purchases.")
    unknown = sum(r.verdict == "unverifiable" for r in found.drivers)
    if unknown:
        said.append(
            f"Of {number(unknown, 0)} behaviours the records cannot tell; most of what precedes a "
            "first purchase is preparation by prospects who have decided."
        )
    return " ".join(said)


def _facts(run: Run, found: OutcomeEvidence) -> list[str]:
    """Return prospects, buyers, and the time they take."""
    facts, said = found.facts, [f"{number(found.n_entities, 0)} prospects"]
    if facts.get("bought") is not None:
        said.append(f"{number(facts['bought'], 0)} bought on record")
    if facts.get("median_days_to_buy") is not None:
        said.append(f"half of the buyers within {number(facts['median_days_to_buy'], 0)} days")
    if found.level is not None:
        said.append(f"{percent(found.level / 100.0, 1)} buy within {run.outcome_days} days")
    if facts.get("starts"):
        said.append(f"prospects from {run.label(str(facts['starts']))} on")
    return said


def _row(run: Run, row: DriverRow) -> dict[str, Any]:
    values = (row.effect, row.effect_low, row.effect_high)
    digits = decimals_for(*values)
    return {
        "label": run.label(row.behaviour),
        "verdict": text.verdict_of(row.verdict),
        "reason": run.readable(first_upper(row.reason)),
        "effect": number(row.effect, digits, signed=True),
        "interval": spread(row.effect_low, row.effect_high, digits),
    }


FIRST_PURCHASES = Section(
    "first_purchases", "What brings first purchases", "first_purchases.html.j2", build
)
