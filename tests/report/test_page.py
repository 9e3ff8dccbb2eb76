from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.records import RunRecord
from engagement_ml.report import render_report, summary_lines

Record = dict[str, Any]
VOID = {"meta", "br", "hr", "img", "input", "link", "base", "source", "wbr"}
LOADS = {"script", "link", "iframe", "img", "object", "embed", "base", "audio", "video", "source"}
HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Reads a page: elements, attributes, text; fails on a tag that is not closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.style = ""
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute of <{tag}> stands there twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert [tag] == self.open[-1:], f"</{tag}> within {self.open}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.style += data
        else:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    @property
    def values(self) -> Iterator[tuple[str, str, str]]:
        for tag, attributes in self.elements:
            for name, value in attributes.items():
                yield tag, name, value or ""


def test_what_costs_margin_is_not_said_to_pay(record: Record) -> None:
    response = record["responses"]["tutorial_done"]
    for key in ("effect", "low", "high"):
        response[key] = [-value for value in response[key]]
    response["saturation_point"] = None
    text = Page(render_report(record)).text
    typical = text.index("The typical customer who does it at all does")
    assert "costing €" in text[typical : typical + 90]
    assert "Within the counts seen, one more event still costs." in text


def test_every_part_of_a_full_record_has_its_section(record: Record) -> None:
    page = Page(render_report(record))
    ids = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert ids == [
        "metric", "naive", "responses", "behaviours", "evaluation", "checks", "segments", "pairs",
        "unprofitable", "experiments", "data", "windows", "limits", "glossary", "versions",
    ]  # fmt: skip
    for expected in (
        "Three behaviours move margin: Tutorial finished, Advisor call and Wish list.",
        "One behaviour costs margin: Coupon used.",
        "46.3", "41.0 to 51.9", "€6.42", "€5.22 to €7.62",
        "would have chosen page_view, Like and Opened e-mail. None of them is a driver.",
        "From 5 on, one more event no longer pays for itself.",
        "Within the counts seen, one more event still pays.",
        "€9.87 before the €4.00 that serving one costs",
        "Ahead of it: the best single behaviour (0.44), total events (0.46)",
        "not to be told apart from equal weights",
        "Four attacks with a clear answer: the findings withstood three and failed one.",
        "In 1 of 4 combinations of segment and behaviour the effect disagrees",
        "Tutorial finished with Advisor call", "< 0.001", "Placebo outcome",
        "Of 1,976 engaged customers, 214 (11%) cost more than they bring.",
        "The best single behaviour is page_view, chosen on the training cutoffs.",
        "2,092", "1,204,331", ">99.9%", "412 repeated event_id",
        "No fitting saw anything from 15 October 2023 on.",
        "Margin was winsorised at the 0.1% and 99.9% quantiles for estimating.",
        "models:/shop-engagement/3", "9f3c1a" * 10 + "beef",
    ):  # fmt: skip
        assert expected in page.text


def test_the_points_of_the_example_are_those_the_metric_gives(record: Record) -> None:
    counts = pa.table({name: [r["typical"]] for name, r in record["responses"].items()})
    score = EngagementMetric.from_dict(record["metric"]).score(counts)["score"][0].as_py()
    assert f"= {score:.1f}." in Page(render_report(record)).text


def test_the_sql_shown_is_that_of_the_metric(record: Record) -> None:
    sql = EngagementMetric.from_dict(record["metric"]).to_sql_events("events", "2024-03-31")
    assert " ".join(sql.split()) in Page(render_report(record)).text


def test_an_abstention_says_why_and_shows_no_metric(abstention: Record) -> None:
    page = Page(render_report(abstention))
    assert "Nothing we can defend moves margin here. So there is no metric." in page.text
    assert "set select: {require: indicator} for a metric that foretells" in page.text
    assert 'id="metric"' not in render_report(abstention)
    assert "engagement-ml score" not in page.text


def test_an_indicator_says_what_it_is_not_and_claims_no_worth(indicator: Record) -> None:
    page = Page(render_report(indicator)).text
    assert "Three behaviours foretell margin: " in page
    assert page.count("is no proof that raising it raises margin") == 2
    assert "One more event is worth" not in page
    assert "move margin:" not in page
    assert (
        "The metric does not foretell margin better than recency-frequency-monetary alone." in page
    )


def test_an_indicator_that_beats_recency_frequency_monetary_says_so(indicator: Record) -> None:
    across = indicator["evaluation"]["metric"]["across"]
    across["recency_frequency_monetary"]["spearman"]["value"] = 0.2
    page = Page(render_report(indicator)).text
    assert "The metric foretells margin better than recency-frequency-monetary alone." in page


def test_pages_are_well_formed_and_load_nothing(any_record: Record) -> None:
    html = render_report(any_record)
    assert html.startswith("<!doctype html>")
    page = Page(html)
    assert not LOADS & {tag for tag, _ in page.elements}
    for tag, name, value in page.values:
        assert name not in ("src", "srcset", "action", "formaction", "data", "xlink:href")
        assert not name.startswith("on"), f"<{tag} {name}> would run"
        assert name != "href" or value.startswith("#")
        assert "url(" not in value
        assert "javascript:" not in value
    assert not re.search(r"url\(|@import|@font-face|https?:", page.style)


def test_links_lead_to_sections_that_are_there(any_record: Record) -> None:
    page = Page(render_report(any_record))
    ids = [value for _, name, value in page.values if name == "id"]
    assert len(ids) == len(set(ids))
    links = {value[1:] for _, name, value in page.values if name == "href"}
    assert links <= set(ids)
    labelled = {value for _, name, value in page.values if name == "aria-labelledby"}
    assert labelled <= set(ids)


def test_no_missing_value_shows_as_code(any_record: Record) -> None:
    text = Page(render_report(any_record)).text
    assert not re.search(r"\b(nan|None(?! of them)|inf|undefined|Undefined)\b", text)
    assert "{'" not in text


def test_names_of_users_are_shown_and_never_run(hostile: Record) -> None:
    html = render_report(hostile)
    assert "<script" not in html.lower()
    page = Page(html)
    assert HOSTILE in page.text
    assert "\"quoted\" & 'so' </table>" in page.text
    labels = [value for _, name, value in page.values if name == "aria-label"]
    assert any(HOSTILE in label for label in labels)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths_of(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths_of(item, (*path, place))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(record: Record, path: tuple[Any, ...], new: Any) -> Record:
    changed_record = copy.deepcopy(record)
    place: Any = changed_record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new(place[path[-1]]) if callable(new) else new
    return changed_record


# Numbers of the record that no reader needs; every other one must be seen.
NOT_SHOWN = [
    r"format", r"config\.windows\..*", r"drivers\..*\.lead_ratio", r"evaluation\.(format|n_rows)",
    r"evaluation\.(profit|churn)\.calibration\.\d+\.(decile|n)",
    r"evaluation\.churn\.rate\.(low|high)",
    r"evaluation\.metric\.across\..*\.(top_decile_lift|signal_kept)\.(low|high)",
    r"metric\..*",  # protected by its hash; see test_another_weight_is_shown
]  # fmt: skip


def test_the_numbers_shown_are_those_of_the_record(record: Record) -> None:
    page = render_report(record)
    noticed: dict[str, bool] = {}
    for path in paths_of(record):
        name = ".".join(str(part) for part in path)
        pattern = re.sub(r"\.\d+(?=\.|$)", ".*", name)
        if noticed.get(pattern) or any(re.fullmatch(each, name) for each in NOT_SHOWN):
            continue
        other = render_report(changed(record, path, lambda value: value * 3 + 1))
        noticed[pattern] = other != page
    assert [pattern for pattern, seen in noticed.items() if not seen] == []
    assert len(noticed) > 100


def test_a_randomised_test_says_what_it_found_and_changed(record: Record) -> None:
    text = Page(render_report(record)).text
    for expected in (
        "Randomised tests One randomised test of one behaviour: a test outranks observation",
        "In one case the verdict is another one than observation's.",
        "Like Nudge in May €0.11 −€0.09 to €0.31 +1.83 1.64 to 2.02 €0.06 −€0.05 to €0.17",
        "◇ vanity → ○ inert",
        "2,104 treated, 2,096 control nudge.csv measured over 28 days, not rescaled to 84",
        "No difference by plan that chance would not make (p 0.201).",
        "What to test next",
    ):
        assert expected in text
    record["experiments"]["results"] = []
    text = Page(render_report(record)).text
    assert "Randomised tests" not in text
    assert "So many customers, drawn at random into two arms, are needed" in text


@pytest.mark.parametrize(("tested", "words"), [
    (1, "Tutorial finished was chosen because a randomised test found that it raises margin; each"),
    (3, "from 0 to 100. Each was chosen because a randomised test found that it raises margin."),
])  # fmt: skip
def test_what_a_test_stands_behind_is_not_called_observation(
    record: Record, tested: int, words: str
) -> None:
    for row in [row for row in record["drivers"] if row["selected"]][:tested]:
        row["basis"] = "experiment"
    text = Page(render_report(record)).text
    assert words in text
    assert "A randomised test stands behind Tutorial finished" in text


@pytest.mark.parametrize(
    ("answers", "lead"),
    [
        ([True], "One attack with a clear answer: the findings withstood it."),
        ([True, True, None], "Two attacks with a clear answer: the findings withstood all of"),
        ([False, True], "with a clear answer: the findings withstood one and failed one."),
        ([None], "None of these has a yes or no; they are there to judge by."),
    ],
)  # fmt: skip
def test_checks_are_counted(record: Record, answers: list[bool | None], lead: str) -> None:
    record["checks"] = [{"name": "a", "question": "b", "result": 0, "passed": a} for a in answers]
    assert lead in Page(render_report(record)).text


def test_another_weight_is_shown(record: Record) -> None:
    first, second, third = record["metric"]["behaviours"]
    first["weight"], second["weight"], third["weight"] = 50.1, 30.3, 19.6
    record["metric"]["definition_hash"] = hash_of(record["metric"])
    assert "50.1" in Page(render_report(record)).text


def hash_of(metric: dict[str, Any]) -> str:
    behaviours = tuple(
        WeightedBehaviour(**{**row, "transform": Transform.from_dict(row["transform"])})
        for row in metric["behaviours"]
    )
    return EngagementMetric("x", "driver", 84, 84, behaviours).definition_hash


@pytest.mark.parametrize("nothing", [None, "empty"])
def test_any_part_may_be_missing(record: Record, nothing: str | None) -> None:
    for key, value in record.items():
        stripped = {**record, key: None if nothing is None else type(value)()}
        Page(render_report(stripped))
        Page(render_report({name: item for name, item in record.items() if name != key}))


def test_every_number_may_be_missing(record: Record) -> None:
    metric = record["metric"]
    for path in list(paths_of(record)):
        record = changed(record, path, None)
    Page(render_report({**record, "metric": metric}))


def test_every_text_may_be_missing(record: Record) -> None:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items()}
        if isinstance(value, list):
            return [without(item) for item in value]
        return None if isinstance(value, str) else value

    Page(render_report({**without(record), "metric": record["metric"]}))


def test_a_record_and_its_dictionary_give_the_same_page(record: Record) -> None:
    run = RunRecord(**{key: value for key, value in record.items() if key != "format"})
    assert render_report(run) == render_report(run.to_dict()) == render_report(record)


def test_the_same_record_gives_the_same_bytes_in_every_process(record: Record) -> None:
    code = (
        "import json, sys; from engagement_ml.report import render_report; "
        "sys.stdout.buffer.write(render_report(json.load(sys.stdin)).encode())"
    )
    pages = [
        subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(record).encode(),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert pages[0] == pages[1] == render_report(record).encode()


def test_the_report_needs_no_heavy_library() -> None:
    code = (
        "import sys; from engagement_ml.report import render_report; render_report({}); "
        "print({'mlflow', 'shap', 'lightgbm', 'sklearn', 'matplotlib', 'pandas'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_whoever_engages_is_called_by_their_name(record: Record) -> None:
    record["entity"], record["tables"], record["notes"] = "agency", [], []
    record["drivers"] = [{**row, "reason": ""} for row in record["drivers"]]
    record["checks"] = []
    text = Page(render_report(record)).text.replace("customer_id", "")
    assert "7,904 agencies" in text
    assert "when the same agency does more of it than usual" in text
    assert "customer" not in text


def test_another_currency(record: Record) -> None:
    record["currency"] = "CHF"
    record["drivers"] = [{**row, "reason": ""} for row in record["drivers"]]
    text = Page(render_report(record)).text
    assert "5.22 CHF to 7.62 CHF" in text
    assert "€" not in text


def test_a_damaged_metric_is_refused(record: Record) -> None:
    record["metric"]["behaviours"][0]["weight"] = 60.0
    with pytest.raises(InputError, match="weights add up to"):
        render_report(record)


def test_what_the_metric_does_not_beat_is_said_plainly(record: Record) -> None:
    text = Page(render_report(record)).text
    assert "Changes from 23 July 2023 to 7 January 2024: so far apart" in text
    # Equal weights lie level in the record, which is no defeat: they weigh the same behaviours.
    assert "So it is not shown that steering" not in text
    measured = record["evaluation"]["metric"]
    lead = {"value": 0.01, "low": -0.02, "high": 0.04}
    measured["within"]["total_events"]["difference"] = lead
    measured["vanity"]["social_like"]["difference"] = {"value": -0.1, "low": -0.2, "high": -0.05}
    measured["within"]["full_model"]["difference"] = {"value": -0.3, "low": -0.4, "high": -0.2}
    said = "not shown that steering by the metric is better than by total events and Like."
    assert said in Page(render_report(record)).text
    summary = " ".join(str(line) for line in summary_lines(record) if not hasattr(line, "columns"))
    assert said in summary
    measured["within"]["equal_weights"]["difference"] = {"value": -0.1, "low": -0.2, "high": -0.05}
    assert "better than by equal weights, total events" in Page(render_report(record)).text


def test_changes_that_were_not_measured_are_not_described(record: Record) -> None:
    measured = record["evaluation"]["metric"]
    measured["pairs"], measured["earlier_margin_seen_in_fitting"] = [], None
    assert "so far apart that no window" not in Page(render_report(record)).text
    record["config"]["segments"] = ["region"]
    measured["pairs"] = [["2023-07-23", "2024-01-07"]]
    assert "moves all customers of a segment (region) at once" in Page(render_report(record)).text
