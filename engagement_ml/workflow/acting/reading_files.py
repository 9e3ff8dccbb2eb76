"""The result of a list that was read back, and its files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engagement_ml._typing import AnyArray
from engagement_ml.actions.reading import BehaviourReading, Followed, Reading
from engagement_ml.experiments.lifts import Estimate
from engagement_ml.formatting import Money, number, quantity, sentence, spread
from engagement_ml.sources import new_folder_whole
from engagement_ml.spreadsheet_cells import guarded
from engagement_ml.workflow.acting.assignment_file import CONTROL, TREATED, csv_text
from engagement_ml.workflow.acting.plan import FORMAT, ActionPlan
from engagement_ml.workflow.acting.results import json_text
from engagement_ml.yaml_line import yaml_line

RESULT, RESULT_TABLE = "result.json", "result.csv"
COLUMNS = (
    "customer_id", "arm", "behaviour", "test", "margin", "events", "margin_before",
    "events_before", "margin_adjusted", "events_adjusted", "score",
)  # fmt: skip
ADJUSTED = ("margin_before", "events_before")


@dataclass(frozen=True, repr=False)
class ActionReading:
    """What came of a list: lift of margin in total and by behaviour, and of the metric.

    Attributes
    ----------
    folder : Path
        With ``result.json`` and ``result.csv``.
    plan : ActionPlan
        The list, with what was expected.
    lift : Estimate
        Margin per customer, treated minus control (intention to treat), with its 95% interval.
    events : Estimate or None
        The same difference of events of the own behaviour; None if they are not known.
    score : Estimate or None
        The same difference of the metric's score at the end.
    behaviours : tuple of BehaviourReading
        With the lift per extra event and a verdict on what was expected.
    experiments : str
        Lines of the configuration that make `train` use the result; empty without any.
    """

    folder: Path
    plan: ActionPlan
    lift: Estimate
    events: Estimate | None
    score: Estimate | None
    behaviours: tuple[BehaviourReading, ...]
    experiments: str
    notes: tuple[str, ...]
    table: str = field(repr=False, default="")

    @classmethod
    def of(
        cls,
        folder: Path,
        plan: ActionPlan,
        ids: AnyArray,
        followed: Followed,
        found: Reading,
        notes: tuple[str, ...],
        path: str,
    ) -> ActionReading:
        """Make the result from the estimates; `path` is that of its table."""
        lines, left_out = experiment_lines(plan, found.behaviours, path)
        return cls(
            folder=folder,
            plan=plan,
            lift=found.whole.lift,
            events=found.whole.events,
            score=found.score,
            behaviours=found.behaviours,
            experiments=lines,
            notes=(*notes, *left_out),
            table=_rows(plan, ids, followed, found),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``result.json``; a bound that is not known is null."""
        plan = self.plan
        return {
            "format": FORMAT,
            "name": plan.name,
            "entity": plan.entity,
            "currency": plan.currency,
            "as_of": plan.as_of,
            "until": str(plan.until),
            "outcome_days": plan.outcome_days,
            "metric_hash": plan.metric_hash,
            "n_treated": plan.n_treated,
            "n_control": plan.n_control,
            "adjusted_for": list(ADJUSTED),
            "lift": _plain(self.lift),
            "events": _plain(self.events),
            "score": _plain(self.score),
            "behaviours": [_behaviour(plan, each) for each in self.behaviours],
            "experiments": self.experiments,
            "notes": list(self.notes),
        }

    def sentences(self) -> list[str]:
        """Return the result in sentences."""
        plan, money = self.plan, Money(self.plan.currency)
        lift = self.lift
        verb = (
            "brought" if lift.low > 0 else "cost" if lift.high < 0 else "changed nothing for sure"
        )
        said = [
            f"The list {verb}: {money.estimate(lift.value, *_bounds(lift))} of margin per treated "
            f"{plan.entity} in {plan.outcome_days} days, {quantity(plan.n_treated, plan.entity)} "
            f"treated and {plan.n_control:,} in the control group."
        ]
        labels = {each.behaviour: each.label for each in plan.drivers}
        for each in self.behaviours:
            amounts = ""
            if each.found is not None and each.found.events is not None:
                more = each.found.events
                amounts = f" {number(more.value, 2)} more events ({spread(*_bounds(more), 2)});"
            if each.effect is not None:
                effect = each.effect
                amounts += (
                    f" {money.estimate(effect.value, *_bounds(effect))} per extra event, "
                    f"{money.estimate(each.predicted, each.predicted_low, each.predicted_high)} "
                    "expected;"
                )
            said.append(f"{labels[each.behaviour]}: {each.verdict};{amounts} {each.reason}.")
        return said

    def __repr__(self) -> str:
        """Return the result in a few lines."""
        return "\n".join([*self.sentences(), *(sentence(note) for note in self.notes)])


def experiment_lines(
    plan: ActionPlan, behaviours: tuple[BehaviourReading, ...], path: str
) -> tuple[str, tuple[str, ...]]:
    """Return the YAML lines for ``experiments:``, and notes on behaviours that have none."""
    lines, notes = [], []
    labels = {each.behaviour: each.label for each in plan.drivers}
    for each in behaviours:
        if each.effect is None:
            if each.found is not None:
                notes.append(
                    f"{labels[each.behaviour]} is not among the experiments: {each.reason}"
                )
            continue
        arms = {arm: guarded(arm_of_test(each.behaviour, arm)) for arm in (TREATED, CONTROL)}
        test = {
            "behaviour": each.behaviour,
            "name": f"action of {plan.as_of}",
            "days": plan.outcome_days,
            "table": path,
            "arm_column": "test",
            "treated_arm": arms[TREATED],
            "control_arm": arms[CONTROL],
            "outcome_column": "margin_adjusted",
            "events_column": "events_adjusted",
        }
        lines.append("  - " + yaml_line("x", test).removeprefix("x: "))
    return "\n".join(["experiments:", *lines]) if lines else "", tuple(notes)


def arm_of_test(behaviour: str, arm: str) -> str:
    """Return the arm of a behaviour's own test, so that one table holds all of them."""
    return f"{behaviour} {arm}"


def write_reading(result: ActionReading) -> None:
    """Write ``result.json`` and ``result.csv`` into the action's folder, both or none."""
    with new_folder_whole(result.folder) as temporary:
        for name, text in ((RESULT_TABLE, result.table), (RESULT, json_text(result.to_dict()))):
            (temporary / name).write_text(text, encoding="utf-8", newline="\n")


def _rows(plan: ActionPlan, ids: AnyArray, followed: Followed, found: Reading) -> str:
    names = followed.names
    columns = (
        followed.margin, followed.events, followed.margin_before, followed.events_before,
        found.margin, found.events, followed.score,
    )  # fmt: skip
    rows = []
    for i, customer in enumerate(ids):
        arm, behaviour = TREATED if followed.treated[i] else CONTROL, names[followed.behaviour[i]]
        numbers = [None if each is None else float(each[i]) for each in columns]
        rows.append([str(customer), arm, behaviour, arm_of_test(behaviour, arm), *numbers])
    return csv_text(COLUMNS, rows)


def _behaviour(plan: ActionPlan, each: BehaviourReading) -> dict[str, Any]:
    labels = {driver.behaviour: driver.label for driver in plan.drivers}
    found = each.found
    return {
        "behaviour": each.behaviour,
        "label": labels[each.behaviour],
        "verdict": each.verdict,
        "reason": each.reason,
        "n_treated": None if found is None else found.n_treated,
        "n_control": None if found is None else found.n_control,
        "lift": None if found is None else _plain(found.lift),
        "events": None if found is None else _plain(found.events),
        "effect": _plain(each.effect),
        "predicted": {
            "value": _finite(each.predicted),
            "low": _finite(each.predicted_low),
            "high": _finite(each.predicted_high),
        },
    }


def _plain(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    return {name: _finite(value) for name, value in asdict(estimate).items()}


def estimate_of(raw: Mapping[str, Any] | None) -> Estimate | None:
    """Return the estimate that a file holds; bounds that are null are infinite."""
    if raw is None or raw.get("value") is None:
        return None
    low, high = raw.get("low"), raw.get("high")
    return Estimate(
        float(raw["value"]),
        -math.inf if low is None else float(low),
        math.inf if high is None else float(high),
        raw.get("p_value"),
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _bounds(estimate: Estimate) -> tuple[float | None, float | None]:
    return _finite(estimate.low), _finite(estimate.high)
