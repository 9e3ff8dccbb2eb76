"""Robustness checks: question, result, passed or failed."""

from __future__ import annotations

from typing import Any

from engagement_ml.drivers.evidence import CheckRow
from engagement_ml.formatting import first_upper
from engagement_ml.report import checks_text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run

_ANSWERS = {
    True: ("✓", "good", "passed"),
    False: ("✗", "bad", "failed"),
    None: ("·", "plain", "informs"),
}


def build(run: Run) -> dict[str, Any] | None:
    """Return each check with its result; None without checks."""
    checks = run.record.evidence.checks
    if not checks:
        return None
    return {"rows": [_row(run, check) for check in checks], "lead": _lead(run)}


def _row(run: Run, check: CheckRow) -> dict[str, str]:
    sign, tone, word = _ANSWERS[check.passed if run.weighted else None]
    return {
        "name": first_upper(run.readable(check.name)),
        "question": run.readable(check.question),
        "result": first_upper(run.readable(check.result)),
        "sign": sign,
        "tone": tone,
        "word": word,
    }


def _lead(run: Run) -> str:
    if not run.weighted:
        return (
            "No behaviour was selected, so there is no finding to check. The results describe the "
            "data and the estimates."
        )
    return checks_text.outcome(run) or "These checks inform; none of them passes or fails."


CHECKS = Section(
    "checks",
    "Robustness checks",
    "checks.html.j2",
    build,
    folded=True,
    tables=lambda run: {"checks.csv": run.record.evidence.checks},
)
