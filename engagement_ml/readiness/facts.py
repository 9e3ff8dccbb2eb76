"""The facts about the tables and the configuration that outcomes and levels are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engagement_ml.config import PipelineConfig
from engagement_ml.readiness.variation import Variation
from engagement_ml.tables.schema import COLUMNS


@dataclass(frozen=True)
class Facts:
    """What is there.

    Attributes
    ----------
    config : PipelineConfig
    columns : mapping of str to frozenset of str
        The columns of each table that could be opened, by their names here.
    counts : mapping of str to int
        Usable events per event type.
    amounts : mapping of str to tuple of str
        The event types with a ``value``, and with a ``duration_seconds``.
    usable : bool
        Whether there is no fault.
    train_cutoffs, test_cutoffs : int
    variation : Variation or None
    """

    config: PipelineConfig
    columns: Mapping[str, frozenset[str]]
    counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    usable: bool = False
    train_cutoffs: int = 0
    test_cutoffs: int = 0
    variation: Variation | None = None

    def has(self, table: str, *columns: str) -> bool:
        """Return whether a table could be opened and has all columns."""
        return table in self.columns and self.columns[table] >= set(columns)

    @property
    def covariates(self) -> tuple[str, ...]:
        """The columns of customers that describe them, sorted."""
        columns = self.columns.get("customers", frozenset())
        return tuple(sorted(columns - set(COLUMNS["customers"])))

    @property
    def has_costs(self) -> bool:
        """Whether any behaviour has a cost."""
        return any(behaviour.cost_per_event for behaviour in self.config.behaviours.values())
