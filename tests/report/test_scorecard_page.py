"""The page of a scorecard: complete, escaped, its files, and how it behaves in a browser."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import io
import math
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.report.scorecard import render_scorecard
from engagement_ml.report.scorecard.drawings import gapped
from engagement_ml.report.scorecard.mappings import mapping_table
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import Link, MeasureCard, Scorecard, Trend, Value
from engagement_ml.scorecard.serialised import card_dict
from tests.report.browser import CHROMIUM, look_at, width_of
from tests.report.scorecard_example import bare_card, full_card
from tests.report.test_page import HOSTILE, Page

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_scorecard(full_card()))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def everywhere(value: Any, text: str) -> Any:
    """Return a card with `text` in the place of every free text."""
    fixed = {"status", "kind", "direction", "better", "unit", "currency"}
    if is_dataclass(value) and not isinstance(value, type):
        names = [each for each in value.__dataclass_fields__ if each not in fixed]
        return replace(value, **{name: everywhere(getattr(value, name), text) for name in names})
    if isinstance(value, dict):
        return {
            key: everywhere(item, text) if key not in ("tone", "verdict") else item
            for key, item in value.items()
        }
    if isinstance(value, tuple):
        return tuple(everywhere(each, text) for each in value)
    return f"{value}{text}" if isinstance(value, str) else value


def test_all_parts_are_there(page: Page) -> None:
    ids = [a["id"] for tag, a in page.elements if tag == "section"]
    assert ids == [
        "executive", "front-line", "analyst", "measures", "details", "journey", "all-goals",
        "changes", "metric", "survey-1", "by-segment", "segments", "cohorts", "contestants",
        "benchmarks", "absent", "method",
    ]  # fmt: skip
    for said in (
        "2 of 7 targets are missed",
        "Page views per visitor and Likes are vanity: margin does not follow when they change.",
        "Coupons used is harmful",
        "€1.84 per customer",
        "Move the budget for likes to advisor calls",
        "30.6%", "28.8% to 32.5%", "preset e-commerce", "fewer than 10 answers",
        "Since 1 October 2024, 2 of 3 measures changed by more than chance explains: "
        "Trial to paid and Net promoter score.",
        "table surveys with survey 'csat'",
        "Baymard Institute, mean of 49 studies",
        "31.2% (29.0% to 33.5%) of those who were asked answered: 540 of 1,731.",
        "Weighted to those who could have answered, it is 27.4 (20.1 to 34.2).",
        "Last score, one point more", "Those who did not turn",
        "advisor_call × 3.2",
        "12 carts were not mature yet",
        "The export fails every Monday, and no one answers.",
    ):  # fmt: skip
        assert said in page.text, said


def test_a_card_without_data_says_why(tmp_path: Path) -> None:
    page = Page(render_scorecard(bare_card()))
    for said in (
        "No measure has data.", "1 measure needs what the tables lack.", "no company was there",
        "No behaviour could be shown to move margin.",
        "No measure has a value both before and after 1 February 2024.",
        "No stable segments: resampling disagrees.", "table surveys",
    ):  # fmt: skip
        assert said in page.text, said
    empty = Scorecard("s", "customer", "EUR", dt.date(2024, 1, 1), (), ())
    assert "No measure has data" in Page(render_scorecard(empty)).text


def test_only_the_script_of_the_page_may_run(page: Page) -> None:
    (policy,) = [a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    _, script = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'", "style-src": "'unsafe-inline'", "base-uri": "'none'",
        "form-action": "'none'", "script-src": f"'sha256-{digest}'",
    }  # fmt: skip
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "files"}, {}]
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    loads = [(t, n, v) for t, n, v in page.values if n in ("src", "href") and v[:1] != "#"]
    assert not loads


@pytest.mark.parametrize(
    "text",
    [HOSTILE, "</script><img src=x>", "\"'><b>{{ 7 * 7 }}", "<!-- ", "\u202e\x1b[31m", "]]>"],
)
def test_names_cannot_change_the_page(text: str) -> None:
    card = everywhere(full_card(), text)
    hostile = Page(render_scorecard(card))
    harmless = Page(render_scorecard(everywhere(full_card(), " x")))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert len(hostile.scripts) == 2
    assert hostile.files["scorecard.json"] == card_dict(card)
    anchors = {a["id"] for _, a in hostile.elements if "id" in a}
    assert {v[1:] for _, name, v in hostile.values if name == "href"} <= anchors
    assert len(anchors) == len([1 for _, a in hostile.elements if "id" in a])


@given(st.text(max_size=12), st.floats() | st.none(), st.floats() | st.none())
@settings(max_examples=12)
def test_any_text_and_number_makes_a_page(
    text: str, value: float | None, low: float | None
) -> None:
    measure = MeasureCard(
        text, text, "percent", period=text, latest=Value(value, low, value, note=text),
        series={"a": Value(value, low, low), text: Value(low)}, target=low,
        segments={text: {text: Value(value)}}, trend=Trend(value, low, value, 5, "up", True),
    )  # fmt: skip
    card = Scorecard(text, text, "EUR", dt.date(2024, 1, 1), ("a", text), (measure,))
    made = Page(render_scorecard(card))
    assert made.files["scorecard.json"] == card_dict(card)
    numeric = {
        a["data-sort"]
        for _, a in made.elements
        if "num" in str(a.get("class")).split() and "data-sort" in a
    }
    assert all(math.isfinite(float(str(each))) for each in numeric)


def test_files_hold_the_numbers_behind_the_tables(page: Page) -> None:
    card, files = full_card(), page.files
    assert files["scorecard.json"] == card_dict(card)
    tables = {a["data-file"] for tag, a in page.elements if tag == "table" and "data-file" in a}
    assert tables == set(files) - {"scorecard.json"}
    rows = {row["measure"]: row for row in rows_of(files["measures.csv"])}
    for measure in card.measures:
        if measure.absent is None:
            row = rows[measure.name]
            assert (row["value"] or None) == (
                None if measure.latest.value is None else str(measure.latest.value)
            )
            assert row["link"] == measure.link.kind
            assert row["status"] == measure.status
    series = rows_of(files["values-by-period.csv"])
    assert len(series) == 13 * 11
    assert {row["value"] for row in series if row["note"]} == {""}
    groups = rows_of(files["by-segment-1.csv"])
    assert {row["group"] for row in groups} == {"basic", "pro", "enterprise"}
    ages = rows_of(files["cohorts-1.csv"])
    assert ages[-1] | {"cohort": "", "age_0": ""} == {
        "cohort": "", "size": "183", "age_0": "", **{f"age_{n}": "" for n in range(1, 8)}
    }  # fmt: skip


def test_a_spreadsheet_runs_no_cell_as_a_formula() -> None:
    files = Page(render_scorecard(everywhere(full_card(), ""))).files
    hostile = replace(
        full_card().measures[0], name="=HYPERLINK(1)", title="@sum", owner="+1+1", stage="-x"
    )
    card = replace(full_card(), measures=(hostile, *full_card().measures[1:]))
    table = Page(render_scorecard(card)).files["measures.csv"]
    row = rows_of(table)[0]
    assert row["measure"] == "'=HYPERLINK(1)"
    assert (row["title"], row["owner"], row["stage"]) == ("'@sum", "'+1+1", "'-x")
    # A negative number stays a number.
    assert "\n-" in files["act-on-1.csv"] or ",-" in files["measures.csv"]


def test_vanity_is_plain_to_see(page: Page) -> None:
    """The sign stands beside the measure, not only in the details."""
    table = page.text[page.text.index("All measures Each value") :]
    assert "41" in table
    likes = table[table.index(" Likes likes ") :][:160]
    assert "◇ vanity" in likes
    coupons = table[table.index("Coupons used coupon_use") :][:160]
    assert "▼ harmful" in coupons


def test_a_link_of_mixed_verdicts_is_shown() -> None:
    mixed = MeasureCard(
        "dau", "Daily active", "count", period="Jan", latest=Value(3.0, 2.0, 4.0, 9),
        link=Link("mixed", {"a": "driver", "b": "vanity"}, "one of two moves margin"),
    )  # fmt: skip
    card = Scorecard("s", "customer", "EUR", dt.date(2024, 1, 1), ("Jan",), (mixed,))
    text = Page(render_scorecard(card)).text
    assert "◐ mixed" in text
    assert "One of two moves margin. a ▲ driver b ◇ vanity" in text


def test_tables_can_be_read_aloud(page: Page) -> None:
    headers = [a for tag, a in page.elements if tag == "th"]
    assert headers
    assert all(a.get("scope") in ("col", "row") for a in headers)
    labels = [str(a["aria-label"]) for tag, a in page.elements if tag == "svg"]
    assert all(labels)
    (spoken,) = [each for each in labels if each.startswith("Margin per customer: ")][:1]
    assert spoken.startswith("Margin per customer: €18.76 in Dec 2023, €20.82 in Dec 2024; lowest ")
    assert spoken.endswith("; 1 period without data; target €22")


def test_gaps_of_a_series_are_not_drawn_over() -> None:
    assert gapped([(0, 1), None, (2, 3), (3, 4), None, (5, 6)]) == "M0,1 h0 M2,3 L3,4 M5,6 h0"


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("percent", Value(0.0), "0.0%"),
        ("percent", Value(0.04, 0.01, 0.09), "0.04% (0.01% to 0.09%)"),
        ("points", Value(-12.0, -20.0, -4.0), "−12.0 (−20.0 to −4.0)"),
        ("currency", Value(-1234.5, -2000.0, 10.0), "−€1,234 (−€2,000 to €10)"),
        ("rate", Value(3.5), "3.50 per 1,000"),
        ("seats", Value(12.0), "12.0 seats"),
        ("hours", Value(None, 1.0, 2.0), "–"),
    ],
)
def test_values_have_their_unit(unit: str, value: Value, shown: str) -> None:
    assert Writer(unit, "EUR").both(value) == shown


def test_mappings_of_any_shape_become_a_table() -> None:
    rows = [
        {"customer_id": "=c1", "reason": "fell", "margin at stake": 12.5, "moves": (0.1, 0.0, 0.2)},
        {"customer_id": None, "since": dt.date(2024, 3, 1), "apart": {"a": 2.0}, "moves": None},
    ]
    table = mapping_table("t", "T", rows, currency="EUR", entity="partner")
    assert table is not None
    assert [c.title for c in table.columns] == [
        "Partner", "Reason", "Margin at stake", "Moves with margin", "Since", "What sets it apart"
    ]  # fmt: skip
    assert [cell.text for cell in table.rows[0]] == ["=c1", "fell", "€12.50", "0.10", "–", "–"]
    assert [cell.text for cell in table.rows[1]] == ["–", "–", "–", "–", "1 March 2024", "a 2"]
    (first, second) = rows_of(table.csv())
    assert first["customer_id"] == "'=c1"
    assert (first["moves"], first["moves_low"], first["moves_high"]) == ("0.1", "0.0", "0.2")
    assert second["since"] == "2024-03-01"


@in_a_browser
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_never_wider_than_its_window(width: int, tmp_path: Path) -> None:
    long = everywhere(full_card(), "a_very_long_name_" * 6)
    assert width_of(render_scorecard(long), width, tmp_path) <= width


SORT_AND_SAVE = """
  const table = page.querySelector("table[data-file='measures.csv']");
  const sorter = place => table.tHead.rows[0].cells[place];
  const column = place => Array.from(table.tBodies[0].rows, row => row.cells[place].dataset.sort);
  const state = place => [sorter(place).getAttribute("aria-sort"), column(place)];
  const press = place => sorter(place).querySelector("button").click();
  const found = {before: state(1)};
  press(1); found.first = state(1);
  press(1); found.second = state(1);
  press(0); found.name = state(0); found.old = sorter(1).getAttribute("aria-sort");
  const saved = {};
  let blob = null;
  view.URL.createObjectURL = made => { blob = made; return "blob:made"; };
  view.HTMLAnchorElement.prototype.click = function () { saved.name = this.download; };
  table.closest(".sheet").querySelector("button.save").click();
  found.file = [saved.name, blob.type, await blob.text()];
  page.querySelector("#whole button").click();
  found.whole = [saved.name, JSON.parse(await blob.text())];
  page.location.hash = "measure-3";
  await new Promise(done => setTimeout(done, 100));
  found.open = page.getElementById("measure-3").open;
  return found;
"""


@in_a_browser
def test_tables_sort_and_are_saved_under_the_policy(page: Page, tmp_path: Path) -> None:
    found = look_at(render_scorecard(full_card()), SORT_AND_SAVE, tmp_path)
    values = [each.latest.value for each in full_card().measures if each.absent is None]
    known = sorted(value for value in values if value is not None)
    assert found["before"][0] is None
    direction, order = found["first"]
    assert direction == "descending"
    # What has no value is last in both directions.
    assert order[-1] is None
    assert [float(each) for each in order[:-1]] == known[::-1]
    direction, order = found["second"]
    assert (direction, order[-1]) == ("ascending", None)
    assert [float(each) for each in order[:-1]] == known
    assert found["name"][0] == "ascending"
    assert found["name"][1] == sorted(found["name"][1])
    assert found["old"] is None
    name, kind, text = found["file"]
    assert (name, kind) == ("measures.csv", "text/csv;charset=utf-8")
    assert text == page.files["measures.csv"]
    assert found["whole"] == ["scorecard.json", card_dict(full_card())]
    assert found["open"] is True


INJECTED = """
  const script = page.createElement("script");
  script.textContent = "document.title = 'ran'";
  page.body.append(script);
  const image = page.createElement("img");
  image.setAttribute("onerror", "document.title = 'ran'");
  image.src = "missing.png";
  page.body.append(image);
  await new Promise(done => setTimeout(done, 200));
  return page.title;
"""


@in_a_browser
def test_no_other_script_runs(tmp_path: Path) -> None:
    title = look_at(render_scorecard(full_card()), INJECTED, tmp_path)
    assert title == "shop-engagement: 2 of 7 targets are missed"
