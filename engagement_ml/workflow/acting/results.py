"""Results of the commands around actions, and the files that they write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engagement_ml._typing import BoolArray
from engagement_ml.actions.assignment import Listed
from engagement_ml.actions.gains import EventGains
from engagement_ml.formatting import Money, quantity
from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow.acting.assignment_file import (
    CONTROL,
    TREATED,
    actions_text,
    assignment_text,
    sha256,
)
from engagement_ml.workflow.acting.plan import ACTION, ACTIONS, ASSIGNMENT, METRIC, ActionPlan

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class ActionResult:
    """A list of actions with its control group, and their folder.

    Attributes
    ----------
    plan : ActionPlan
        The content of ``action.json``.
    folder : Path or None
        None if nothing was written.
    """

    plan: ActionPlan
    listed: Listed = field(repr=False)
    treated: BoolArray = field(repr=False)
    gains: Mapping[str, EventGains] = field(repr=False)
    metric: EngagementMetric = field(repr=False)
    folder: Path | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The customers to treat, the largest gain first; the columns of ``actions.csv``."""
        return self._table(actions_text(self.listed, self.treated, self.reason, self._evidence))

    @property
    def assignment(self) -> pd.DataFrame:
        """All customers on the list with their arm; the columns of ``assignment.csv``."""
        return self._table(assignment_text(self.listed, self.treated))

    def reason(self, place: int) -> str:
        """Return why a customer is on the list."""
        gains = self.gains[self.listed.names[self.listed.behaviour[place]]]
        money = Money(self.plan.currency)
        return gains.reason(int(self.listed.events[place]), money, self.plan.observation_days)

    @property
    def _evidence(self) -> list[str]:
        return [self.gains[name].evidence for name in self.listed.names]

    @staticmethod
    def _table(text: str) -> pd.DataFrame:
        import io

        import pandas as pd

        from engagement_ml.spreadsheet_cells import unguarded

        frame = pd.read_csv(
            io.StringIO(text), dtype={"customer_id": str, "behaviour": str}, keep_default_na=False
        )
        return frame.assign(**{n: frame[n].map(unguarded) for n in ("customer_id", "behaviour")})

    def __repr__(self) -> str:
        """Return the list in a few lines."""
        plan, money = self.plan, Money(self.plan.currency)
        lines = [
            f"{quantity(plan.n_treated, plan.entity)} {TREATED}, {plan.n_control:,} {CONTROL}; "
            f"expected {money.estimate(plan.gain, plan.low, plan.high)} in {plan.outcome_days} days"
        ]
        lines += [
            f"  {each.label}: {each.n_treated:,} {TREATED}, {each.n_control:,} {CONTROL}; "
            f"{money.estimate(each.gain, each.low, each.high)} each"
            for each in plan.drivers
        ]
        return "\n".join([*lines, *plan.notes])


def write_action(result: ActionResult, folder: Path) -> ActionPlan:
    """Write the four files of a list into an existing folder; return the plan with its hash."""
    assignment = assignment_text(result.listed, result.treated)
    plan = replace(result.plan, assignment_sha256=sha256(assignment))
    actions = actions_text(result.listed, result.treated, result.reason, result._evidence)
    result.metric.to_json(folder / METRIC)
    for name, text in (
        (ASSIGNMENT, assignment),
        (ACTIONS, actions),
        (ACTION, json_text(plan.to_dict())),
    ):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return plan


def json_text(values: object) -> str:
    """Return JSON as all files of actions hold it."""
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
