"""What an action was: the facts of ``action.json``, read and written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engagement_ml.errors import InputError

ACTION, ASSIGNMENT, ACTIONS = "action.json", "assignment.csv", "actions.csv"
METRIC = "metric.json"
FORMAT = 1
_TEXTS = ("name", "entity", "currency", "made_at", "as_of", "metric_hash", "assignment_sha256")


@dataclass(frozen=True)
class ProposedDriver:
    """One behaviour that was proposed, and the gain that was expected of one more event.

    Attributes
    ----------
    evidence : {"observational", "experiment"}
    cost_per_event : float
    n_treated, n_control : int
    gain, low, high : float, float or None
        Mean over the treated, in currency, net of cost.
    """

    behaviour: str
    label: str
    evidence: str
    cost_per_event: float
    n_treated: int
    n_control: int
    gain: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ActionPlan:
    """A list of actions and its control group.

    Attributes
    ----------
    made_at : str
        ISO 8601, UTC.
    as_of : str
        First day of the outcome, ISO 8601: the day after the last one of the data.
    outcome_days : int
        Days over which margin is compared.
    metric_hash, run, run_created_at : str
        The metric, and the run that the verdicts are of.
    gain, low, high : float, float or None
        Expected of all treated in all, if each does one more event.
    std_before : float or None
        Standard deviation of margin over the days before; None if the history is too short.
    detectable : float or None
        Smallest lift per customer that is found with 80% power.
    required : int or None
        Customers for 80% power to find the expected gain.
    left_apart : int
        Customers left out, as they belong to an action that still runs.
    """

    name: str
    entity: str
    currency: str
    made_at: str
    as_of: str
    observation_days: int
    outcome_days: int
    metric_hash: str
    run: str
    run_created_at: str
    seed: int
    control_share: float
    at_most: int | None
    smallest_gain: float
    n_treated: int
    n_control: int
    left_apart: int
    gain: float
    low: float | None
    high: float | None
    std_before: float | None
    detectable: float | None
    required: int | None
    drivers: tuple[ProposedDriver, ...]
    assignment_sha256: str = ""
    notes: tuple[str, ...] = ()

    @property
    def start(self) -> dt.date:
        """First day of the outcome."""
        return dt.date.fromisoformat(self.as_of)

    @property
    def until(self) -> dt.date:
        """The day after the last day of the outcome."""
        return self.start + dt.timedelta(days=self.outcome_days)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``action.json``."""
        values = asdict(self)
        return {
            "format": FORMAT,
            **values,
            "drivers": list(values["drivers"]),
            "until": str(self.until),
        }


def read_plan(folder: Path) -> ActionPlan:
    """Read ``action.json``.

    Raises
    ------
    InputError
        If the folder is none that 'act' wrote, or the file is damaged.
    """
    file = folder / ACTION
    if not file.is_file():
        raise InputError(f"{folder}: contains no {ACTION}; give a folder that 'act' wrote")
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON ({error}); restore it") from None
    if not isinstance(raw, Mapping) or raw.get("format") != FORMAT:
        raise InputError(f"{file}: key 'format' is not {FORMAT}; give a folder that 'act' wrote")
    try:
        values = {name: raw[name] for name in ActionPlan.__dataclass_fields__}
        values["drivers"] = tuple(ProposedDriver(**each) for each in raw["drivers"])
        plan = ActionPlan(**{**values, "notes": tuple(raw["notes"])})
        if not all(isinstance(getattr(plan, name), str) for name in _TEXTS):
            raise TypeError("expected text")
        _ = plan.until
    except KeyError as error:
        raise InputError(f"{file}: key {error} is missing; restore the file") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{file}: holds a value that does not fit ({error})") from None
    return plan
