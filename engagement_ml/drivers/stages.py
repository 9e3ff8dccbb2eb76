"""What the stages of the search hand on: findings, decision, comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engagement_ml.drivers.decision import Selection
from engagement_ml.drivers.estimators import Estimates
from engagement_ml.drivers.experiment_override import ExperimentOverride
from engagement_ml.drivers.finding import Finding
from engagement_ml.drivers.findings import (
    Ranking,
)
from engagement_ml.drivers.preconditions import Obstacle
from engagement_ml.drivers.selection.stability_selection import Stability
from engagement_ml.drivers.validation.check import CheckContext, CheckResult


@dataclass(frozen=True)
class Findings:
    """The evidence on every behaviour, by observation.

    Attributes
    ----------
    estimates : Estimates
    obstacle : Obstacle or None
        Why effects are not identified.
    ranking : Ranking
    stability : Stability
    by_behaviour : mapping of behaviour to Finding
        With the vetoes of checks.
    checks : mapping of check name to CheckResult
        Of the checks that run before verdicts.
    context : CheckContext
        What those checks looked at.
    """

    estimates: Estimates
    obstacle: Obstacle | None
    ranking: Ranking
    stability: Stability
    by_behaviour: Mapping[str, Finding]
    checks: Mapping[str, CheckResult]
    context: CheckContext


@dataclass(frozen=True)
class Decision:
    """Verdicts, randomised tests considered, and what was selected on them.

    Attributes
    ----------
    override : ExperimentOverride
        Findings and verdicts of all behaviours.
    reasons : mapping of behaviour to str
        The sentence behind each verdict.
    selection : Selection
    """

    override: ExperimentOverride
    reasons: Mapping[str, str]
    selection: Selection
