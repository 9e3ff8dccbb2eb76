from __future__ import annotations

import base64
import copy
import hashlib
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
LOADS = {"link", "iframe", "img", "object", "embed", "base", "audio", "video", "source"}
HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Reads a page: elements, attributes, text; fails on a tag that is not closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.style = ""
        self.scripts: list[str] = []
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
        elif "script" in self.open:
            self.scripts.append(data)
        else:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    @property
    def files(self) -> dict[str, Any]:
        return dict(json.loads(self.scripts[0]))

    @property
    def values(self) -> Iterator[tuple[str, str, str]]:
        for tag, attributes in self.elements:
            for name, value in attributes.items():
                yield tag, name, value or ""


def test_a_behaviour_that_costs_margin_is_not_said_to_pay(record: Record) -> None:
    response = record["responses"]["tutorial_done"]
    for key in ("effect", "low", "high"):
        response[key] = [-value for value in response[key]]
    response["saturation_point"] = None
    text = Page(render_report(record)).text
    typical = text.index("Among customers who do it at all, the typical count is 2, ")
    assert "costing €" in text[typical : typical + 90]
    assert "Within the counts observed, each further event costs margin." in text


def test_a_response_that_turns_says_up_to_where_it_pays(record: Record) -> None:
    response = record["responses"]["tutorial_done"]
    response |= {"optimum": 3.0, "optimum_low": 2.0, "optimum_high": 4.0, "break_even": 6.0}
    row = {"segment": "plan", "value": "plus", "optimum": 5.0, "low": 4.0, "high": 6.0}
    unknown = {"segment": "plan", "value": "basic", "optimum": None, "low": None, "high": None}
    response["optima"] = [each | {"break_even": None, "n": 900} for each in (row, unknown)]
    text = Page(render_report(record)).text
    assert "Pays up to 3 (95% interval 2 to 4), which is worth €" in text
    assert "Costs beyond 6: the gain is used up there." in text
    assert "For plan plus, the optimum is 5 (4 to 6)." in text
    assert "For plan basic, no optimum lies within the counts observed." in text


def test_the_page_loads_nothing_and_runs_its_own_script_only(record: Record) -> None:
    page = Page(render_report(record))
    names = [tag for tag, _ in page.elements]
    (policy,) = [a for t, a in page.elements if t == "meta" and "http-equiv" in a]
    assert policy["http-equiv"] == "Content-Security-Policy"
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy["content"]).split(";"))
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'", "style-src": "'unsafe-inline'", "base-uri": "'none'",
        "form-action": "'none'", "script-src": f"'sha256-{digest}'",
    }  # fmt: skip
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "files"}, {}]
    # A policy holds for what follows it.
    assert names.index("meta") + 1 == page.elements.index(("meta", policy))
    assert names.index("style") > page.elements.index(("meta", policy))


def test_every_part_of_a_full_record_has_its_section(record: Record) -> None:
    page = Page(render_report(record))
    ids = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert ids == [
        "overview", "opportunity", "standing", "metric", "responses", "unprofitable",
        "experiments", "behaviours", "naive", "evaluation", "checks", "segments", "pairs", "data",
        "windows", "limits", "glossary", "versions",
    ]  # fmt: skip
    for expected in (
        "Three behaviours move margin: Tutorial finished, Advisor call and Wish list.",
        "One behaviour lowers margin: Coupon used.",
        "46.3", "41.0 to 51.9", "€6.42", "€5.22 to €7.62",
        "would have chosen page_view, Like and Opened e-mail. None of them is a driver.",
        "From 5 on, one more event no longer pays for itself.",
        "Within the counts observed, one more event still pays.",
        "€9.87 before the €4.00 that serving one event costs",
        "Higher: the best single behaviour (0.44), total events (0.46)",
        "indistinguishable from equal weights",
        "3 of 4 robustness checks passed; failed: Order of things.",
        "In 1 of 2 combinations of segment column and behaviour, the effect differs",
        "Wish list raises margin for country DE (€3.10 per event) and lowers it for country FR "
        "(−€0.80 per event) (Q 44.8 with 1 degree of freedom, p < 0.001, I² 98%, "
        "standard deviation between segments €2.73).",
        "Of the 2 pairs among 3 behaviours that may have an effect, 1 has an interaction.",
        "Tutorial finished with Advisor call", "< 0.001", "Placebo outcome",
        "Of the 1,976 customers with the highest 25% of scores, 214 (11%) cost more than they",
        "Together they cost €4,822 over 84 days.",
        "The best single behaviour is page_view, chosen on the training cutoffs.",
        "2,092", "1,204,331", ">99.9%", "412 repeated event_id",
        "Nothing from 15 October 2023 on was used for training.",
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
    assert "No behaviour could be shown to move margin. Therefore there is no metric." in page.text
    assert "set select: {require: indicator} for a metric that predicts" in page.text
    assert 'id="metric"' not in render_report(abstention)
    assert "engagement-ml score" not in page.text


def test_an_indicator_says_what_it_is_not_and_claims_no_worth(indicator: Record) -> None:
    page = Page(render_report(indicator)).text
    assert (
        "The indicator of Tutorial finished, Advisor call and Wish list predicts margin less well "
        "than each of its baselines: the best single behaviour, total events and "
        "recency-frequency-monetary." in page
    )
    assert page.count("is no proof that raising it raises margin") == 2
    assert "One more event is worth" not in page
    assert "move margin:" not in page
    assert (
        "The metric does not predict margin better than recency-frequency-monetary alone." in page
    )


def test_an_indicator_that_beats_recency_frequency_monetary_says_so(indicator: Record) -> None:
    across = indicator["evaluation"]["metric"]["across"]
    across["recency_frequency_monetary"]["spearman"]["value"] = 0.2
    page = Page(render_report(indicator)).text
    assert "The metric predicts margin better than recency-frequency-monetary alone." in page
    assert (
        "Three behaviours predict margin, less well than the best single behaviour and total "
        "events: Tutorial finished, Advisor call and Wish list." in page
    )
    for name in ("best_single_behaviour", "total_events"):
        across[name]["spearman"]["value"] = 0.2
    page = Page(render_report(indicator)).text
    assert "Three behaviours predict margin: Tutorial finished, Advisor call and Wish list." in page


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
    # The SQL names texts that are no customers, such as 'undefined'.
    page = re.sub(r"<pre.*?</pre>", "", render_report(any_record), flags=re.DOTALL)
    text = Page(page).text
    assert not re.search(r"\b(nan|None(?! of them)|inf|undefined|Undefined)\b", text)
    assert "{'" not in text


def test_names_of_users_are_shown_and_never_run(hostile: Record) -> None:
    html = render_report(hostile)
    page = Page(html)
    assert len(page.scripts) == 2
    assert HOSTILE not in html
    assert HOSTILE in page.files["drivers.csv"]
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
    r"format", r"config\.windows\..*", r"evaluation\.(format|n_rows)",
    r"drivers\..*\.(log_rate_after_purchases|z)",  # the interval, which is wider, is shown
    r"evaluation\.(profit|churn)\.calibration\.\d+\.(decile|n)",
    r"evaluation\.churn\.rate\.(low|high)",
    r"evaluation\.metric\.across\..*\.(top_decile_lift|signal_kept)\.(low|high)",
    r"segments\..*\.p_value",  # that of its test, which is shown
    r"unprofitable\.share",  # that of the two counts, which are shown
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
        "Randomised tests One randomised test of one behaviour. A randomised test outranks "
        "observational data",
        "One verdict differs from that of observational data.",
        "Like Nudge in May €0.11 −€0.09 to €0.31 +1.83 1.64 to 2.02 €0.06 −€0.05 to €0.17",
        "◇ vanity → ○ inert",
        "2,104 treated, 2,096 control nudge.csv measured over 28 days, not rescaled to 84",
        "No significant difference by plan (p 0.201).",
        "What to test next",
    ):
        assert expected in text
    record["experiments"]["results"] = []
    text = Page(render_report(record)).text
    assert "Randomised tests" not in text
    assert "The table gives the number of customers per group for 80% power" in text


@pytest.mark.parametrize(("tested", "words"), [
    (1, "Tutorial finished was chosen because a randomised test found that it raises margin; each"),
    (3, "from 0 to 100. Each was chosen because a randomised test found that it raises margin."),
])  # fmt: skip
def test_a_randomised_test_is_not_called_observational_data(
    record: Record, tested: int, words: str
) -> None:
    for row in [row for row in record["drivers"] if row["selected"]][:tested]:
        row["basis"] = "experiment"
    text = Page(render_report(record)).text
    assert words in text
    assert "A randomised test supports Tutorial finished" in text


@pytest.mark.parametrize(
    ("answers", "lead"),
    [
        ([True], "The one robustness check passed."),
        ([True, True, None], "Both robustness checks passed."),
        ([False, True], "1 of 2 robustness checks passed; failed: a."),
        ([False], "The one robustness check failed."),
        ([None], "These checks inform; none of them passes or fails."),
    ],
)  # fmt: skip
def test_checks_are_counted(record: Record, answers: list[bool | None], lead: str) -> None:
    record["checks"] = [{"name": "a", "question": "b", "result": "0", "passed": a} for a in answers]
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


# Parts that earlier versions did not write, or that a run may have nothing of.
OPTIONAL = {
    "sample", "choices", "naive", "responses", "checks", "segments", "pairs", "unprofitable",
    "experiments", "notes", "heterogeneity", "registered", "seconds", "further",
}  # fmt: skip


def refusal(record: Record) -> str | None:
    """The message with which a record is refused, one line that names the key; None if read."""
    try:
        RunRecord.from_dict(record)
    except InputError as error:
        message = str(error)
    else:
        return None
    assert "\n" not in message
    assert "key '" in message
    return message


def test_a_part_that_is_missing_has_no_section_or_is_refused(record: Record) -> None:
    for key in record:
        without = {name: item for name, item in record.items() if name != key}
        assert (refusal(without) is None) == (key in OPTIONAL), key
        if key in OPTIONAL:
            Page(render_report(without))


def test_a_part_without_content_has_no_section(record: Record) -> None:
    for key, value in record.items():
        if isinstance(value, dict | list) and key not in ("metric", "windows"):
            none = None if key == "unprofitable" else type(value)()
            Page(render_report({**record, key: none}))


def test_a_number_that_is_null_is_a_dash_or_refused(record: Record) -> None:
    tried: set[str] = set()
    for path in list(paths_of(record)):
        pattern = ".".join("*" if isinstance(part, int) else part for part in path)
        if path[0] == "metric" or "calibration" in path or pattern in tried:
            continue
        tried.add(pattern)
        null = changed(record, path, None)
        if refusal(null) is None:
            record = null
    text = Page(render_report(record)).text
    assert "–" in text
    assert record["drivers"][0]["effect"] is None
    assert record["evaluation"]["profit"]["r2"]["value"] is None


def test_a_record_and_its_dictionary_give_the_same_page(record: Record) -> None:
    run = RunRecord.from_dict(record)
    assert render_report(run) == render_report(run.to_dict()) == render_report(record)


@pytest.mark.seldom
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
        "import sys; from engagement_ml.report import render_report; render_report; "
        "print({'mlflow', 'shap', 'lightgbm', 'sklearn', 'matplotlib', 'pandas'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_customers_are_called_by_the_configured_noun(record: Record) -> None:
    record["entity"], record["tables"], record["notes"] = "agency", [], []
    record["drivers"] = [{**row, "reason": ""} for row in record["drivers"]]
    record["checks"] = []
    text = Page(render_report(record)).text.replace("customer_id", "")
    assert "7,904 agencies" in text
    assert "when the same agency does more of it than usual" in text
    assert "agencys" not in text
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


def test_baselines_that_the_metric_does_not_beat_are_named(record: Record) -> None:
    text = Page(render_report(record)).text
    assert "Changes from 23 July 2023 to 7 January 2024; the time windows of two" in text
    # Equal weights are on a level in the record, which is no defeat: the behaviours are the same.
    assert "Not shown to move with margin" not in text
    measured = record["evaluation"]["metric"]
    lead = {"value": 0.01, "low": -0.02, "high": 0.04}
    measured["within"]["total_events"]["difference"] = lead
    measured["vanity"]["social_like"]["difference"] = {"value": -0.1, "low": -0.2, "high": -0.05}
    measured["within"]["full_model"]["difference"] = {"value": -0.3, "low": -0.4, "high": -0.2}
    unbeaten = "Not shown to move with margin more closely than total events and Like."
    assert unbeaten in Page(render_report(record)).text
    summary = " ".join(str(line) for line in summary_lines(record) if not hasattr(line, "columns"))
    assert unbeaten in summary
    measured["within"]["equal_weights"]["difference"] = {"value": -0.1, "low": -0.2, "high": -0.05}
    assert "more closely than equal weights, total events" in Page(render_report(record)).text


def test_changes_that_were_not_measured_are_not_described(record: Record) -> None:
    measured = record["evaluation"]["metric"]
    measured["pairs"], measured["earlier_margin_seen_in_fitting"] = [], None
    assert "the time windows of two compared dates" not in Page(render_report(record)).text
    record["config"]["segments"] = ["region"]
    measured["pairs"] = [["2023-07-23", "2024-01-07"]]
    text = Page(render_report(record)).text
    assert "Changes that all customers of a segment (region) share are removed first" in text


def test_a_measure_that_was_added_has_a_column(record: Record) -> None:
    profit = record["evaluation"]["profit"]
    profit["bias"] = {"value": -3.25, "low": -4.0, "high": -2.5}
    profit["baselines"]["last_period_margin"]["bias"] = {"value": 7.125, "low": 6.0, "high": 8.0}
    text = Page(render_report(record)).text
    assert "R² Rank correlation Gini bias" in text
    assert "−3.25 −4.00 to −2.50" in text
    assert "7.12 6.00 to 8.00" in text
