"""The registry of sections: one made elsewhere stands on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engagement_ml.report import SECTIONS, Section, render_report
from engagement_ml.report.view import Run
from tests.report.test_page import Page

Record = dict[str, Any]
TEMPLATE = """
<p>{{ section.share }} of {{ run.entities }} have the verdicts below.</p>
<ul>{% for verdict in section.verdicts %}<li>{{ marks.verdict(verdict) }}</li>{% endfor %}</ul>
"""


def section_of(folder: Path, build: Any) -> Section:
    template = folder / "churn.html.j2"
    template.write_text(TEMPLATE, encoding="utf-8")
    return Section("churn", lambda run: f"Churn of {run.entities}", template, build)


def churn(run: Run) -> dict[str, Any] | None:
    from engagement_ml.formatting import percent
    from engagement_ml.report.text import verdict_of

    rate = run.record.evaluation.get("churn", {}).get("rate")
    if rate is None:
        return None
    return {
        "share": percent(rate["value"]),
        "verdicts": [verdict_of("driver"), verdict_of("<b>odd</b>")],
    }


def test_a_section_from_elsewhere_stands_on_the_page(record: Record, tmp_path: Path) -> None:
    html = render_report(record, sections=(*SECTIONS, section_of(tmp_path, churn)))
    page = Page(html)
    assert ("h2", {"id": "churn-title"}) in page.elements
    assert ("a", {"href": "#churn"}) in page.elements
    assert "Churn of customers 35% of customers have the verdicts below. ▲ driver" in page.text
    assert "<b>odd" not in html
    assert html.index('id="versions"') < html.index('id="churn"')


def test_a_section_without_content_is_left_out(record: Record, tmp_path: Path) -> None:
    del record["evaluation"]["churn"]["rate"]
    html = render_report(record, sections=(*SECTIONS, section_of(tmp_path, churn)))
    assert 'id="churn"' not in html


def test_sections_can_be_left_out_and_reordered(record: Record) -> None:
    chosen = [section for section in SECTIONS if section.key in ("metric", "checks")][::-1]
    page = Page(render_report(record, sections=chosen))
    ids = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert ids == ["checks", "metric"]


def test_keys_are_unique_and_every_template_is_there() -> None:
    keys = [section.key for section in SECTIONS]
    assert len(set(keys)) == len(keys)
    assert all(section.template == f"{section.key}.html.j2" for section in SECTIONS)


def test_the_hazard_ratio_and_the_lifetime_effect_are_shown(record: Record) -> None:
    sections = [section for section in SECTIONS if section.key == "behaviours"]
    assert "hazard ratio" not in Page(render_report(record, sections=sections)).text
    record["drivers"][0] |= {
        "hazard_ratio": 0.957,
        "hazard_ratio_low": 0.945,
        "hazard_ratio_high": 0.97,
        "lifetime_effect": 12.5,
        "lifetime_effect_low": 8.0,
        "lifetime_effect_high": 17.0,
    }
    text = Page(render_report(record, sections=sections)).text
    assert "hazard ratio of churn 0.957 per event (0.945 to 0.970)" in text
    assert "over the expected lifetime €12.5" in text


def test_event_types_that_form_one_behaviour_are_listed(record: Record) -> None:
    counts = {"/shop<b>": 1234, **{f"/page/{i}": 2 for i in range(600)}}
    html = render_report({**record, "grouped_event_types": counts})
    text = Page(html).text
    assert "601 event types form one behaviour" in text
    assert "/shop<b> (1,234), /page/0 (2)" in text
    assert "and 101 more, which run.json lists" in text
    assert "form one behaviour" not in Page(render_report(record)).text
