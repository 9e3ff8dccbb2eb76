"""The whole way from tables to a scorecard and its files."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

import engagement_ml as em
from engagement_ml.config import parse_config
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.scorecard.card import Scorecard
from engagement_ml.scorecard.rows import COLUMNS
from tests.conftest import SETTINGS

KEYS = {
    "measures": {
        "page_view": {"kind": "events", "event": "page_view", "target": 3, "better": "more"},
        "retention": {"target": "60%", "owner": "Ann", "target_source": "a paper"},
        "started": {
            "kind": "conversion", "start": "tutorial_start", "goal": "tutorial_done",
            "within_days": 7, "target": 99,
        },
    },
    "journey": {
        "consideration": {"owner": "Bob", "measures": ["started"], "warning_signs": ["few starts"]},
        "retention": {},
    },
    "goals": [
        {"name": "More tutorials", "measure": "tutorial_done", "target": 2,
         "start": "2024-07-01", "end": "2024-12-31"},
        {"name": "Spring keeps", "measure": "retention", "target": 90, "campaign": "spring",
         "start": "2024-07-01", "end": "2024-12-31"},
    ],
    "benchmarks": [
        {"measure": "retention", "value": 70, "source": "a survey", "date": "2023-01-01"}
    ],
    # Not all, for speed.
    "scorecard": {
        "periods": 6,
        "show": ["page_view", "started", "wishlist_add", "social_like", "nps", "dau", "clv",
                 "margin_per_customer", "engagement_score"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def frames(small_shop):
    """The small shop, with campaigns and a survey."""
    events = small_shop.events.copy()
    few = events["customer_id"].isin(sorted(events["customer_id"].unique())[:60])
    events["campaign"] = None
    events.loc[few & (events["event_type"] == "email_open"), "campaign"] = "spring"
    last = events["timestamp"].max()
    ids = sorted(events["customer_id"].unique())[:40]
    surveys = pd.DataFrame(
        {
            "customer_id": ids * 2,
            "timestamp": [last - pd.Timedelta(days=40)] * 40 + [last - pd.Timedelta(days=12)] * 40,
            "survey": "nps",
            "score": [9, 3, 7, 10] * 20,
            "comment": "slow",
        }
    )
    return {
        "events": events,
        "transactions": small_shop.transactions,
        "customers": small_shop.customers,
        "surveys": surveys,
    }


@pytest.fixture(scope="module")
def config(trained):
    return parse_config({**SETTINGS, **KEYS, "tracking": {"uri": trained.store}})


@pytest.fixture(scope="module")
def made(trained, frames, config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("card") / "card"
    steps: list[str] = []
    result = em.scorecard(
        config, model=trained.folder, frames=frames, since="2024-08-10", output=folder,
        progress=False, on_step=steps.append,
    )  # fmt: skip
    return SimpleNamespace(result=result, card=result.card, folder=folder, steps=steps)


def test_files_hold_what_the_result_holds(made):
    assert sorted(each.name for each in made.folder.iterdir()) == [
        "scorecard.html", "scorecard.json", "scorecard.parquet",
    ]  # fmt: skip
    stored = json.loads((made.folder / "scorecard.json").read_text())
    assert stored == made.result.to_dict()
    assert stored["format"] == 1
    read = pd.read_parquet(made.folder / "scorecard.parquet")
    assert tuple(read.columns) == COLUMNS
    pd.testing.assert_frame_equal(read, made.result.frame, check_dtype=False)
    types = pq.read_schema(made.folder / "scorecard.parquet")
    assert str(types.field("n").type) == "int64"
    assert str(types.field("value").type) == "double"
    page = (made.folder / "scorecard.html").read_text()
    assert "Spring keeps" in page
    assert made.steps[-1] == "Writing the scorecard"


def test_the_stored_card_has_the_types_of_the_card(made):
    stored = json.loads((made.folder / "scorecard.json").read_text())
    del stored["format"]
    read = TypeAdapter(Scorecard).validate_python(stored)
    for part in ("measures", "score", "goals", "stages", "changes", "engaged_buying", "periods"):
        assert getattr(read, part) == getattr(made.card, part)


def test_links_are_the_verdicts_of_the_run(made):
    assert made.card.measure("tutorial_done").link.kind == "linked"
    assert made.card.measure("wishlist_add").link.kind == "linked"
    assert made.card.measure("page_view").link.kind == "vanity"
    assert made.card.measure("started").link.kind == "mixed"
    assert made.card.measure("dau").link.kind == "mixed"
    assert made.card.measure("retention").link.kind == "none"
    assert made.card.measure("tutorial_done").better == "more"
    assert made.card.measure("social_like").better is None
    assert made.card.measure("nps").link.kind not in ("linked", "none")


def test_a_vanity_measure_that_meets_its_target_is_to_stop(made):
    assert made.card.measure("page_view").status == "met"
    assert any(
        each.kind == "stop" and each.measure == "page_view" and "met" in each.sentence
        for each in made.card.actions
    )


def test_targets_owners_benchmarks_and_stages(made):
    retention, started = made.card.measure("retention"), made.card.measure("started")
    assert (retention.target, retention.target_source, retention.owner) == (60.0, "a paper", "Ann")
    assert retention.benchmarks[0].value == 70.0
    assert (started.stage, started.owner, started.status) == ("consideration", "Bob", "missed")
    first, last = made.card.stages
    assert "started" in first.measures
    assert (first.leads_to, last.leads_to) == ("retention", "consideration")
    assert first.warning_signs[0] == "few starts"
    assert any(a.owner == "Bob" and a.measure == "started" for a in made.card.actions)


def test_events_per_customer_are_counted_right(made, frames):
    card = made.card.measure("tutorial_done")
    events = frames["events"]
    month = events["timestamp"].dt.strftime("%Y-%m") == card.period
    counted = int((month & (events["event_type"] == "tutorial_done")).sum())
    assert card.latest.numerator == counted
    assert card.latest.value == pytest.approx(counted / card.latest.denominator)


def test_scores_are_those_of_the_metric_at_the_end_of_the_period(made, trained, frames):
    label, value = list(made.card.score.series.items())[-1]
    end = (pd.Period(label) + 1).start_time.date()
    ids = frames["customers"]
    ids = ids[ids["signup"] < pd.Timestamp(end)]
    scored = em.score(trained.folder, frames["events"], customers=ids, as_of=end, progress=False)
    frame = scored.frame
    assert value.n == len(frame)
    assert value.value == pytest.approx(frame["score"].mean(), abs=1e-6)
    # The same numbers by another way: through the engine's sums by period.
    assert made.card.measure("engagement_score").latest.value == pytest.approx(value.value)
    engaged = int((frame["score"] >= made.card.engaged_buying.limit).sum())
    cells = made.card.engaged_buying.cells
    found = (cells[f"engaged {what}"]["customers"] for what in ("bought", "not bought"))
    assert sum(found) == engaged


def test_margin_goes_with_the_change_of_the_metric(made, trained):
    margin = made.card.score.margin
    assert margin.low < margin.value < margin.high
    assert margin.note == "if the effects are causal"


def test_goals_of_everybody_and_of_a_campaign(made):
    whole, spring = made.card.goals
    assert whole.measure == "tutorial_done"
    assert whole.latest.value == made.card.measure("tutorial_done").series["2024-09"].value
    assert spring.campaign == "spring"
    assert 0 < spring.latest.n < made.card.measure("retention").latest.n
    # The customers of a goal are no segment of the analyst's table.
    assert not any("goal" in name for m in made.card.measures for name in m.segments)
    assert "plan" in made.card.measure("retention").segments


def test_segments_add_up_to_the_whole(made):
    frame = made.result.frame
    rows = frame[(frame["measure"] == "margin_per_customer") & frame["touchpoint"].isna()]
    last = rows[rows["period"] == rows["period"].max()]
    whole = last[last["segment"].isna()].iloc[0]
    plans = last[last["segment"].fillna("").str.startswith("plan: ")]
    assert plans["denominator"].sum() == whole["denominator"]
    assert plans["numerator"].sum() == pytest.approx(whole["numerator"])


def test_the_review_compares_the_period_before_with_the_last(made):
    change = next(c for c in made.card.changes if c.measure == "tutorial_done")
    series = made.card.measure("tutorial_done").series
    assert change.before == series["2024-07"]
    assert change.after == series[made.card.periods[-1]]
    assert any("In factors:" in c.sentence for c in made.card.changes if c.measure == "clv")


def test_detractors_are_listed_with_their_words(made):
    (action,) = [a for a in made.card.actions if a.measure == "nps" and a.kind == "customers"]
    assert action.title.startswith("10 detractors")
    assert all("answered 3" in each["reason"] and "slow" in each["reason"]
               for each in action.customers)  # fmt: skip


def test_facts_are_few_and_notes_name_the_run(made, trained):
    assert 3 <= len(made.card.facts) <= 7
    assert str(trained.folder) in made.card.notes[0]
    text = repr(made.result)
    assert "Engagement score" in text
    assert "target 60.0%" in text
    assert "<table>" in made.result._repr_html_()


@pytest.mark.parametrize(
    ("keys", "error", "words"),
    [
        ({"measures": {"npss": {}}}, ConfigError, "'npss' is no measure.*did you mean 'nps'"),
        ({"measures": {"nps": {"goal": "x"}}}, ConfigError, r"measures.nps.goal"),
        ({"goals": [{**KEYS["goals"][0], "measure": "gone"}]}, ConfigError, "'gone' is no measure"),
        ({"goals": [{**KEYS["goals"][1], "campaign": "sprig"}]}, ConfigError,
         "campaign 'sprig' has no customer.*did you mean 'spring'"),
        ({"scorecard": {"show": ["gone"]}}, ConfigError, "scorecard.show': 'gone'"),
        ({"journey": {"a": {"measures": ["gone"]}}}, ConfigError, "journey.a.measures': 'gone'"),
        ({"windows": {"observation_days": 56, "outcome_days": 28}}, ConfigError,
         "windows.observation_days': 56"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(trained, frames, keys, error, words, tmp_path):
    given = parse_config({**SETTINGS, "tracking": {"uri": None}, "scorecard": {"segments": False},
                          **keys})  # fmt: skip
    with pytest.raises(error, match=words) as raised:
        em.scorecard(given, model=trained.folder, frames=frames, output=tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_day_of_review_that_cannot_be_used(trained, frames, config):
    for since, words in (("soon", "soon"), (dt.date(1999, 1, 1), "no period ended")):
        with pytest.raises(InputError, match=words):
            em.scorecard(config, model=trained.folder, frames=frames, since=since)


def test_a_model_that_is_none(config, frames, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        em.scorecard(config, model=tmp_path / "gone", frames=frames)
