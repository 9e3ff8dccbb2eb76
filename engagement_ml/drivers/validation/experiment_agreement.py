"""Agreement with randomised tests: what they say of the verdicts that no test has settled."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.drivers.contradiction import comparable, contradicts
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.formatting import listed, number


@dataclass(frozen=True)
class ExperimentAgreement:
    """Compares verdicts from observation with those of randomised tests of the same behaviours.

    A contradiction shows that the estimates can be wrong on these data, so that the verdicts that
    no test has settled deserve less trust.
    """

    name: str = "agreement with randomised tests"
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Do randomised tests confirm what observation says of the same behaviours?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether observation and a test both gave a verdict on an effect."""
        return bool(_verdicts(context))

    def run(self, context: CheckContext) -> CheckResult:
        """List the behaviours on which a test contradicts observation."""
        verdicts = _verdicts(context)
        against = {b: pair for b, pair in verdicts.items() if contradicts(*pair)}
        agreeing = f"{number(len(verdicts) - len(against))} of {number(len(verdicts))} agree"
        if not against:
            return CheckResult(agreeing, True)
        label = context.study.config.label
        cases = listed(
            f"{label(b)} ({observed} by observation, {tested} by the test)"
            for b, (observed, tested) in against.items()
        )
        return CheckResult(
            f"{agreeing}; contradicted: {cases}; the verdicts that no test has settled rest on the "
            "same kind of evidence",
            False,
        )


def _verdicts(context: CheckContext) -> dict[str, tuple[str, str]]:
    """Return the comparable verdicts by observation and by test, by behaviour."""
    override = context.override
    if override is None:
        return {}
    pairs = {
        b: (evidence.observed_verdict.verdict, override.verdicts[b].verdict)
        for b, evidence in override.tested.items()
    }
    return {b: pair for b, pair in pairs.items() if comparable(*pair)}
