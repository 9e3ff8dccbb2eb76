"""The first screen and what is printed: found, worth, to do; tables that sort and are saved."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric
from engagement_ml.report import render_report
from tests.report.browser import CHROMIUM, FLAGS, look_at
from tests.report.test_page import Page

Record = dict[str, Any]
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


def first_screen(record: Record) -> str:
    text = Page(render_report(record)).text
    return text[text.index("At a glance What was found") : text.index("How customers score On")]


def test_it_says_what_was_found_what_it_is_worth_and_what_to_do(record: Record) -> None:
    text = first_screen(record)
    for said in (
        "Tutorial finished raises margin, by observation",
        "Coupon used lowers margin, by observation",
        "Of 12 behaviours: ▲ 3 driver",
        "€21,300 €15,100 to €27,500 over 84 days",
        "€14,200 (€9,940 to €18,460) one more among 3,605 customers: Tutorial finished",
        "by each of 6,120 of 7,904 customers. This holds if the effects are causal",
        "Tutorial finished for 3,120 customers and Advisor call for 3,000 customers. The list "
        "keeps a control group. engagement-ml act CONFIG",
        "Coupon used lowers margin. page_view, Like and Opened e-mail do not move margin",
        # The upper limit of one event, 8.1 + 1.96 × 9.4, times one standard deviation of 0.15.
        "Trade-in (up to €3.98)",
    ):
        assert said in text, said


def test_without_totals_it_shows_single_events_and_no_command_for_a_list(record: Record) -> None:
    del record["further"]["opportunity"]
    text = first_screen(record)
    assert "€6.42 (€5.22 to €7.62) one more event: Tutorial finished" in text
    assert "engagement-ml act" not in text
    assert "engagement-ml score models:/shop-engagement/3" in text


def test_a_randomised_test_is_named_as_evidence(record: Record) -> None:
    for row in record["drivers"]:
        row["basis"] = "experiment" if row["selected"] else "observation"
    text = first_screen(record)
    assert "Tutorial finished raises margin, by a randomised test" in text
    assert "A randomised test supports each of them." in text
    assert "if the effects are causal" not in text


def test_no_amount_is_shown_for_what_is_no_driver(
    abstention: Record, indicator: Record, record: Record
) -> None:
    # Totals that a record should not have are not shown either.
    indicator["further"]["opportunity"] = record["further"]["opportunity"]
    text = first_screen(indicator)
    assert "No amount is shown: an indicator predicts margin" in text
    assert "21,300" not in text
    assert "engagement-ml act" not in text
    assert "46.3 of 100 points" in text
    page = Page(render_report(abstention))
    assert "No amount is shown, because no behaviour could be shown to move margin." in page.text
    assert "How customers score" not in page.text


def test_the_standing_says_when_and_whom(record: Record) -> None:
    text = Page(render_report(record)).text
    assert "On 7 January 2024, the last cutoff date, 20% of 7,904 customers scored 0" in text
    assert "The mean score is 24.6 (24.2 to 25.0); half of them score 21.6 or less" in text
    assert "plan: none given 12.0 18% 4" in text
    assert "plan: trial – – 0" in text
    assert "Not shown: 3 values of plan, with fewer customers each." in text
    record["sample"] = {
        "customers": 7904, "of": 90000, "share": 0.0878, "by": ["spending"], "n_strata": 4,
        "wider": 3.4, "half_widths": {},
    }  # fmt: skip
    text = Page(render_report(record)).text
    assert "These are the 7,904 customers of the training sample, of 90,000." in text


def test_a_metric_that_events_alone_cannot_give_has_no_query(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise InputError("'rep.visit' cannot be counted in events alone")

    monkeypatch.setattr(EngagementMetric, "to_sql_events", refuse)
    text = Page(render_report(record)).text
    assert "'rep.visit' cannot be counted in events alone." in text
    assert "In the warehouse" not in text
    assert "engagement-ml score models:/shop-engagement/3" in text


def test_one_cutoff_has_no_trend(record: Record) -> None:
    standing = record["further"]["standing"]
    standing["cutoffs"] = standing["cutoffs"][-1:]
    text = Page(render_report(record)).text
    assert "All scores" in text
    assert "mean score, with a 95% interval" not in text


def test_every_table_with_a_file_has_it_and_no_file_is_without_a_table(any_record: Record) -> None:
    page = Page(render_report(any_record))
    named = {a["data-file"] for tag, a in page.elements if tag == "table" and "data-file" in a}
    assert named == set(page.files)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_files_hold_the_numbers_and_no_formula_or_folder(record: Record) -> None:
    record["drivers"][0]["stage"] = "=HYPERLINK(1)"
    record["tables"][0]["source"] = "/home/ann/secret/events.parquet"
    files = Page(render_report(record)).files
    rows = {row["behaviour"]: row for row in rows_of(files["drivers.csv"])}
    assert set(rows) == {row["behaviour"] for row in record["drivers"]}
    for row in record["drivers"]:
        assert float(rows[row["behaviour"]]["effect_high"]) == row["effect_high"]
    assert rows["tutorial_done"]["stage"] == "'=HYPERLINK(1)"
    assert not [name for name, text in files.items() if "/home/" in text or "nudge.csv" in text]
    assert len(rows_of(files["experiments-by-segment-1.csv"])) == 2
    (metric,) = [row for row in rows_of(files["predicts.csv"]) if row["score"] == "metric"]
    assert (metric["spearman"], metric["spearman_low"]) == ("0.31", "0.29")


LOOK = """
  const table = page.querySelector("table[data-file='drivers.csv']");
  const press = place => table.tHead.rows[0].cells[place].querySelector("button").click();
  const label = body => body.rows[0].cells[0].innerText.split("\\n")[0];
  const order = () => Array.from(table.tBodies, label);
  const found = {};
  press(3); found.down = order();
  found.state = table.tHead.rows[0].cells[3].getAttribute("aria-sort");
  press(3); found.up = order();
  found.last = table.lastElementChild.tagName;
  let blob = null;
  view.URL.createObjectURL = made => { blob = made; return "blob:made"; };
  view.HTMLAnchorElement.prototype.click = function () { found.name = this.download; };
  table.closest("section").querySelector("button.save").click();
  found.text = await blob.text();
  const folded = page.querySelector("#checks > details");
  found.before = folded.open;
  page.location.hash = "checks";
  await new Promise(done => setTimeout(done, 100));
  found.after = folded.open;
  const titles = page.querySelectorAll("h1, h2, h3, h4");
  const levels = Array.from(titles, each => Number(each.tagName[1]));
  found.jumps = levels.filter((level, i) => i && level > levels[i - 1] + 1).length;
  let whole = null;
  view.print = () => {
    view.dispatchEvent(new view.Event("beforeprint"));
    whole = [page.body.className, page.querySelectorAll("details:not([open])").length];
    view.dispatchEvent(new view.Event("afterprint"));
  };
  page.querySelector("#print-all button").click();
  found.whole = whole;
  found.left = [page.body.className, page.querySelector("#data > details").open];
  view.print();
  found.two = whole[0];
  return found;
"""


@in_a_browser
def test_tables_sort_are_saved_and_folded_parts_open(record: Record, tmp_path: Path) -> None:
    page = render_report(record)
    found = look_at(page, LOOK, tmp_path)
    by_effect = sorted(record["drivers"], key=lambda row: -round(row["effect"], 2))
    labels = [row["label"] for row in by_effect]
    assert found["state"] == "descending"
    assert found["down"][:4] == labels[:4]
    assert found["down"][-3:] == labels[-3:]
    assert found["up"][:3] == labels[::-1][:3]
    assert found["last"] == "TFOOT"
    assert (found["name"], found["text"]) == ("drivers.csv", Page(page).files["drivers.csv"])
    assert (found["before"], found["after"]) == (False, True)
    assert found["jumps"] == 0
    assert found["whole"] == ["printed-whole", 0]
    assert found["left"] == ["", False]
    assert found["two"] == ""


@in_a_browser
@pytest.mark.seldom
def test_paper_has_at_most_two_pages(record: Record, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(render_report(record), encoding="utf-8")
    file = tmp_path / "page.pdf"
    subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}",
         f"--print-to-pdf={file}", (tmp_path / "page.html").as_uri()],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", file.read_bytes())) <= 2
