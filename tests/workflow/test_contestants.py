"""Evaluating several contestants: runs, weights by hand, and scores from elsewhere."""

from __future__ import annotations

import json
from types import SimpleNamespace

import jsonschema
import numpy as np
import pandas as pd
import pytest

from engagement_ml.errors import ConfigError, EngagementError, InputError, NotEnoughDataError
from engagement_ml.evaluation import contest_schema
from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow import contest_measuring, evaluate
from engagement_ml.workflow.contestants import read_contestants, split_arguments, split_names

CUTOFFS = ("2024-08-12", "2024-09-09")
WEIGHTS = EngagementMetric.from_weights(
    {"page_view": 60, "tutorial_done": 40}, observation_days=56, outcome_days=28
)


def counted(shop, event_type, days, window=28) -> pd.DataFrame:
    """A score from elsewhere: the number of events of a type before each day."""
    events = shop.events.loc[lambda e: e["event_type"] == event_type]
    parts = []
    for day in pd.to_datetime(days):
        inside = events["timestamp"].between(day - pd.Timedelta(days=window), day, inclusive="left")
        counts = events.loc[inside].groupby("customer_id").size()
        counts = counts.reindex(shop.customers["customer_id"], fill_value=0)
        frame = {"customer_id": counts.index, "date": day, "score": counts.to_numpy(float)}
        parts.append(pd.DataFrame(frame))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contest_measuring, "N_BOOTSTRAP", 60)
        yield


@pytest.fixture(scope="module")
def together(trained, small_shop) -> SimpleNamespace:
    """A run, weights by hand with another window, and a score that lacks some customers."""
    days = pd.date_range("2024-03-01", "2024-10-01", freq="7D")
    views = counted(small_shop, "page_view", days)
    gone = views["customer_id"].unique()[:40]
    views = views.loc[~views["customer_id"].isin(gone)]
    evaluation = evaluate([trained.folder, WEIGHTS], scores={"vendor": views}, progress=False)
    return SimpleNamespace(evaluation=evaluation, views=views)


def by_name(evaluation):
    return {each["name"]: each for each in evaluation["contestants"]}


def test_the_result_is_valid_and_keeps_the_evaluation_of_the_first_run(together, trained):
    evaluation = together.evaluation
    jsonschema.validate(evaluation, contest_schema(), cls=jsonschema.Draft202012Validator)
    assert json.loads(json.dumps(evaluation, allow_nan=False)) == evaluation
    for key, value in trained.result.evaluation.items():
        if key != "notes":
            assert evaluation[key] == value


def test_all_are_compared_on_the_customers_that_all_have(together):
    comparison, contestants = together.evaluation["comparison"], by_name(together.evaluation)
    assert comparison["of"] - 40 <= comparison["customers"] <= comparison["of"] - 30
    assert contestants["vendor"]["customers"] == comparison["customers"]
    assert "have no such score" in contestants["vendor"]["notes"][0]
    assert contestants["by-hand"]["observation_days"] == 56
    assert all(each["across"]["spearman"] for each in contestants.values())


def test_unknown_origins_are_not_called_out_of_time(together):
    contestants = by_name(together.evaluation)
    assert contestants["run"]["out_of_time"] is True
    assert contestants["vendor"]["out_of_time"] is None
    assert together.evaluation["comparison"]["out_of_time"] is None
    assert "by-hand and vendor" in together.evaluation["comparison"]["reason"]


def test_a_score_from_elsewhere_is_measured_as_the_same_counts_of_ours(small_shop, trained):
    ours = EngagementMetric.from_weights(
        {"page_view": 1}, full_points_at=1e6, observation_days=28, outcome_days=28
    )
    cutoffs = evaluate(trained.folder, progress=False)["comparison"]["cutoffs"]
    days = pd.date_range(pd.Timestamp(cutoffs[0]) - pd.Timedelta(weeks=24), cutoffs[-1], freq="28D")
    theirs = counted(small_shop, "page_view", days)
    evaluation = evaluate([trained.folder, ours], scores=[theirs], progress=False)
    found = by_name(evaluation)
    assert found["scores"]["age_days"] == 0
    assert found["scores"]["across"] == found["by-hand"]["across"]
    assert found["scores"]["within"] == found["by-hand"]["within"]
    assert evaluation["differences"][-1]["first"] == "scores"


def test_the_last_score_at_or_before_a_cutoff_counts_while_it_holds(trained, together):
    later = together.views.assign(date=lambda t: t["date"] + pd.Timedelta(days=400))
    with pytest.raises(NotEnoughDataError, match="has a score of run and vendor at one cutoff"):
        evaluate(trained.folder, scores={"vendor": later}, progress=False)
    fresh = evaluate(trained.folder, scores={"v": together.views}, max_score_age=6, progress=False)
    assert 0 <= by_name(fresh)["v"]["age_days"] <= 6


def test_segments_have_their_own_differences(together):
    segments = together.evaluation["comparison"]["segments"]
    assert {each["segment"] for each in segments} == {"plan"}
    pairs = {(d["first"], d["second"]) for d in segments[0]["differences"]}
    assert ("run", "by-hand") in pairs
    assert sum(each["customers"] for each in segments) <= together.evaluation["comparison"]["of"]


def test_without_a_run_a_configuration_names_the_data(config, together, trained):
    with pytest.raises(ConfigError, match="give the pipeline's configuration as well"):
        evaluate(WEIGHTS, progress=False)
    evaluation = evaluate(WEIGHTS, config, progress=False, tracking_uri=trained.store)
    jsonschema.validate(evaluation, contest_schema(), cls=jsonschema.Draft202012Validator)
    assert evaluation["profit"] == {"reason": "no contestant is a trained run with models"}
    assert evaluation["metric"]["across"]["metric"]["spearman"] is not None
    assert "full_model" not in evaluation["comparison"]["baselines"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="score"), "column 'score' is missing from table 'scores'"),
        (lambda t: t.assign(score="green"), "score"),
        (lambda t: t.assign(score=np.inf), "score"),
        (lambda t: t.assign(customer_id=t["customer_id"].astype(str) + "x"), "has a score"),
        (
            lambda t: pd.concat([t, t.assign(score=t["score"] + 1)]),
            "has two scores of .* give one row for each customer and date",
        ),
    ],
)
def test_scores_that_cannot_be_used_are_refused_in_one_line(trained, together, change, words):
    with pytest.raises(EngagementError, match=words) as error:
        evaluate(trained.folder, scores={"vendor": change(together.views)}, progress=False)
    assert "\n" not in str(error.value)


def test_ids_meet_whether_they_are_numbers_or_text(trained, together):
    as_text = together.views.assign(customer_id=together.views["customer_id"].astype(str))
    evaluation = evaluate([trained.folder, WEIGHTS], scores={"vendor": as_text}, progress=False)
    assert evaluation["contestants"] == together.evaluation["contestants"]


def test_columns_are_found_by_usual_names_and_by_the_mapping(trained, together, config):
    usual = together.views.rename(columns={"customer_id": "user_id", "date": "day"})
    mapped = together.views.rename(columns={"score": "health"})
    columns = {**config.columns, "scores": {"score": "health"}}
    for table, settings in (
        (usual, config),
        (mapped, config.model_copy(update={"columns": columns})),
    ):
        evaluation = evaluate(trained.folder, settings, scores={"v": table}, progress=False)
        assert by_name(evaluation)["v"]["across"]["spearman"] is not None


def test_an_outcome_window_that_differs_is_refused_and_weights_by_hand_have_none(trained, config):
    other = EngagementMetric.from_dict(
        {**trained.result.metric.to_dict(), "outcome_days": 56, "name": "other"}
    )
    with pytest.raises(ConfigError, match=r"'windows\.outcome_days': 28, but metric 'other'"):
        evaluate([trained.folder, other], progress=False)


def test_arguments_of_the_command_line_are_told_apart(tmp_path):
    weights, pipeline, second = (tmp_path / n for n in ("w.yaml", "shop.yaml", "b.yml"))
    weights.write_text("weights: {visit: 1}\n")
    pipeline.write_text("name: shop\nbehaviours: {visit: {role: ignore}}\n")
    second.write_text("name: other\n")
    given = ["models:/shop@champion", str(weights), str(pipeline)]
    assert split_arguments(given) == (given[:2], str(pipeline))
    with pytest.raises(InputError, match="both configurations"):
        split_arguments([str(pipeline), str(second)])
    with pytest.raises(InputError, match=r"missing\.yaml: no such file"):
        split_arguments([str(tmp_path / "missing.yaml")])
    with pytest.raises(InputError, match="given twice"):
        split_names(["a=x.csv", "a=y.csv"])


def test_names_are_unique_and_are_not_those_of_baselines(trained, tmp_path):
    total = EngagementMetric.from_weights({"visit": 1}, name="total_events")
    read = read_contestants([trained.folder, trained.folder, total])
    assert [each.name for each in read] == ["run", "run (2)", "total_events (2)"]


@pytest.mark.seldom
def test_an_evaluation_by_uri_is_logged_and_linked_to_the_model(trained, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", trained.store)
    uri = "models:/small-shop/1"
    evaluation = evaluate([uri, WEIGHTS], progress=False)
    from engagement_ml.tracking.session import tracking_session

    with tracking_session(trained.store) as client:
        version = client.get_model_version("small-shop", "1")
        tags = {k: v for k, v in version.tags.items() if k.startswith("evaluation.")}
        assert sorted(key.rsplit(".", 1)[1] for key in tags) == [
            "across", "out_of_time", "run_id", "within",
        ]  # fmt: skip
        run = client.get_run(next(v for k, v in tags.items() if k.endswith("run_id")))
        assert run.info.status == "FINISHED"
        spearman = evaluation["contestants"][0]["across"]["spearman"]["value"]
        assert run.data.metrics["evaluation/across/spearman"] == pytest.approx(spearman)
        logged = client.get_logged_model(version.source.removeprefix("models:/"))
        metric = next(m for m in logged.metrics if m.key == "evaluation/across/spearman")
        assert metric.value == pytest.approx(spearman)
        assert metric.dataset_name.startswith("evaluation to ")
        assert [f.path for f in client.list_artifacts(run.info.run_id)] == ["evaluation.json"]
        before = client.search_runs([run.info.experiment_id])
    evaluate(uri, log=False, progress=False)
    with tracking_session(trained.store) as client:
        assert len(client.search_runs([run.info.experiment_id])) == len(before)
