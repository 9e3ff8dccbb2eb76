"""Negative controls: behaviours that cannot act (Lipsitch, Tchetgen Tchetgen and Cohen 2010).

A company may know of a behaviour that it cannot move margin, such as opening a page that is the
same for everyone. If it seems to act, a hidden cause moves it and margin, and may move other
behaviours, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.drivers.finding import Finding, Veto
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.drivers.verdicts import passes_tests
from engagement_ml.formatting import listed, number

NAME = "negative controls"
ROLE = "negative_control"


@dataclass(frozen=True)
class NegativeControls:
    """Shows what negative controls seem to do; vetoes behaviours that are not clearly stronger."""

    name: str = NAME
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Do the behaviours that are declared unable to act show no effect?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether a negative control is declared and its effect is estimated."""
        return bool(_controls(context))

    def run(self, context: CheckContext) -> CheckResult:
        """Compare the strongest negative control that passes as a driver with the others."""
        controls, thresholds = _controls(context), context.study.thresholds
        passing = {b: f for b, f in controls.items() if passes_tests(f, thresholds)}
        label = context.study.config.label
        shown = listed(f"{label(b)} z {number(_z(f), 1)}" for b, f in controls.items())
        if not passing:
            return CheckResult(f"{shown}; none passes the tests of a driver", True)
        strongest = max(passing, key=lambda b: (abs(_z(passing[b])), b))
        limit = thresholds.negative_control_ratio * abs(_z(passing[strongest]))
        reason = (
            f"{label(strongest)}, which is declared unable to act, reaches z "
            f"{number(_z(passing[strongest]), 1)}, so a hidden cause may explain it"
        )
        return CheckResult(
            f"{shown}; {listed(context.labels([*passing]))} would pass as a driver, so others need "
            f"a z of {number(limit, 1)}",
            False,
            {
                b: Veto(NAME, reason)
                for b, finding in context.findings.items()
                if b not in controls and finding.within is not None and abs(_z(finding)) < limit
            },
        )


def _controls(context: CheckContext) -> dict[str, Finding]:
    """Return the findings of declared negative controls with an effect."""
    controls = {}
    for b, finding in context.findings.items():
        role: str = context.study.config.behaviour(b).role
        if role == ROLE and finding.within is not None:
            controls[b] = finding
    return controls


def _z(finding: Finding) -> float:
    return 0.0 if finding.within is None else finding.within.z
