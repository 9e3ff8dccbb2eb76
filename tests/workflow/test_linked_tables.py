"""Training, scoring and monitoring with links, through every door."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

import engagement_ml as em
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.inputs import read_tables
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from tests.inputs.test_links import make_frames

STRAIGHT = Transform("linear", scale=None, shape=None, cap=40)


def weighted(name: str, weight: float) -> WeightedBehaviour:
    return WeightedBehaviour(name, weight, None, None, "frequency", "events", STRAIGHT)


@pytest.fixture(scope="module")
def metric() -> EngagementMetric:
    behaviours = (weighted("rep.visit", 60), weighted("user.active", 30), weighted("visit", 10))
    derived = ("rep.visit", "user.active")
    return EngagementMetric("shop", "driver", 28, 28, behaviours, derived=derived)


@pytest.fixture(scope="module")
def frames():
    return make_frames()


def test_scores_count_what_training_counts(metric, frames):
    with open_duckdb() as engine:
        tables = read_tables(PipelineConfig(name="shop"), engine, frames)
        end = tables.history.end
        events = tables.events.collect().to_pandas()
    inside = events["timestamp"] >= pd.Timestamp(end) - pd.Timedelta(days=28)
    counts = events[inside].groupby(["customer_id", "event_type"]).size().unstack(fill_value=0)
    expected = metric.score(counts.reset_index())["score"].to_numpy()
    known = frames["transactions"][["customer_id"]].drop_duplicates()
    scores = em.score(
        metric, frames["events"], links=frames["links"], customers=known, as_of=end
    ).frame
    expected = pd.Series(expected, index=counts.index).reindex(scores["customer_id"], fill_value=0)
    assert scores["score"].tolist() == pytest.approx(expected.tolist())
    assert (scores["score"] > 0).sum() > 8


def test_actors_who_are_no_customers_are_not_scored_and_that_is_said(metric, frames):
    scores = em.score(metric, frames["events"], links=frames["links"])
    actors = set(frames["links"]["actor_id"])
    assert not actors & set(scores.frame["customer_id"])
    assert any("5 actors with events are no customer and not scored" in n for n in scores.notes)


def test_a_metric_of_links_needs_them(metric, frames, tmp_path):
    with pytest.raises(InputError, match=r"'rep\.visit' and 'user\.active'") as caught:
        em.score(metric, frames["events"])
    assert "--links" in str(caught.value)
    frames["links"].to_parquet(tmp_path / "links.parquet")
    config = {"name": "shop", "sources": {"links": str(tmp_path / "links.parquet")}}
    by_config = em.score(metric, frames["events"], config=PipelineConfig.model_validate(config))
    by_frame = em.score(metric, frames["events"], links=frames["links"])
    pd.testing.assert_frame_equal(by_config.frame, by_frame.frame)


def test_links_that_match_nothing_are_refused_when_scoring(metric, frames):
    links = frames["links"].assign(actor_id="nobody")
    with pytest.raises(InputError, match="no event of an actor"):
        em.score(metric, frames["events"], links=links)


def test_sql_cannot_count_what_links_make(metric):
    for write in (
        lambda: metric.to_sql_events("log", "2024-04-01"),
        lambda: metric.score_events(make_frames()["events"], "2024-03-01"),
    ):
        with pytest.raises(InputError, match="cannot be counted in events alone"):
            write()
    assert "rep.visit" in metric.to_sql("counts")


def test_derived_behaviours_are_kept_in_the_file(metric, tmp_path):
    metric.to_json(tmp_path / "metric.json")
    assert EngagementMetric.from_json(tmp_path / "metric.json") == metric
    with pytest.raises(InputError, match="'derived'"):
        EngagementMetric("shop", "driver", 28, 28, (weighted("visit", 100),), derived=("x",))


def test_the_command_line_reads_links(metric, frames, tmp_path):
    from typer.testing import CliRunner

    from engagement_ml.cli.app import app

    metric.to_json(tmp_path / "metric.json")
    for name in ("events", "links"):
        frames[name].to_csv(tmp_path / f"{name}.csv", index=False)
    command = ["score", str(tmp_path / "metric.json"), str(tmp_path / "events.csv")]
    command += ["--output", str(tmp_path / "scores.csv")]
    missing = CliRunner().invoke(app, command)
    assert missing.exit_code == 2
    done = CliRunner().invoke(app, [*command, "--links", str(tmp_path / "links.csv")])
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv(tmp_path / "scores.csv")) == 12


def test_training_with_links_makes_a_metric_that_names_them(frames, monkeypatch):
    from engagement_ml import drivers
    from tests.conftest import stand_in_search

    monkeypatch.setattr(
        drivers, "find_drivers", stand_in_search("rep.visit", "visit"), raising=False
    )
    windows = {"observation_days": 14, "outcome_days": 14, "every_days": 7}
    model = em.EngagementModel(name="shop", windows=windows, tracking={"uri": None})
    model.fit(frames["events"], frames["transactions"], links=frames["links"])
    assert model.metric_.derived == ("rep.visit",)
    scored = model.score(frames["events"], dt.date(2024, 3, 11), links=frames["links"])
    assert (scored["rep.visit__points"] > 0).any()
    panel = em.features(
        frames["events"], frames["transactions"], links=frames["links"], windows=windows
    )
    assert "rep.visit__frequency" in panel
    assert "cluster" not in panel
    actors = em.features(
        frames["events"],
        frames["transactions"],
        config={"name": "shop", "links": {"level": "actors"}, "windows": windows,
                "sources": {}},
        **{"links": frames["links"]},
    )  # fmt: skip
    assert set(actors["customer_id"]) <= set(frames["links"]["actor_id"])
