"""What is found about one outcome beside margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from engagement_ml.drivers.evidence import DriverRow

OutcomeKind = Literal["part", "first_purchase", "churn"]


@dataclass(frozen=True)
class OutcomeEvidence:
    """Verdicts on every behaviour by one outcome.

    Attributes
    ----------
    outcome : str
        Its name in the configuration.
    kind : {"part", "first_purchase", "churn"}
    label : str
        What people read.
    unit : str
        Unit of the effects: the currency for a part of margin, else ``"percentage points"``.
    n_entities : int
        Customers, or prospects, that the estimates use.
    level : float or None
        Mean of the outcome over its window, in `unit`.
    drivers : tuple of DriverRow
        A row per behaviour; effects are in `unit`. Empty if nothing could be estimated.
    reason : str or None
        Why nothing could be estimated.
    facts : dict
        Further numbers that the report shows, by name.
    notes : tuple of str
        Sentences on what was dropped, assumed or not met.
    """

    outcome: str
    kind: OutcomeKind
    label: str
    unit: str
    n_entities: int
    level: float | None
    drivers: tuple[DriverRow, ...] = ()
    reason: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
