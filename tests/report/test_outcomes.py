"""Outcomes beside margin on the page and in the terminal."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.further import Further
from engagement_ml.outcomes import MixRow, OutcomeEvidence
from engagement_ml.records import RunRecord
from engagement_ml.report import render_report
from engagement_ml.report.summary import print_summary
from tests.report.test_page import Page

Record = dict[str, Any]
SENTENCE = "Tutorial finished raises core by €3.10 per event, at the cost of €5.20 of plus"


def row(outcome: str, verdict: str, effect: tuple[float | None, ...], unit: str) -> DriverRow:
    return DriverRow(
        "tutorial_done", verdict, False, None, None, *effect, 0.0, None, "a reason",
        outcome=outcome, unit=unit,
    )  # fmt: skip


@pytest.fixture
def with_outcomes(record: Record) -> RunRecord:
    core = row("core", "driver", (3.1, 2.0, 4.2), "EUR")
    plus = row("plus", "harmful", (-5.2, -6.2, -4.2), "EUR")
    churn = row("churn", "unverifiable", (-0.2, -1.0, 0.6), "percentage points")
    points = "percentage points"
    outcomes = (
        OutcomeEvidence("core", "part", "Core & more", "EUR", 900, 41.5, (core,),
                        notes=("A <note>.",)),
        OutcomeEvidence("plus", "part", "plus", "EUR", 700, 12.0, (plus,)),
        OutcomeEvidence("churn", "churn", "Churn", points, 900, 20.0, (churn,)),
        OutcomeEvidence("first_purchase", "first_purchase", "First purchase", points, 9, None,
                        (), "only 9 prospects bought"),
    )  # fmt: skip
    mix = (MixRow("tutorial_done", "Tutorial finished", SENTENCE, ("core",), ("plus",), True),)
    return replace(RunRecord.from_dict(record), further=Further(outcomes=outcomes, mix=mix))


def test_the_page_has_each_outcome_with_effect_and_verdict(with_outcomes: RunRecord) -> None:
    html = render_report(with_outcomes)
    text = Page(html).text
    section = text[text.index("Outcomes beside margin", text.index("Every behaviour")) :]
    assert "Tutorial finished raises one part of margin at the cost of another." in section
    assert f"{SENTENCE}." in section
    assert "Core & more: €41.50 per customer in 84 days, 900 customers" in section
    assert "plus" in section
    assert "−€5.20 −€6.20 to −€4.20" in section
    assert "−0.20 −1.00 to 0.60" in section
    assert "First purchase: Nothing is known of it: only 9 prospects bought." in section
    assert "<note>" not in html
    assert "A <note>." in section


def test_margin_in_all_stands_beside_its_parts_only(with_outcomes: RunRecord) -> None:
    text = Page(render_report(with_outcomes)).text
    assert "Margin in all ▲ driver" in text
    churn_only = replace(with_outcomes.further, outcomes=with_outcomes.further.outcomes[2:])
    text = Page(render_report(replace(with_outcomes, further=churn_only))).text
    assert "Margin in all" not in text


def test_a_run_of_margin_alone_has_no_such_section(record: Record) -> None:
    assert "Outcomes beside margin" not in render_report(record)


def test_the_terminal_says_outcomes_in_a_line_each(with_outcomes: RunRecord) -> None:
    console = Console(file=StringIO(), width=80, highlight=False)
    print_summary(with_outcomes, console=console)
    told = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    assert "Outcomes beside margin Core & more: raised by Tutorial finished." in told
    assert "plus: lowered by Tutorial finished." in told.replace("Plus", "plus")
    assert "Churn: no effect of a behaviour is shown." in told
    assert "First purchase: nothing is known, as only 9 prospects bought." in told
    assert "at the cost of €5.20 of plus." in told


def test_records_hold_outcomes_and_mix(with_outcomes: RunRecord) -> None:
    assert RunRecord.from_json(with_outcomes.to_json()) == with_outcomes


def test_first_purchases_have_their_facts_and_reasons(record: Record) -> None:
    call = row("first_purchase", "driver", (5.2, 3.9, 6.5), "percentage points")
    found = OutcomeEvidence(
        "first_purchase", "first_purchase", "First purchase", "percentage points", 1200, 22.5,
        (call,), facts={"bought": 300, "median_days_to_buy": 44.0, "starts": None},
    )  # fmt: skip
    html = render_report(replace(RunRecord.from_dict(record), further=Further(outcomes=(found,))))
    text = Page(html).text
    section = text[text.rindex("What brings first purchases") :]
    assert "First purchases become more likely after: Tutorial finished." in section
    assert "1,200 prospects" in section
    assert "half of the buyers within 44 days" in section
    assert "22.5% buy within 84 days" in section
    assert "+5.20 3.90 to 6.50" in section
    assert "22.5% buy within 84 days, 1,200 prospects" in text


def test_what_drives_staying_lowers_churn_in_the_terminal(with_outcomes: RunRecord) -> None:
    kept = row("churn", "driver", (-1.2, -2.0, -0.4), "percentage points")
    churn = OutcomeEvidence("churn", "churn", "Churn", "percentage points", 900, 20.0, (kept,))
    out = Console(file=StringIO(), width=200)
    shown = replace(with_outcomes, further=Further(outcomes=(churn,)))
    print_summary(shown, console=out)
    assert "Churn: lowered by Tutorial finished." in out.file.getvalue()  # type: ignore[attr-defined]
