"""What passed and what failed, in sentences."""

from __future__ import annotations

from engagement_ml.drivers.contradiction import contradicts
from engagement_ml.formatting import listed
from engagement_ml.report.view import Run


def failed(run: Run) -> list[str]:
    """Return the names of the robustness checks that failed."""
    return [run.readable(row.name) for row in run.record.evidence.checks if row.passed is False]


def outcome(run: Run) -> str:
    """Return how many robustness checks passed, and which failed; "" if none passes or fails."""
    answers = [check.passed for check in run.record.evidence.checks]
    passed, total = answers.count(True), answers.count(True) + answers.count(False)
    if not total:
        return ""
    if total == 1:
        return f"The one robustness check {'passed' if passed else 'failed'}."
    if passed == total:
        return f"{'Both' if total == 2 else f'All {total}'} robustness checks passed."
    return f"{passed} of {total} robustness checks passed; failed: {listed(failed(run))}."


def contradicted(run: Run) -> list[str]:
    """Return the labels of behaviours on which a randomised test contradicts observation."""
    return [
        run.label(row.behaviour)
        for row in run.drivers
        if row.observed_verdict is not None and contradicts(row.observed_verdict, row.verdict)
    ]
