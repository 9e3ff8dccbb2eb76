"""Evaluating, scoring and reporting with a trained run, by folder and by MLflow URI."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import read_config
from engagement_ml.datasets import make_shop
from engagement_ml.errors import ConfigError, InputError, NotEnoughDataError, TrackingError
from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow import evaluate, report, score, train, write_features
from engagement_ml.workflow.runs import open_run


@pytest.fixture
def home(trained, tmp_path, monkeypatch) -> SimpleNamespace:
    """Another folder, with MLflow set to the store; `by` names the same run in every way."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", trained.store)
    run_id = trained.result.registered["run_id"]
    by = {
        "folder": str(trained.folder),
        "alias": "models:/small-shop@champion",
        "version": "models:/small-shop/1",
        "run": f"runs:/{run_id}",
    }
    return SimpleNamespace(path=tmp_path, by=by, **vars(trained))


WAYS = ["folder", "alias", "version", "run"]


@pytest.mark.parametrize("way", ["folder", "alias"])
def test_evaluating_on_the_same_data_gives_the_evaluation_of_training(home, way):
    evaluation = evaluate(home.by[way], output="again", log=False)
    assert json.loads((home.path / "again" / "evaluation.json").read_text()) == evaluation
    # It reads the tables once more, and says how they meet.
    assert evaluation["notes"].pop(0).startswith("Of the customers, 300 have events")
    (contestant,) = evaluation.pop("contestants")
    assert contestant["across"]["spearman"] == evaluation["metric"]["across"]["metric"]["spearman"]
    assert contestant["within"]["spearman"] == evaluation["metric"]["within"]["metric"]["spearman"]
    assert evaluation.pop("comparison")["out_of_time"] is True
    assert {each["first"] for each in evaluation.pop("differences")} == {contestant["name"]}
    assert evaluation == home.result.evaluation


def test_evaluating_on_newer_data_uses_newer_cutoffs(home):
    newer = make_shop(300, 48, seed=1)
    frames = {
        "events": newer.events,
        "transactions": newer.transactions,
        "customers": newer.customers,
    }
    evaluation = evaluate(home.folder, frames=frames)
    assert evaluation["test_cutoffs"][-1] > home.result.evaluation["test_cutoffs"][-1]
    assert not any("not all of this is out of time" in note for note in evaluation["notes"])
    assert list(home.path.iterdir()) == []


def test_evaluating_on_older_data_notes_that_it_was_used_for_fitting(home, small_shop):
    early = small_shop.transactions.loc[lambda t: t["timestamp"] < "2024-08-01"]
    evaluation = evaluate(home.folder, frames={"transactions": early})
    assert any("not all of this is out of time" in note for note in evaluation["notes"])


def test_evaluating_with_other_windows_is_refused(home, config):
    other = config.model_copy(
        update={"windows": config.windows.model_copy(update={"outcome_days": 56})}
    )
    with pytest.raises(ConfigError, match=r"'windows.outcome_days': 56, .* made with 28"):
        evaluate(home.folder, other)


def test_evaluating_needs_the_whole_run(home):
    (home.path / "only").mkdir()
    shutil.copy(home.folder / "metric.json", home.path / "only")
    with pytest.raises(InputError, match=r"only: contains no run\.json"):
        evaluate("only")


@pytest.mark.parametrize("way", WAYS)
def test_a_run_reads_back_the_same_by_every_name(home, way):
    with open_run(home.by[way]) as run:
        assert run.metric() == home.result.metric
        assert run.record() == home.result.record
        assert run.config().name == "small-shop"
        texts = [model.to_text() for model in run.models()]
    assert texts == [(home.folder / "models" / f"{n}.txt").read_text() for n in ("profit", "churn")]


def test_scores_are_those_of_the_metric_and_points_add_up(home, small_shop):
    scores = score(home.by["alias"], home.events, as_of="2024-09-01", output="scores.parquet")
    read = pd.read_parquet("scores.parquet")
    assert read.columns.tolist() == [
        "customer_id", "score", "tutorial_done__points", "wishlist_add__points", "percentile",
        "percentile_in_training",
    ]  # fmt: skip
    assert len(home.result.metric.score_quantiles) == 101
    expected = home.result.metric.score_events(small_shop.events, "2024-09-01")
    assert read["customer_id"].tolist() == expected["customer_id"].tolist()
    np.testing.assert_allclose(read["score"], expected["score"], rtol=1e-12)
    points = read[["tutorial_done__points", "wishlist_add__points"]].sum(axis=1)
    np.testing.assert_allclose(read["score"], points, rtol=1e-12)
    assert read["score"].nunique() > 5
    assert scores.n_entities == len(read)
    assert scores.mean == pytest.approx(read["score"].mean())
    pd.testing.assert_frame_equal(scores.frame, read)


def test_by_default_all_events_count(home, small_shop):
    scores = score(home.folder, small_shop.events)
    day_after = small_shop.events["timestamp"].max().normalize() + pd.Timedelta(days=1)
    assert scores.as_of == day_after
    assert scores.path is None
    assert len(scores.frame) == small_shop.events["customer_id"].nunique()


def test_a_table_of_customers_selects_who_is_scored(home, small_shop):
    ids = [*small_shop.customers["customer_id"].head(5), 999_999]
    scores = score(home.folder, home.events, customers=pl.DataFrame({"customer_id": ids}))
    assert scores.frame["customer_id"].tolist() == sorted(ids)
    assert scores.frame["score"].iloc[-1] == 0.0


@pytest.mark.parametrize("output", ["a/b.csv", "folder"])
def test_scores_are_written_as_csv_or_into_a_folder(home, output):
    scores = score(home.folder / "metric.json", home.events, output=output)
    assert scores.path == Path({"a/b.csv": "a/b.csv", "folder": "folder/scores.parquet"}[output])
    assert len(scores.frame) == scores.n_entities
    assert {p.name for p in scores.path.parent.iterdir()} == {scores.path.name}


def test_duplicate_events_are_scored_once(home):
    day = pd.Timestamp("2024-05-01")
    events = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "bob", None],
            "timestamp": day,
            "event_type": "tutorial_done",
            "event_id": ["1", "1", "2", "3"],
        }
    )
    frame = score(home.folder, events).frame
    assert frame["customer_id"].tolist() == ["ann", "bob"]
    assert frame["score"].iloc[0] == frame["score"].iloc[1] > 0


def test_columns_are_mapped_as_in_the_run(here, write_yaml, quick_drivers, small_shop):
    names = {"customer_id": "user", "event_type": "what"}
    events = small_shop.events.rename(columns=names)
    config = read_config(
        write_yaml(columns={"events": names}, tracking={"uri": None}, segments=[], sources={})
    )
    frames = {"events": events, "transactions": small_shop.transactions}
    result = train(config, frames=frames, output="out")
    scores = score("out", events, as_of="2024-09-01").frame
    expected = result.metric.score_events(small_shop.events, "2024-09-01")
    np.testing.assert_allclose(scores["score"], expected["score"])
    assert scores.columns[0] == "user"


def test_an_abstained_metric_explains_why_it_cannot_score(home):
    raw = json.loads((home.folder / "metric.json").read_text())
    metric = EngagementMetric(
        raw["name"], "driver", 28, 28, (), reason="no behaviour passed every check"
    )
    metric.to_json("metric.json")
    with pytest.raises(InputError, match=r"abstained and cannot score: no behaviour.*indicator"):
        score("metric.json", home.events, output="scores.parquet")
    assert {p.name for p in home.path.iterdir()} == {"metric.json"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"event_type": "other"}, InputError, r"no event of the metric's behaviours .*other"),
        ({}, NotEnoughDataError, "no customer has an event before 1999-01-01"),
    ],
)
def test_events_that_cannot_be_scored(home, small_shop, change, error, message):
    events = small_shop.events.assign(**change)
    with pytest.raises(error, match=message):
        score(home.folder, events, as_of="1999-01-01", output="scores.parquet")
    assert list(home.path.iterdir()) == []


def test_an_invalid_date_or_format_is_an_error_before_the_work(home):
    with pytest.raises(InputError, match="'soon' is not a date"):
        score(home.folder, home.events, as_of="soon")
    with pytest.raises(InputError, match=r"written as \.parquet or \.csv, not as \.xlsx"):
        score(home.folder, home.events, output="scores.xlsx")


@pytest.mark.parametrize("way", ["folder", "version"])
def test_the_report_is_the_same_when_written_again(home, way):
    written = report(home.by[way], "again.html")
    assert written == Path("again.html")
    assert written.read_bytes() == (home.folder / "report.html").read_bytes()


def test_the_report_of_a_folder_replaces_the_existing_one(home):
    shutil.copytree(home.folder, "copy")
    Path("copy/report.html").write_text("old")
    assert report("copy") == Path("copy/report.html")
    assert Path("copy/report.html").read_bytes() == (home.folder / "report.html").read_bytes()


def test_an_unknown_model_is_a_tracking_error(home):
    with pytest.raises(TrackingError, match="no-such-model"):
        report("models:/no-such-model/1", "again.html")
    assert list(home.path.iterdir()) == []


def test_features_come_with_their_catalogue(home, config):
    folder, n_rows, n_columns = write_features(config, "features")
    assert {p.name for p in folder.iterdir()} == {"features.parquet", "catalogue.md", "config.yaml"}
    frame = pd.read_parquet(folder / "features.parquet")
    assert frame.shape == (n_rows, n_columns)
    assert {"customer_id", "cutoff", "part", "margin", "tutorial_done__frequency"} <= set(frame)
    catalogue = (folder / "catalogue.md").read_text()
    assert "<behaviour>__frequency" in catalogue
    assert "`covariate__plan`" in catalogue
    assert "session__" not in catalogue


def test_configured_sessions_and_ratios_are_among_the_features(write_yaml, here):
    ratio = {"name": "finished", "begun": "tutorial_start", "done": "tutorial_done"}
    config = write_yaml(features={"sessions": True, "ratios": [ratio]})
    folder, _, _ = write_features(config, "features")
    frame = pd.read_parquet(folder / "features.parquet")
    assert frame["session__bounce_rate"].between(0, 1).sum() > 1000
    begun = frame["tutorial_start__frequency"] > 0
    assert (frame["ratio__finished"].notna() == begun).all()
    catalogue = (folder / "catalogue.md").read_text()
    assert "| `ratio__finished` | 1 − n(tutorial_done) / n(tutorial_start)" in catalogue
    assert "| `session__bounce_rate` |" in catalogue
    again = read_config(folder / "config.yaml")
    assert again.features == read_config(config).features


@pytest.mark.seldom
def test_evaluation_uses_the_same_session_features_as_training(write_yaml, here, quick_drivers):
    ratio = {"name": "finished", "begun": "tutorial_start", "done": "tutorial_done"}
    config = write_yaml(features={"sessions": True, "ratios": [ratio]}, tracking={"uri": None})
    run = train(config, output="run")
    assert "session__frequency" in (run.folder / "models" / "profit.txt").read_text()
    rows = pd.read_csv(run.folder / "drivers.csv")
    assert not any(name.startswith(("session", "ratio", "finished")) for name in rows["behaviour"])
    first = json.loads((run.folder / "evaluation.json").read_text())
    assert evaluate(run.folder)["profit"] == first["profit"]
