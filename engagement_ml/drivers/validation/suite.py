"""The registered robustness checks, and the two passes that run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engagement_ml.drivers.estimation.fe_poisson import NotConvergedError
from engagement_ml.drivers.evidence import CheckRow
from engagement_ml.drivers.finding import Finding
from engagement_ml.drivers.validation.check import Check, CheckContext, CheckResult, check_rows
from engagement_ml.drivers.validation.churn_checks import (
    ChurnFlexibleControls,
    ChurnPersistence,
    CountsLongBefore,
)
from engagement_ml.drivers.validation.experiment_agreement import ExperimentAgreement
from engagement_ml.drivers.validation.flexible_controls import FlexibleControls
from engagement_ml.drivers.validation.hidden_causes import HiddenCauseSensitivity
from engagement_ml.drivers.validation.negative_controls import NegativeControls
from engagement_ml.drivers.validation.persistence import EffectPersistence
from engagement_ml.drivers.validation.placebo_outcome import PlaceboOutcome
from engagement_ml.drivers.validation.placebos import PlaceboBehaviours
from engagement_ml.drivers.validation.split_sample import SplitSample
from engagement_ml.drivers.validation.stability import BootstrapStability, IndicatorStability
from engagement_ml.drivers.validation.weak_followers import WeakFollowers

CHECKS: tuple[Check, ...] = (
    SplitSample(),
    PlaceboBehaviours(),
    PlaceboOutcome(),
    NegativeControls(),
    BootstrapStability(),
    IndicatorStability(),
    FlexibleControls(),
    EffectPersistence(),
    WeakFollowers(),
    HiddenCauseSensitivity(),
    ExperimentAgreement(),
    ChurnFlexibleControls(),
    ChurnPersistence(),
    CountsLongBefore(),
)
"""All checks, in the order of the report's table. A new check is one line here."""

Results = Mapping[str, CheckResult]


def run_before_verdicts(checks: Sequence[Check], context: CheckContext) -> dict[str, CheckResult]:
    """Run the checks that may veto a verdict; return their results by name."""
    early = [check for check in checks if check.before_verdicts]
    return {check.name: run_check(check, context) for check in early if check.applies(context)}


def run_check(check: Check, context: CheckContext) -> CheckResult:
    """Run a check; it has failed if a fit that it rests on did not converge."""
    try:
        return check.run(context)
    except NotConvergedError:
        return CheckResult("a fit did not converge, so this is not known", False)


def with_vetoes(findings: Mapping[str, Finding], results: Results) -> dict[str, Finding]:
    """Return the findings with the vetoes of all checks, in the order of the checks."""
    return {
        b: replace(
            finding,
            vetoes=tuple(r.vetoes[b] for r in results.values() if b in r.vetoes),
        )
        for b, finding in findings.items()
    }


def run_on_selection(
    checks: Sequence[Check], context: CheckContext, early: Results
) -> tuple[CheckRow, ...]:
    """Run the remaining checks on the selection; return the rows of all, in order."""
    rows: list[CheckRow] = []
    for check in checks:
        if check.before_verdicts:
            if check.name in early:
                rows += check_rows(check, context, early[check.name])
        elif check.applies(context):
            rows += check_rows(check, context, run_check(check, context))
    return tuple(rows)
