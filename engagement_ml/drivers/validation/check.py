"""The protocol of a robustness check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engagement_ml.drivers.decision import Selection
from engagement_ml.drivers.estimators.base import Estimates
from engagement_ml.drivers.evidence import CheckRow
from engagement_ml.drivers.experiment_override import ExperimentOverride
from engagement_ml.drivers.finding import Finding, Veto
from engagement_ml.drivers.study import Study


@dataclass(frozen=True)
class CheckContext:
    """What a check may look at.

    Attributes
    ----------
    study : Study
    estimates : Estimates
    findings : mapping of behaviour to Finding
        By observation, before any veto.
    importance : mapping of behaviour to mean absolute SHAP
    within_periods : bool
        Whether effects come from margin per period.
    tested : frozenset of str
        Behaviours that a randomised test settles; checks of observation pass over them.
    selection : Selection or None
        None before verdicts are given.
    override : ExperimentOverride or None
        Verdicts with randomised tests considered; None before verdicts are given.
    """

    study: Study
    estimates: Estimates
    findings: Mapping[str, Finding]
    importance: Mapping[str, float]
    within_periods: bool
    tested: frozenset[str] = frozenset()
    selection: Selection | None = None
    override: ExperimentOverride | None = None

    @property
    def selected(self) -> tuple[str, ...]:
        """Behaviours selected as drivers by observation; empty for an indicator metric."""
        if self.selection is None or self.selection.indicators is not None:
            return ()
        return tuple(b for b in self.selection.selected if b not in self.tested)

    def labels(self, behaviours: Sequence[str]) -> list[str]:
        """Return the behaviours' names for people to read."""
        return [self.study.config.label(b) for b in behaviours]


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes
    ----------
    value : str or None
        What was measured, as a sentence without a full stop; None shows no row.
    passed : bool or None
        None if the check informs only.
    vetoes : mapping of behaviour to Veto
        Behaviours that must not be called a driver or harmful; needs ``before_verdicts``.
    also : tuple of CheckRow
        Further rows of the report's table, of what was measured in the same run.
    """

    value: str | None
    passed: bool | None
    vetoes: Mapping[str, Veto] = field(default_factory=dict)
    also: tuple[CheckRow, ...] = ()


class Check(Protocol):
    """One robustness check; `CHECKS` in `validation.suite` registers it.

    Attributes
    ----------
    name : str
    before_verdicts : bool
        True runs it before verdicts, which read its vetoes; False runs it on the selection.
    """

    @property
    def name(self) -> str:
        """Name in the table of checks."""

    @property
    def before_verdicts(self) -> bool:
        """Whether verdicts read its vetoes."""

    def question(self, context: CheckContext) -> str:
        """Return what the check asks, as a question."""

    def applies(self, context: CheckContext) -> bool:
        """Return whether there is anything to check."""

    def run(self, context: CheckContext) -> CheckResult:
        """Run the check; called only if it applies."""


def check_rows(check: Check, context: CheckContext, result: CheckResult) -> list[CheckRow]:
    """Return a check's rows in the report's table."""
    if result.value is None:
        return [*result.also]
    row = CheckRow(check.name, check.question(context), result.value, result.passed)
    return [row, *result.also]
