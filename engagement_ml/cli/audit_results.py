"""Printing of an audit in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from engagement_ml.formatting import listed, one_line
from engagement_ml.lifecycle.auditing import wording
from engagement_ml.report.summary import WIDTH
from engagement_ml.workflow.auditing import AUDIT_PAGE, AuditResult


def show_audit(result: AuditResult) -> None:
    """Print the finding, what limits it, the answers, and where the page is."""
    console = Console(highlight=False, markup=False, emoji=False)
    width = min(WIDTH, console.width)
    audit = result.audit
    console.print(Text(one_line(audit.headline), style="bold"), width=width)
    console.print(one_line(wording.meaning(audit.facts, audit.judgement)), width=width)
    for warning in audit.warnings:
        console.print("")
        console.print(Text(f"Warning: {one_line(warning)}", style="bold"), width=width)
    for question, answer in audit.answers().items():
        console.print("")
        console.print(Text(one_line(question), style="bold"), width=width)
        console.print(one_line(answer), width=width)
    if audit.facts.behaviours or audit.columns:
        console.print("")
        console.print(Text("Which of its parts are vanity?", style="bold"), width=width)
        vanity = listed([one_line(each) for each in audit.vanity_parts])
        console.print(f"{vanity}." if vanity else "None is shown to be.", width=width)
    console.print("")
    for each in (audit.facts.out_of_time, *wording.not_tested(audit.facts)):
        console.print(Text(one_line(each), style="dim"), width=width)
    if result.folder is not None:
        console.print(str(result.folder / AUDIT_PAGE), soft_wrap=True)
