"""Sentences that explain verdicts from randomised tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engagement_ml.drivers.contradiction import contradicts
from engagement_ml.drivers.experiment_evidence import ExperimentEvidence
from engagement_ml.drivers.experiment_override import ExperimentOverride
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.wording import Wording
from engagement_ml.formatting import decimals_for, listed, number


def explain_experiment(
    evidence: ExperimentEvidence, verdict: Verdict, finding: Finding, wording: Wording
) -> str:
    """Return the sentence behind a verdict from randomised tests, and what observation said.

    Parameters
    ----------
    evidence : ExperimentEvidence
    verdict : Verdict
        As ``evidence.verdict`` returned it.
    finding : Finding
        As ``evidence.finding`` returned it.
    wording : Wording
    """
    said = _said(evidence, finding, wording)
    if verdict.rule == "test did not move it":
        tests = _tests(evidence, wording)
        said = f"{tests} did not move it enough to show what one more event does"
    elif verdict.rule == "no events":
        said += f", but no {wording.entity} did it in the observation windows"
    elif verdict.rule == "below smallest effect":
        said += ", below the smallest effect of interest"
    elif verdict.rule == "inconclusive":
        said += f", which is inconclusive{_needed(evidence, finding, wording)}"
    return f"{said}; {_observation(evidence, wording)}"


def experiment_notes(override: ExperimentOverride, selected: Sequence[str]) -> tuple[str, ...]:
    """Return notes on what the tests changed and how they were used."""
    if not override.tested:
        return ()
    config = override.config
    labels = listed(config.label(b) for b in override.tested)
    notes = [f"Randomised tests override observation, which is shown beside them: {labels}."]
    outcome = config.windows.outcome_days
    for evidence in override.tested.values():
        notes += [
            f"{result.name} of {config.label(result.behaviour)} measured {result.days} days, and "
            f"the outcome window has {outcome}; its lift is not rescaled."
            for result in evidence.results
            if result.days != outcome
        ]
    against = [
        b
        for b, evidence in override.tested.items()
        if contradicts(evidence.observed_verdict.verdict, override.verdicts[b].verdict)
    ]
    if against:
        notes.append(
            f"A randomised test contradicts what observation said of "
            f"{listed(config.label(b) for b in against)}. The verdicts that no test has settled "
            "rest on the same kind of evidence, so they deserve less trust."
        )
    settled = [b for b in selected if b in override.tested]
    if settled and len(settled) < len(selected):
        notes.append(
            "Weights compare two kinds of effects: lifts of tests, which count from the event on, "
            "and observed effects, which count what an event anywhere in the observation window "
            "does in the outcome window."
        )
    return tuple(notes)


def _tests(evidence: ExperimentEvidence, wording: Wording) -> str:
    n = len(evidence.results)
    tests = "a randomised test" if n == 1 else f"{n} randomised tests"
    return f"{tests} of {evidence.n_customers:,} {wording.entities}"


def _said(evidence: ExperimentEvidence, finding: Finding, wording: Wording) -> str:
    days = sorted({r.days for r in evidence.results})
    over = f"{days[0]} days" if len(days) == 1 else f"{days[0]} to {days[-1]} days"
    low, high = finding.bounds
    certain = low > 0 or high < 0
    verb = "changes margin by" if not certain else "adds" if low > 0 else "costs"
    money, decimals = wording.money, decimals_for(finding.effect, low, high)
    size = money(abs(finding.effect) if certain else finding.effect, decimals)
    interval = money.spread(low, high, decimals)
    said = f"{_tests(evidence, wording)}: one more event {verb} {size} over {over} ({interval})"
    if finding.cost > 0:
        said += f", net of the {money(finding.cost)} that serving one costs"
    wider = ", the interval widened because they disagree"
    return said + (wider if evidence.contradictory else "")


def _needed(evidence: ExperimentEvidence, finding: Finding, wording: Wording) -> str:
    total = evidence.needed_customers(finding)
    if total is None:
        return ""
    digits = int(math.log10(total)) - 1
    return f"; about {number(round(total, -digits), 0)} {wording.entities} would settle it"


def _observation(evidence: ExperimentEvidence, wording: Wording) -> str:
    observed = evidence.observed
    low, high = observed.bounds
    said = f"observation said {evidence.observed_verdict.verdict}"
    if math.isfinite(high - low):
        money, decimals = wording.money, decimals_for(observed.effect, low, high)
        interval = money.spread(low, high, decimals)
        said += f", {money(observed.effect, decimals)} per event ({interval})"
    return said
