"""What is found about one outcome beside margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from engagement_ml.drivers.evidence import DriverRow

OutcomeKind = Literal["part", "first_purchase", "churn"]


@dataclass(frozen=True)
class MixRow:
    """What one more event of a behaviour does to the parts of margin.

    Attributes
    ----------
    behaviour, label : str
    sentence : str
        Names what is raised at the cost of what, or says what is not known.
    raises, lowers : tuple of str
        Parts with the verdict `driver`, and those with the verdict `harmful`.
    cannibalises : bool
        Whether one part is raised at the cost of another: both intervals exclude 0, and the effects
        on all parts add up to the effect on margin.
    parts_sum, total : float or None
        Sum of the effects on the parts, and effect on margin, before `cost_per_event`, in currency.
        None if one of them is not known, or a transaction is in two parts.
    adds_up : bool or None
        Whether the two agree up to their errors; None if they are not compared.
    """

    behaviour: str
    label: str
    sentence: str
    raises: tuple[str, ...] = ()
    lowers: tuple[str, ...] = ()
    cannibalises: bool = False
    parts_sum: float | None = None
    total: float | None = None
    adds_up: bool | None = None


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
