from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engagement_ml.errors import InputError, TrackingError
from engagement_ml.models import ProfitModel
from engagement_ml.tracking import LoggedRun, download_run, load_metric, log_files, log_run
from engagement_ml.tracking.session import tracking_session
from tests.golden_models import generate


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The texts of a profit and a churn model."""
    rows = generate.panel()
    return {name: model.to_text() for name, model in generate.fitted(rows).items()}


@pytest.fixture
def with_models(folder, texts) -> Path:
    """The folder of a run with its models, as training writes them."""
    (folder / "models").mkdir()
    for name, text in texts.items():
        (folder / "models" / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")
    return folder


def test_a_run_contains_all_results_and_its_metric_loads_from_every_source(
    uri, record, metric, with_models, tmp_path, caplog, capfd
):
    status: list[str] = []
    with caplog.at_level(logging.DEBUG):
        logged_run = log_run(record, metric, with_models, uri=uri, on_status=status.append)
    output = capfd.readouterr()
    assert output.out + output.err == ""
    assert status[-1] == "Logging the run"
    assert logged_run == LoggedRun(
        logged_run.run_id, "shop-engagement", 1, "challenger", "models:/shop-engagement/1", uri
    )

    assert logged_run.to_dict() == {
        "model": "shop-engagement",
        "version": 1,
        "alias": "challenger",
        "uri": "models:/shop-engagement/1",
        "run_id": logged_run.run_id,
        "tracking_uri": uri,
        "note": None,
    }

    import mlflow

    assert mlflow.active_run() is None
    with tracking_session(uri) as client:
        run = client.get_run(logged_run.run_id)
        version = client.get_model_version_by_alias("shop-engagement", "challenger")
        files = {item.path for item in client.list_artifacts(logged_run.run_id)}
        models = {
            (model.name, model.model_id)
            for model in client.search_logged_models([run.info.experiment_id])
        }
        profit = mlflow.pyfunc.load_model(f"models:/{dict(models)['profit']}")
        table = client.load_table(run.info.experiment_id, "tables/drivers.json")
        plots = {item.path for item in client.list_artifacts(logged_run.run_id, "plots")}
    assert run.info.status == "FINISHED"
    assert run.data.params["windows.observation_days"] == "84"
    assert run.data.params["planned_windows.test"] == '["2023-12-03"]'
    assert run.data.metrics["profit/r2"] == 0.31
    assert run.data.metrics["metric/between_spearman_low"] == 0.28
    assert run.data.metrics["drivers/effect_tutorial done"] == 1.5
    assert run.data.metrics["metric/weight_review_long"] == 40.0
    assert "drivers/effect_review_long" not in run.data.metrics
    assert "metric/within_spearman" not in run.data.metrics
    assert table["behaviour"].tolist() == ["tutorial done", "review/long"]
    assert plots == {"plots/drivers.png", "plots/responses.png", "plots/weights.png"}
    assert run.data.tags["engagement_ml.fingerprint.events"] == "ab" * 32
    assert [i.dataset.name for i in run.inputs.dataset_inputs] == ["events"]
    results = {"metric.json", "drivers.csv", "profit.txt", "churn.txt"}
    assert files == results | {"plots", "tables"}
    assert {name for name, _ in models} == {"profit", "churn", "metric"}
    assert version.tags["definition_hash"] == metric.definition_hash
    assert version.tags["evidence"] == "driver"
    assert version.tags["between_spearman"] == "0.31"
    assert version.run_id == logged_run.run_id

    rows = generate.panel().frame
    np.testing.assert_array_equal(
        profit.predict(rows)["expected_margin"],
        ProfitModel.from_text((with_models / "models" / "profit.txt").read_text()).predict_frame(
            rows
        ),
    )
    artifacts = tmp_path / "mlruns" / "artifacts"
    artifact_names = {path.name for path in artifacts.rglob("*") if path.is_file()}
    assert not {name for name in artifact_names if name.endswith((".pkl", ".pickle", ".skops"))}

    for source in ("models:/shop-engagement@challenger", "models:/shop-engagement/1"):
        assert load_metric(source, tracking_uri=uri) == metric
    assert load_metric(f"runs:/{logged_run.run_id}", tracking_uri=uri) == metric
    to = download_run("models:/shop-engagement/1", tmp_path / "copy", tracking_uri=uri)
    assert {path.name for path in to.iterdir()} == files

    report = tmp_path / "report.html"
    report.write_text("<html></html>")
    log_files(uri, logged_run.run_id, report)
    download_run(f"runs:/{logged_run.run_id}", to, tracking_uri=uri)
    assert (to / "report.html").read_text() == "<html></html>"


PREDICT = """
import sys, warnings
import numpy as np, pandas as pd, mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/shop-engagement@challenger")
def score(**columns):
    scored = model.predict(pd.DataFrame(columns))
    assert list(scored.columns) == ["score"], scored
    return [round(value, 6) for value in scored["score"]]
counts = {"tutorial done": np.array([0.0, np.nan, 12.0]), "review/long": np.array([0.0, 20, 20])}
print(score(**counts))
print(score(**{name: values.astype("float32") for name, values in counts.items()}))
print(score(**{"tutorial done": np.array([0, 12], "int32")}))
print(score(**counts, customer_id=["a", "b", "c"]))
print(score(**{"tutorial done": np.array([0, 12], "int64")}))
schema = model.metadata.get_input_schema()
print({str(kind) for kind in schema.input_types()}, [c.required for c in schema.inputs])
print(model.metadata.get_output_schema().input_names())
"""


@pytest.mark.seldom
def test_the_model_scores_in_another_process(uri, record, metric, folder, tmp_path):
    log_run(record, metric, folder, uri=uri)
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, uri],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "[0.0, 40.0, 100.0]",
        "[0.0, 40.0, 100.0]",
        "[0.0, 60.0]",
        "[0.0, 40.0, 100.0]",
        "[0.0, 60.0]",
        "{'Any'} [False, False]",
        "['score']",
    ]


def test_every_version_is_challenger_as_only_the_gate_makes_a_champion(uri, record, metric, folder):
    first = log_run(record, metric, folder, uri=uri)
    indicator = dataclasses.replace(metric, evidence="indicator")
    second = log_run(record, indicator, folder, uri=uri)
    third = log_run(record, metric, folder, uri=uri)
    assert [(r.version, r.alias) for r in (first, second, third)] == [
        (1, "challenger"),
        (2, "challenger"),
        (3, "challenger"),
    ]
    with tracking_session(uri) as client:
        model = client.get_registered_model("shop-engagement")
        described = client.get_model_version("shop-engagement", 2).description
    assert {name: int(version) for name, version in model.aliases.items()} == {
        "challenger": 3,
    }
    assert "no proof that raising it raises margin" in described
    assert load_metric("models:/shop-engagement/2", tracking_uri=uri).evidence == "indicator"


def test_an_abstained_metric_is_logged_and_not_registered(uri, record, abstained, tmp_path):
    folder = tmp_path / "abstained"
    folder.mkdir()
    abstained.to_json(folder / "metric.json")
    logged_run = log_run(record, abstained, folder, uri=uri)
    assert (logged_run.model, logged_run.version, logged_run.alias, logged_run.model_uri) == (
        None,
    ) * 4
    assert "abstained" in logged_run.note
    with tracking_session(uri) as client:
        assert client.search_registered_models() == []
        assert client.get_run(logged_run.run_id).data.tags["engagement_ml.abstained"] == "true"
    assert load_metric(f"runs:/{logged_run.run_id}", tracking_uri=uri) == abstained


def test_registration_can_be_disabled(uri, record, metric, folder):
    logged_run = log_run(record, metric, folder, uri=uri, register=False, experiment="trials")
    assert logged_run.version is None
    assert load_metric(logged_run.model_uri, tracking_uri=uri) == metric
    with tracking_session(uri) as client:
        assert client.search_registered_models() == []
        assert client.get_experiment_by_name("trials") is not None


def test_a_run_that_raises_is_marked_as_failed(uri, record, metric, folder):
    (folder / "models").mkdir()
    (folder / "models" / "profit.txt").write_text("{}")
    with pytest.raises(InputError, match="does not begin with a model's header"):
        log_run(record, metric, folder, uri=uri)
    with tracking_session(uri) as client:
        experiment = client.get_experiment_by_name("shop-engagement")
        runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FAILED"]


def test_an_active_run_of_the_user_continues(uri, record, metric, folder, mlflow):
    mlflow.set_tracking_uri(uri)
    with mlflow.start_run() as user_run:
        logged_run = log_run(record, metric, folder, uri=uri, register=False)
        assert mlflow.active_run().info.run_id == user_run.info.run_id
    assert mlflow.get_run(user_run.info.run_id).info.status == "FINISHED"
    assert mlflow.get_run(logged_run.run_id).info.status == "FINISHED"


def test_a_folder_whose_name_must_be_escaped(migrated, record, metric, folder, tmp_path):
    odd = tmp_path / "Straße 100% #1"
    odd.mkdir()
    shutil.copy(migrated, odd / "mlflow.db")
    uri = f"sqlite:///{odd / 'mlflow.db'}"
    logged_run = log_run(record, metric, folder, uri=uri)
    assert load_metric(logged_run.model_uri, tracking_uri=uri) == metric
    assert (
        download_run(logged_run.model_uri, tmp_path / "to", tracking_uri=uri) / "drivers.csv"
    ).exists()
    assert any((odd / "artifacts").rglob("metric.json"))


def test_large_configurations_and_many_behaviours_fit(uri, record, metric, folder):
    many = dataclasses.replace(
        record,
        config={
            "columns": {"x" * 300: "y" * 9000},
            "behaviours": {f"type {i} ü/?": {"role": "behaviour"} for i in range(230)},
        },
        evidence=dataclasses.replace(
            record.evidence,
            drivers=tuple(
                dataclasses.replace(record.drivers[0], behaviour=f"b{i}", effect=i)
                for i in range(1200)
            ),
        ),
    )
    logged_run = log_run(many, metric, folder, uri=uri, register=False)
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as connection:
        n_params = connection.execute("SELECT count(*) FROM params").fetchone()[0]
    connection.close()
    with tracking_session(uri) as client:
        metrics = client.get_run(logged_run.run_id).data.metrics
    # 230 behaviours, one column, and the nine values of the windows.
    assert n_params == 240
    assert metrics["drivers/candidates"] == 1200
    assert len(metrics) <= 45


class TestLoad:
    def test_from_a_folder_or_its_file(self, metric, folder):
        assert load_metric(folder) == metric
        assert load_metric(str(folder)) == metric
        assert load_metric(folder / "metric.json") == metric

    def test_from_the_store_that_mlflow_is_set_to(self, uri, record, metric, folder, mlflow):
        log_run(record, metric, folder, uri=uri)
        mlflow.set_tracking_uri(uri)
        assert load_metric("models:/shop-engagement@challenger") == metric

    def test_from_the_default_store_of_the_current_folder(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with pytest.raises(TrackingError, match=r"no file .*mlruns/mlflow\.db; train first"):
            load_metric("models:/shop@champion")

    def test_a_folder_without_a_metric(self, tmp_path):
        with pytest.raises(InputError, match=r"contains no metric\.json"):
            load_metric(tmp_path)

    @pytest.mark.parametrize("source", ["models:/", "models:/shop@", "models:/a/b/c"])
    def test_a_malformed_uri_names_the_valid_forms(self, uri, source):
        with pytest.raises(InputError, match="models:/name@champion"):
            load_metric(source, tracking_uri=uri)

    @pytest.mark.parametrize(
        "source", ["models:/none@champion", "models:/none/1", "models:/m-0", "runs:/none"]
    )
    def test_a_uri_that_the_store_does_not_know_is_one_line(self, uri, source, tmp_path):
        for read in (
            lambda: load_metric(source, tracking_uri=uri),
            lambda: download_run(source, tmp_path / "to", tracking_uri=uri),
        ):
            with pytest.raises(TrackingError) as caught:
                read()
            assert "\n" not in str(caught.value)

    def test_a_path_is_no_uri(self, tmp_path):
        with pytest.raises(InputError, match="is not an MLflow URI"):
            download_run("runs/shop", tmp_path)


def test_a_model_that_was_changed_by_hand_is_refused(uri, record, metric, folder, tmp_path):
    log_run(record, metric, folder, uri=uri)
    [logged] = (tmp_path / "mlruns" / "artifacts" / "models").rglob("metric.json")
    raw = json.loads(logged.read_text())
    raw["behaviours"][0]["transform"]["cap"] = 1.0
    logged.write_text(json.dumps(raw))
    with pytest.raises(InputError, match="definition_hash"):
        load_metric("models:/shop-engagement@challenger", tracking_uri=uri)


def test_files_that_are_missing_are_named(uri, record, metric, folder):
    logged_run = log_run(record, metric, folder, uri=uri, register=False)
    with pytest.raises(TrackingError, match="no such file to log"):
        log_files(uri, logged_run.run_id, Path("none.html"))


def test_importing_tracking_does_not_load_mlflow():
    code = "import sys, engagement_ml.tracking; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
