"""The part of a run: credit with effects, its file, and its section of the report."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

import engagement_ml as em
from engagement_ml.attribution import AttributionEvidence, CreditRow
from engagement_ml.config import parse_config
from engagement_ml.drivers.evidence import EventStudy
from engagement_ml.engine import open_engine
from engagement_ml.inputs import read_tables
from engagement_ml.plain_types import plain
from engagement_ml.records import RunRecord
from engagement_ml.report import render_report
from engagement_ml.windows import plan_windows
from engagement_ml.workflow.further.attribution import attribution_csv, find, gather
from engagement_ml.workflow.further.part import Fitted, Sources
from tests.conftest import stand_in_evidence
from tests.report.conftest import make_record
from tests.report.test_page import Page


def run(monkeypatch: pytest.MonkeyPatch, touchpoint: str, study: EventStudy | None, **more: Any):
    """Run the part on a small shop, with a stand-in for the search that calls phone a driver."""
    from engagement_ml import drivers

    def find_drivers(periods, panel, windows, config):
        found = stand_in_evidence(periods.behaviours, ("channel: phone",))
        return replace(found, event_study={} if study is None else {"channel: phone": study})

    monkeypatch.setattr(drivers, "find_drivers", find_drivers, raising=False)
    shop = em.make_shop(n_customers=40, n_weeks=30)
    config = parse_config(
        {"name": "x", "windows": {"observation_days": 28, "outcome_days": 28},
         "attribution": {"touchpoint": touchpoint}, **more}
    )  # fmt: skip
    frames = {"events": shop.events, "transactions": shop.transactions}
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, extra=True)
        windows = plan_windows(tables.history, config.windows)
        gathered = gather(Sources(tables, tables, config, windows))
    evidence = stand_in_evidence(tables.behaviours, ("wishlist_add",))
    nothing: Any = None
    found = find(gathered, Fitted(config, windows, nothing, nothing, evidence, nothing))
    return found.fields["attribution"]


LASTING = EventStudy((0, 1, 2), (1, 9, 9), (0, 8, 8), (2, 10, 10))
AT_ONCE = EventStudy((0, 1, 2), (1, 9, 0), (0, 8, -1), (2, 10, 1))


def test_channels_have_the_verdict_of_their_own_search(monkeypatch):
    rows = {row.touchpoint: row for row in run(monkeypatch, "channel", LASTING).rows}
    assert rows["phone"].verdict == "driver"
    assert (rows["phone"].effect, rows["phone"].reason) == (2 / 3, "made up, for a test")
    assert {row.verdict for name, row in rows.items() if name != "phone"} == {"vanity"}


@pytest.mark.parametrize("study", [AT_ONCE, None])
def test_a_channel_whose_effect_ends_within_a_week_is_not_called_a_driver(monkeypatch, study):
    rows = {row.touchpoint: row for row in run(monkeypatch, "channel", study).rows}
    assert rows["phone"].verdict == "unverifiable"
    assert "about to buy looks the same" in rows["phone"].reason


def test_event_types_have_the_verdict_of_the_run(monkeypatch):
    rows = {row.touchpoint: row for row in run(monkeypatch, "event_type", None).rows}
    assert [name for name, row in rows.items() if row.verdict == "driver"] == ["wishlist_add"]


def made() -> AttributionEvidence:
    half = dict.fromkeys(("first", "last", "linear", "markov", "shapley"), 0.75)
    rest = {name: 1 - share for name, share in half.items()}
    return AttributionEvidence(
        "transaction", "channel", 30, 100, 20, 120,
        (
            CreditRow("<b>ads", 90, **half, verdict="consequence", reason="it is so", n_touches=5),
            CreditRow("=mail", 40, **rest, effect=2.0, effect_low=1.0, effect_high=3.0,
                      verdict="driver", reason="it acts", n_touches=9),
        ),
        ("ten events without a channel left out",),
        900.0,
    )  # fmt: skip


def test_the_record_keeps_credit():
    record = RunRecord.from_dict(make_record() | {"further": {"attribution": plain(made())}})
    assert record.further.attribution == made()
    assert RunRecord.from_dict(record.to_dict()) == record


def test_the_file_is_safe_for_spreadsheets():
    rows = list(csv.DictReader(io.StringIO(attribution_csv(made()))))
    assert [row["touchpoint"] for row in rows] == ["<b>ads", "'=mail"]
    assert (rows[0]["shapley"], rows[0]["effect"], rows[1]["effect_low"]) == ("0.75", "", "1")
    assert rows[0]["first_margin"] == ""


def section(evidence: AttributionEvidence | None) -> str:
    record = make_record() | {"further": {"attribution": plain(evidence)}}
    text = Page(render_report(record)).text
    start = text.find("Credit is not cause")
    return text[start : start + 1500] if start >= 0 else ""


def test_the_section_says_first_that_credit_is_not_cause():
    shown = section(made())
    assert "75% of the credit (Shapley) goes to touchpoints that are not shown to raise" in shown
    assert "Of 100 purchases, 80 with €900 of margin had a touchpoint in the 30 days" in shown
    assert "<b>ads 5 touches" in shown
    assert "Ten events without a channel left out." in shown
    assert not section(None)


def test_the_section_says_why_there_is_no_credit():
    nothing = replace(made(), rows=(), notes=("no conversion had a touchpoint",), margin=0.0)
    shown = section(nothing)
    assert "No conversion had a touchpoint." in shown
    assert "Shapley:" not in shown
