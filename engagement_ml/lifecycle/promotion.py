"""The result of a promotion: what the gate said, and what the change does to scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engagement_ml.lifecycle.backcast import Backcast
from engagement_ml.lifecycle.gate import Decision
from engagement_ml.plain_types import plain

FORMAT = 1
_NOT_IN_FILE = ("decision", "backcast", "promoted", "labels", "run_id", "folder")


@dataclass(frozen=True, repr=False)
class Promotion:
    """What the gate said of a version of a metric, and what was done.

    Attributes
    ----------
    model : str
        The registered model.
    version : int
    champion : int or None
        The champion that it was compared with.
    decision : Decision
    promoted : bool
        Whether it became champion.
    dry_run : bool
        Whether nothing was changed or logged.
    measured : dict
        ``across``, ``within`` and ``vanity``, as in ``evaluation.json``; `champion` is among the
        names.
    cutoffs : tuple of date
        Those that were measured.
    backcast : Backcast or None
        What the change does to scores; None without a champion.
    notes : tuple of str
    entity : str
        The noun for a customer.
    created_at : str
        ISO 8601, UTC.
    labels : mapping of str to str
        Names that people read, by behaviour.
    run_id : str or None
        The run in the tracking store; None for a dry run.
    folder : Path or None
        Contains ``promote.html``, ``gate.json`` and, with a champion, ``backcast.json``.
    """

    model: str
    version: int
    champion: int | None
    decision: Decision
    promoted: bool
    dry_run: bool
    measured: dict[str, Any]
    cutoffs: tuple[dt.date, ...]
    backcast: Backcast | None
    notes: tuple[str, ...]
    entity: str
    created_at: str
    labels: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None
    folder: Path | None = None

    @property
    def passed(self) -> bool:
        """Whether the gate lets the version through."""
        return self.decision.passed

    @property
    def outcome(self) -> str:
        """What was decided and done, in one sentence without a full stop."""
        name = f"version {self.version} of {self.model}"
        if not self.passed:
            stays = "" if self.champion is None else f"; version {self.champion} stays champion"
            return f"{name} does not pass the gate{stays}"
        if not self.promoted:
            return f"{name} passes the gate; nothing was changed"
        before = "" if self.champion is None else f", and version {self.champion} is previous"
        return f"{name} passes the gate and is champion now{before}"

    def label(self, behaviour: str) -> str:
        """Return the name that people read for a behaviour."""
        return self.labels.get(behaviour) or behaviour

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``gate.json``."""
        values = {k: v for k, v in vars(self).items() if k not in _NOT_IN_FILE}
        return {"format": FORMAT, **plain(values), **self.decision.to_dict()}

    def __repr__(self) -> str:
        """Return the outcome, and a line for each check."""
        lines = [
            f"{'passed' if each.passed else 'FAILED'}  {each.name}: wanted {each.wanted}, "
            f"found {each.found}"
            for each in self.decision.checks
        ]
        return "\n".join([self.outcome, *lines])
