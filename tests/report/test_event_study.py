"""The event study: periods before and after the event, with bars of the intervals."""

from __future__ import annotations

import re
from typing import Any

from engagement_ml.drivers.evidence import EventStudy
from engagement_ml.records import RunRecord
from engagement_ml.report import render_report
from engagement_ml.report.event_study_plot import event_study_chart
from tests.report.test_page import Page

Record = dict[str, Any]
STUDY = {
    "periods": [-3, -2, -1, 0, 1, 2],
    "effect": [0.0, 0.1, -0.1, 1.0, 2.0, 1.5],
    "low": [-0.2, -0.1, -0.3, 0.5, 1.5, 1.0],
    "high": [0.2, 0.3, 0.1, 1.5, 2.5, 2.0],
}


def write(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def test_a_study_is_a_card_with_its_verdict(record: Record) -> None:
    assert 'id="event_study"' not in render_report(record)
    record["event_study"] = {"tutorial_done": STUDY}
    html = render_report(record)
    text = Page(html).text
    assert "Before and after the event" in text
    assert "Before the event, 0 of 3 intervals exclude 0; after it, 3 of 3." in text
    section = html[html.index('<section id="event_study"') :]
    section = section[: section.index("</section>")]
    assert "Tutorial finished" in section
    assert "▲" in section


def test_a_record_keeps_its_event_studies(record: Record) -> None:
    record["event_study"] = {"tutorial_done": STUDY}
    kept = RunRecord.from_dict(RunRecord.from_dict(record).to_dict())
    assert kept.evidence.event_study["tutorial_done"].periods == (-3, -2, -1, 0, 1, 2)


def test_bars_stand_at_their_periods_and_reach_their_bounds() -> None:
    study = EventStudy((-1, 0), (1.0, 3.0), (0.0, 2.0), (2.0, 4.0))
    chart = event_study_chart(study, label="margin", x_label="", y_label="", write_y=write)
    assert chart is not None
    bars = re.findall(r'd="M([\d.]+),([\d.]+) V([\d.]+)" class="line"', str(chart.svg))
    assert [float(x) for x, _, _ in bars] == [25.0, 75.0]
    lengths = [float(bottom) - float(top) for _, bottom, top in bars]
    assert lengths[0] > 40
    assert abs(lengths[0] - lengths[1]) < 0.02
    assert str(chart.svg).count('"dot hollow"') == str(chart.svg).count('"dot full"') == 1
    assert [tick.text for tick in chart.x_ticks] == ["−1", "0"]


def test_a_study_without_periods_has_no_chart(record: Record) -> None:
    empty = EventStudy((), (), (), ())
    assert event_study_chart(empty, label="", x_label="", y_label="", write_y=write) is None
    record["event_study"] = {"tutorial_done": {key: [] for key in STUDY}}
    assert 'id="event_study"' not in render_report(record)
