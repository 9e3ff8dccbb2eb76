"""The page of a promotion: self-contained, escaped, and complete."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from html.parser import HTMLParser

from engagement_ml.lifecycle.gate import Decision
from engagement_ml.lifecycle.gate_check import TITLES, GateCheck
from engagement_ml.report.gate_text import gate_lines
from engagement_ml.report.promotion import render_promotion
from tests.promotions import odd_promotion


class Tags(HTMLParser):
    """Counts the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def test_names_cannot_change_the_page():
    page = render_promotion(odd_promotion())
    tags = read(page)
    assert not tags.found & {"script", "i", "u", "em", "b", "img", "link"}
    assert "49" not in re.sub(r"\d{3,}|\.\d+", "", tags.text)
    assert "call \"now\" <script>alert('x')</script> {{ 7 * 7 }} naïve" in tags.text
    assert "Shop [bold] <b>" in tags.text
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in html.unescape(page)


def test_the_page_says_what_failed_what_changes_and_why():
    promotion = odd_promotion()
    text = read(render_promotion(promotion)).text
    assert "does not pass the gate; version 1 stays champion." in text
    assert "not measured" in text
    for part in ("new behaviour", "no longer in the metric", "Largest movers", "By segment"):
        assert part in text
    assert "Events are counted in 56 days, before in 84 days." in text
    # Without a champion, there is nothing to compare.
    first = odd_promotion(champion=None, backcast=None, decision=Decision(()), promoted=True)
    text = read(render_promotion(first)).text
    assert "passes the gate and is champion now." in text
    assert "Largest movers" not in text


def test_a_promotion_is_plain_json_and_readable_in_python():
    promotion = odd_promotion()
    values = json.loads(json.dumps(promotion.to_dict(), allow_nan=False))
    assert values["passed"] is False
    assert {check["name"] for check in values["checks"]} <= set(TITLES)
    assert values["cutoffs"] == ["2024-01-01"]
    assert "FAILED  min_customers: wanted at least 500, found not measured" in repr(promotion)
    check = GateCheck("min_customers", "1", "2", True, "fine")
    passed = dataclasses.replace(promotion, decision=Decision((check,)))
    assert passed.outcome.endswith("passes the gate; nothing was changed")


def test_records_of_earlier_versions_say_nothing_of_a_gate():
    assert gate_lines({}) == []
    assert gate_lines({"model": "shop", "version": 1, "alias": "champion"}) == []
