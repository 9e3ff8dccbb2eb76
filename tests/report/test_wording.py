"""The words of the page: plain, the same everywhere, and true of the run at hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engagement_ml.metric import Transform
from engagement_ml.report import render_report
from engagement_ml.report.view import without_folders
from tests.report.conftest import make_metric
from tests.report.test_page import Page, hash_of

Record = dict[str, Any]
DIALECT = (
    "foretell", "foretells", "steer", "steers", "steering", "nought", "whoever", "liking", "anew",
    "attack", "attacks", "attacked", "learnt", "besides", "entity", "entities", "worlds", "told",
    "nobody", "so many",
)  # fmt: skip


def page(record: Record) -> Page:
    return Page(render_report(record))


def without_reasons(record: Record) -> Record:
    """The record without the sentences that the search for drivers writes."""
    record["drivers"] = [{**row, "reason": ""} for row in record["drivers"]]
    record["checks"], record["notes"] = [], []
    return record


def with_transforms(record: Record, *kinds: str) -> Record:
    made = {
        "linear": Transform("linear", None, None, 6.0),
        "log1p": Transform("log1p", 2.0, None, 6.0),
        "late": Transform("hill", 2.5, 2.0, 8.0),
    }
    behaviours = make_metric().behaviours
    changed = [
        {**each, "transform": made[kind].to_dict()}
        for each, kind in zip(
            make_metric(behaviours=behaviours).to_dict()["behaviours"], kinds, strict=True
        )
    ]
    record["metric"] |= {"behaviours": changed}
    record["metric"]["definition_hash"] = hash_of(record["metric"])
    return record


def test_no_word_of_the_old_dialect_is_left(any_record: Record) -> None:
    text = page(without_reasons(any_record)).text.lower()
    found = [word for word in DIALECT if re.search(rf"\b{word}\b", text)]
    assert found == []


def test_amounts_and_minus_signs_are_written_one_way(record: Record) -> None:
    text = page(without_reasons(record)).text
    assert "−€3.05" in text
    # The SQL of the metric has minus signs too.
    sql = text.index("In the warehouse"), text.index("Misleading indicators", 900)
    prose = text[: sql[0]] + text[sql[1] :]
    assert not re.search(r"(?<![\w-])-\s?[€\d]", prose)
    assert "€−" not in text
    assert not re.search(r"\d EUR\b", text)


@pytest.mark.parametrize(
    ("entity", "entities"),
    [("company", "companies"), ("branch", "branches"), ("person", "people"),
     ("employee", "employees")],
)  # fmt: skip
def test_the_noun_of_the_configuration_has_its_plural(
    any_record: Record, entity: str, entities: str
) -> None:
    record = without_reasons(any_record)
    record["entity"], record["tables"] = entity, []
    text = page(record).text.replace("customer_id", "")
    assert entities in text
    assert not re.search(rf"\b{entity}s\b", text) or entities == f"{entity}s"
    assert "customer" not in text.replace("sample.customers", "")


def test_people_read_labels_instead_of_event_types(record: Record) -> None:
    for row in record["drivers"]:
        if row["behaviour"] == "page_view":
            row["label"] = "Page viewed"
    record["checks"][0]["result"] = "tutorial_done 39, wishlist_add 35"
    record["notes"] = ["Suspected of following purchases: order_tracking."]
    text = page(record).text
    assert "The best single behaviour is Page viewed, chosen on the training cutoffs." in text
    assert "Tutorial finished 39, Wish list 35" in text
    assert "Suspected of following purchases: Order tracking." in text


def test_an_event_type_that_is_an_ordinary_word_stays_in_sentences(record: Record) -> None:
    record["drivers"][0] |= {"behaviour": "call", "label": "Advisor call"}
    record["notes"] = ["Customers who call are loyal."]
    assert "Customers who call are loyal." in page(record).text


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("linear",) * 3, "Each event earns the same number of points, up to the maximum of each"),
        (("log1p",) * 3, "The first events earn the most points, up to the maximum of each"),
        (("late",) * 3, "The points per event rise at first, then fall, up to the maximum"),
    ],
)
def test_points_are_described_as_the_transform_gives_them(
    record: Record, kinds: tuple[str, ...], expected: str
) -> None:
    assert expected in page(with_transforms(record, *kinds)).text


def test_transforms_of_different_kinds_are_described_apart(record: Record) -> None:
    text = page(with_transforms(record, "linear", "log1p", "log1p")).text
    assert "Events earn points up to the maximum of each behaviour." in text
    assert text.count("each event earns the same number of points") == 1
    assert text.count("the first events earn the most points") == 2


def test_one_behaviour_is_not_spoken_of_in_the_plural(single: Record) -> None:
    text = page(single).text
    for expected in (
        "One behaviour moves margin: Tutorial finished.",
        "The metric turns it into a score from 0 to 100. It was chosen because margin is higher",
        "Count Tutorial finished over the last 84 days. Each event earns the same number of "
        "points, up to 6 events. The points are the score, from 0 to 100.",
        "For example, 2 × Tutorial finished gives a score of 33.",
        "The one robustness check passed.",
        "No difference of the effect is shown between the segments of country.",
    ):
        assert expected in text
    assert "Points of 100" not in text
    for other in ("Each was", "combines them", "heaviest", "of each behaviour", "equal weights"):
        assert other not in text


def test_drivers_beyond_those_of_the_metric_are_counted(single: Record) -> None:
    for row in single["drivers"]:
        if row["behaviour"] in ("advisor_call", "wishlist_add"):
            row["verdict"] = "driver"
    text = page(single).text
    assert "Three behaviours move margin; the metric uses one: Tutorial finished." in text


def test_an_abstention_does_not_say_that_findings_passed_checks(abstention: Record) -> None:
    html = render_report(abstention)
    text = Page(html).text
    assert "No behaviour was selected, so there is no finding to check." in text
    checks = html[html.index('<section id="checks"') :]
    checks = checks[: checks.index("</section>")]
    assert "passed<" not in checks
    assert "failed<" not in checks
    assert "It does not show that no behaviour moves margin" in text


def test_the_headline_says_which_checks_failed(record: Record) -> None:
    failed = "Wish list. 3 of 4 robustness checks passed; failed: Order of things."
    text = page(record).text
    assert failed in text
    assert "survived" not in text
    record["checks"] = [check for check in record["checks"] if check["passed"] is not False]
    text = page(record).text
    assert "failed:" not in text
    assert "does more of it than usual. All three robustness checks passed." in text.replace(
        "All 3", "All three"
    )


def test_a_test_that_contradicts_observation_is_in_the_lead(record: Record) -> None:
    assert "contradicts" not in page(record).text
    row = next(row for row in record["drivers"] if row["behaviour"] == "social_like")
    row |= {"basis": "experiment", "verdict": "inert", "observed_verdict": "driver"}
    text = page(record).text
    assert "A randomised test contradicts what observation said of Like. The other" in text
    row["observed_verdict"] = "vanity"
    assert "contradicts" not in page(record).text


def test_an_indicator_says_what_its_behaviours_are(indicator: Record) -> None:
    for row in indicator["drivers"]:
        if row["behaviour"] in ("tutorial_done", "advisor_call", "wishlist_add"):
            row["verdict"] = "inert" if row["behaviour"] == "wishlist_add" else "vanity"
    text = page(indicator).text
    assert (
        "No behaviour could be shown to move margin. The verdict is vanity for Tutorial finished "
        "and Advisor call; inert for Wish list." in text
    )


def test_a_harmful_curve_is_not_drawn_in_the_good_colour(record: Record) -> None:
    curve = record["responses"]["wishlist_add"]
    record["responses"] = {
        "wishlist_add": curve,
        "coupon_use": {
            **curve,
            **{key: [-value for value in curve[key]] for key in ("effect", "low", "high")},
            "saturation_point": None,
        },
    }
    html = render_report(record)
    assert html.count('class="plot good"') == 1
    assert html.count('class="plot bad"') == 1
    assert html.count('<figure class="card bad">') == 1
    style = html[: html.index("</style>")]
    assert ".plot.bad .line" in style


def test_technical_details_are_folded_and_name_no_folder(record: Record) -> None:
    record["tables"][0]["source"] = "/home/ann/shop/events.parquet"
    record["tables"][1]["source"] = "C:\\Users\\ann\\transactions.csv"
    record["registered"]["tracking_uri"] = "sqlite:////home/ann/mlruns/mlflow.db"
    record["experiments"]["results"][0]["source"] = "/home/ann/tests/nudge.csv"
    html = render_report(record)
    assert "ann" not in re.sub(r"[a-z]ann|ann[a-z]", "", html)
    assert "/home" not in html
    text = Page(html).text
    for name in ("events.parquet", "transactions.csv", "sqlite: mlflow.db", "nudge.csv"):
        assert name in text
    versions = html[html.index('<section id="versions"') :]
    assert versions.index("<details>") < versions.index("<dl")
    assert "open" not in versions[versions.index("<details") : versions.index("<summary")]


@pytest.mark.parametrize(
    ("place", "shown"),
    [("events.csv", "events.csv"), ("data/events.csv", "events.csv"), ("FOLDER", "FOLDER"),
     ("runs:/0f3a/model", "runs:/0f3a/model"), ("shop.duckdb::events", "shop.duckdb::events"),
     ("postgresql://ann:secret@db.example/x", "postgresql://db.example"),
     ("file:///home/ann/mlruns", "file: mlruns"), ("D:/ann/e.parquet", "e.parquet")],
)  # fmt: skip
def test_places_are_shown_without_folders(place: str, shown: str) -> None:
    assert without_folders(place) == shown


def test_z_is_explained_and_not_set_beside_its_interval(record: Record) -> None:
    text = page(without_reasons(record)).text
    assert not re.search(r"\bz −?\d", text)
    assert "The 95% interval also allows for errors of the model's form" in text


def test_the_statistics_are_explained(record: Record) -> None:
    html = render_report(record)
    glossary = html[html.index('<section id="glossary"') :]
    for term in (
        "Rank correlation (Spearman)", "SHAP importance", "<dt>z</dt>", "Robustness value",
        "A bootstrap repeats", "95% interval", "p-value", "Placebo", "Predicts",
        "Moves with margin", "Standard deviation",
        *("driver", "harmful", "vanity", "consequence", "inert", "unverifiable"),
    ):  # fmt: skip
        assert term in glossary


def test_a_single_cutoff_and_a_single_day_are_singular(record: Record) -> None:
    windows = record["windows"]
    windows |= {"train": windows["train"][:1], "test": windows["test"][:1], "gap_days": 1}
    record["experiments"]["results"][0]["days"] = 1
    record["drivers"][0]["saturation_point"] = 1.0
    text = page(record).text
    assert "1 cutoff date was used for training and 1 for evaluation." in text
    assert "the 84 days that start 1 day after it" in text
    assert "measured over 1 day, not rescaled to 84" in text
    assert "pays up to 1 event " in text
    assert not re.search(
        r"\b1 (days|events|cutoffs|periods|customers|checks|points)\b", text.replace("10", "")
    )


def test_the_report_lists_the_metrics_behaviours_heaviest_first(record: Record) -> None:
    metric = record["metric"]
    metric["behaviours"] = metric["behaviours"][::-1]
    html = render_report(record)
    section = html[html.index('<section id="metric"') : html.index('<section id="naive"')]
    rows = [section.index(f'"name">{label}<') for label in (
        "Tutorial finished", "Advisor call", "Wish list",
    )]  # fmt: skip
    assert rows == sorted(rows)


def test_a_ranking_of_drivers_is_not_called_misleading(record: Record) -> None:
    assert "Misleading indicators" in page(record).text
    record["drivers"] = [{**row, "verdict": "driver"} for row in record["drivers"]]
    assert "Misleading indicators" not in page(record).text
