"""Outcomes beside margin: what behaviours do to parts of margin, to first purchases and to churn.

A table for each unit: behaviours by outcomes, with effect, interval and verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import (
    decimals_for,
    first_upper,
    listed,
    number,
    one_line,
    percent,
    quantity,
    sentence,
    spread,
)
from engagement_ml.outcomes.evidence import MixRow, OutcomeEvidence
from engagement_ml.report import plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.svg import Scale, Tick
from engagement_ml.report.view import Estimate, Run, effect_of

_ACTING = ("driver", "harmful")


@dataclass(frozen=True)
class _Unit:
    """The outcomes of one unit, and how their amounts are written."""

    run: Run
    name: str
    outcomes: tuple[OutcomeEvidence, ...]

    @property
    def is_money(self) -> bool:
        return self.name == self.run.record.currency

    def write(self, value: float | None, decimals: int | None = None) -> str:
        return self.run.money(value, decimals) if self.is_money else number(value, decimals)

    def spread(self, low: float | None, high: float | None, decimals: int) -> str:
        if self.is_money:
            return self.run.money.spread(low, high, decimals)
        return spread(low, high, decimals)

    def tick(self, value: float, decimals: int) -> str:
        return self.run.money.tick(value, decimals) if self.is_money else number(value, decimals)

    def rows(self, behaviour: str) -> list[tuple[str, DriverRow]]:
        """Return what margin as a whole and each outcome say of a behaviour."""
        found = [
            (one_line(outcome.label), row)
            for outcome in self.outcomes
            for row in outcome.drivers
            if row.behaviour == behaviour
        ]
        whole = self.run.by_behaviour.get(behaviour)
        parts = self.is_money and whole is not None and found
        return [("Margin in all", whole), *found] if parts and whole is not None else found


def build(run: Run) -> dict[str, Any] | None:
    """Return the tables by unit and the sentences on the mix; None without other outcomes."""
    further = run.record.further
    if not further.outcomes:
        return None
    units = dict.fromkeys(outcome.unit for outcome in further.outcomes)
    tables = [
        _Unit(run, unit, tuple(o for o in further.outcomes if o.unit == unit)) for unit in units
    ]
    mix = sorted(further.mix, key=lambda row: not row.cannibalises)
    return {
        "outcomes": [_outcome(run, outcome) for outcome in further.outcomes],
        "lead": _lead(further.mix, [o for o in further.outcomes if o.kind == "part"]),
        "mix": [sentence(run.readable(row.sentence)) for row in mix],
        "tables": [table for unit in tables if (table := _table(run, unit)) is not None],
        "notes": list(
            dict.fromkeys(one_line(note) for outcome in further.outcomes for note in outcome.notes)
        ),
    }


def _outcome(run: Run, outcome: OutcomeEvidence) -> dict[str, str]:
    """Return an outcome's name, its level, and why nothing is known if nothing is."""
    level = "" if outcome.level is None else _level(run, outcome)
    reason = sentence(one_line(outcome.reason)) if outcome.reason else ""
    if reason:
        reason = f"Nothing is known of it: {reason[:1].lower()}{reason[1:]}"
    return {"label": first_upper(one_line(outcome.label)), "level": level, "reason": reason}


def outcome_line(run: Run, outcome: OutcomeEvidence) -> str:
    """Return which behaviours raise and which lower an outcome, as one line of the terminal."""
    label = first_upper(one_line(outcome.label))
    if outcome.reason:
        return sentence(f"{label}: nothing is known, as {one_line(outcome.reason)}")
    raised, lowered = (
        listed(run.label(row.behaviour) for row in outcome.drivers if row.verdict == verdict)
        for verdict in _ACTING
    )
    if outcome.kind == "churn":
        raised, lowered = lowered, raised  # a driver of staying lowers churn
    found = [f"raised by {raised}"] if raised else []
    found += [f"lowered by {lowered}"] if lowered else []
    return f"{label}: {'; '.join(found) or 'no effect of a behaviour is shown'}."


def _level(run: Run, outcome: OutcomeEvidence) -> str:
    if outcome.unit == run.record.currency:
        each = f"{run.money(outcome.level)} per {run.entity} in {run.outcome_days} days"
        who = run.entity
    else:
        happens = "buy" if outcome.kind == "first_purchase" else "churn"
        share = percent((outcome.level or 0.0) / 100.0, 1)
        each = f"{share} {happens} within {run.outcome_days} days"
        who = "prospect" if outcome.kind == "first_purchase" else run.entity
    return f"{each}, {quantity(outcome.n_entities, who)}"


def _lead(mix: Sequence[MixRow], parts: Sequence[OutcomeEvidence]) -> str:
    """Return whether one part is raised at the cost of another."""
    if not parts:
        return ""
    shifting = [row for row in mix if row.cannibalises]
    if shifting:
        labels = listed(one_line(row.label) for row in shifting)
        verb = "raises" if len(shifting) == 1 else "raise"
        return f"{labels} {verb} one part of margin at the cost of another."
    if mix:
        return "No behaviour is shown to raise one part of margin at the cost of another."
    return "No effect of a behaviour on a part of margin is shown."


def _table(run: Run, unit: _Unit) -> dict[str, Any] | None:
    """Return a table's groups, those with an effect on any outcome shown; None without rows."""
    names = dict.fromkeys(row.behaviour for row in run.drivers)
    names |= dict.fromkeys(row.behaviour for o in unit.outcomes for row in o.drivers)
    groups = {name: rows for name in names if (rows := unit.rows(name))}
    if not groups:
        return None
    every = [row for rows in groups.values() for _, row in rows]
    scale = plots.interval_scale(
        [effect_of(row) for row in every], wide=[row.verdict not in _ACTING for row in every]
    )
    acting = {name for name, rows in groups.items() if any(r.verdict in _ACTING for _, r in rows)}
    folded = [name for name in groups if name not in acting]
    ticks: list[Tick] = scale.ticks(unit.tick)
    return {
        "unit": "" if unit.is_money else first_upper(one_line(unit.name)),
        "shown": [
            _group(run, unit, name, groups[name], scale) for name in groups if name in acting
        ],
        "folded": [_group(run, unit, name, groups[name], scale) for name in folded],
        "folded_title": f"{number(len(folded))} more without an effect on any outcome",
        "scale": scale,
        "ticks": ticks,
    }


def _group(
    run: Run, unit: _Unit, behaviour: str, rows: Sequence[tuple[str, DriverRow]], scale: Scale
) -> dict[str, Any]:
    return {
        "title": run.label(behaviour),
        "rows": [_row(run, unit, behaviour, name, row, scale) for name, row in rows],
    }


def _row(
    run: Run, unit: _Unit, behaviour: str, name: str, row: DriverRow, scale: Scale
) -> dict[str, Any]:
    verdict = text.verdict_of(row.verdict)
    estimate: Estimate = effect_of(row)
    decimals = decimals_for(*estimate)
    effect, interval = unit.write(row.effect, decimals), unit.spread(*estimate[1:], decimals)
    return {
        "name": first_upper(name),
        "verdict": verdict,
        "effect": effect,
        "interval": interval,
        "plot": plots.signed_bar_cell(
            scale,
            estimate,
            tone=verdict.tone,
            label=f"{run.label(behaviour)}, {name}: {effect} ({interval})",
        ),
    }


OUTCOMES = Section("outcomes", "Outcomes beside margin", "outcomes.html.j2", build)
