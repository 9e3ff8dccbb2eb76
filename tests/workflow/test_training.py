"""Training: its files, the same bytes each time, written completely or not at all."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from engagement_ml.config import PipelineConfig, TrackingConfig, read_config
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.errors import OutputError, TrackingError
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.workflow import train
from engagement_ml.workflow.results import DRIVER_COLUMNS, drivers_csv

RESULT_FILES = {
    "config.yaml", "drivers.csv", "evaluation.json", "metric.json", "models/churn.txt",
    "models/profit.txt", "report.html", "run.json", "unprofitable.csv",
}  # fmt: skip


def files_in(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def frames_of(shop):
    return {
        "events": shop.events,
        "transactions": shop.transactions,
        "customers": shop.customers,
    }


@pytest.fixture
def untracked(config) -> PipelineConfig:
    return config.model_copy(update={"tracking": TrackingConfig(uri=None)})


def test_training_writes_the_files_of_the_contract(here, config, quick_drivers):
    steps: list[str] = []
    result = train(config, output="out", on_step=steps.append, notes=["margin is made up"])
    out = here / "out"
    assert files_in(out) == RESULT_FILES

    metric = EngagementMetric.from_json(out / "metric.json")
    assert metric == result.metric
    assert [(b.behaviour, b.weight, b.label, b.unit) for b in metric.behaviours] == [
        ("tutorial_done", 60.0, "Tutorial finished", "events in 28 days"),
        ("wishlist_add", 40.0, None, "events in 28 days"),
    ]
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation == result.evaluation
    assert evaluation["metric"]["across"]["metric"]["spearman"]["value"] > 0
    record = RunRecord.from_json(out / "run.json")
    assert record == result.record
    assert (record.notes[0], record.notes[-1]) == ("margin is made up", "a stand-in searched")
    assert set(steps) == set(record.seconds)
    assert {"Reading tables", "Building features", "searching", "Writing results"} <= set(steps)
    standing = record.further.standing
    assert standing is not None
    scored = standing.cutoffs[-1]
    assert sum(standing.bins) == scored.n_entities > 0
    assert standing.bins[0] == round(scored.share_at_zero * scored.n_entities)
    cutoffs = [*record.windows.train, *record.windows.test]
    assert [row.cutoff for row in standing.cutoffs] == [str(day) for day in cutoffs]
    assert read_config(out / "config.yaml") == config
    report = (out / "report.html").read_text()
    assert "Tutorial finished" in report
    assert "margin is made up" in report


def test_drivers_csv_has_the_columns_of_the_contract_first(here, untracked, quick_drivers):
    result = train(untracked, output="out")
    with (here / "out" / "drivers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0])[: len(DRIVER_COLUMNS)] == DRIVER_COLUMNS
    assert [row["behaviour"] for row in rows[:2]] == ["tutorial_done", "wishlist_add"]
    assert len(rows) == 13
    assert rows[0]["selected"] == "true"
    assert rows[0]["effect"] == "0.666667"
    assert rows[0]["saturation_point"] == ""
    read = pd.read_csv(here / "out" / "drivers.csv")
    assert read["selected"].dtype == bool
    assert list(read["behaviour"]) == list(result.drivers["behaviour"])


def test_numbers_in_drivers_csv_have_six_digits_and_null_is_empty():
    big, nan, small = 1234567.89, float("nan"), 1e-9 / 3
    rows = [
        DriverRow("a", "inert", False, 1, 0.5, big, 2.0, nan, 0.25, None, "rare"),
        DriverRow("b, c", "inert", True, 3, 0.5, small, None, None, 0.0, 7.0, 'says "no"'),
    ]
    lines = drivers_csv(rows).splitlines()
    assert lines[0].startswith(",".join(DRIVER_COLUMNS) + ",label,role,stage,")
    assert "observed_" not in lines[0]
    assert lines[1].startswith("a,inert,false,1,0.5,1234570,2,,0.25,,rare,")
    assert lines[2].startswith('"b, c",inert,true,3,0.5,3.33333e-10,,,0,7,"says ""no""",')


def test_the_same_seed_and_data_give_the_same_bytes(here, untracked, small_shop):
    """With the real driver search, from files and from frames with shuffled rows."""
    few = ["page_view", "tutorial_done", "wishlist_add", "coupon_use"]
    chosen = small_shop.events["event_type"].isin(few)
    frames = {**frames_of(small_shop), "events": small_shop.events[chosen]}
    frames["events"].to_parquet("few.parquet")
    first = train(untracked, output="first", frames={"events": "few.parquet"})
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in frames.items()}
    train(untracked, output="second", frames=shuffled)
    for name in ("metric.json", "drivers.csv", "evaluation.json"):
        assert (here / "first" / name).read_bytes() == (here / "second" / name).read_bytes(), name
    assert str(here) not in (here / "first" / "metric.json").read_text()
    assert set(first.drivers["behaviour"]) == set(few)
    total = sum(b.weight for b in first.metric.behaviours)
    assert first.metric.abstained or total == pytest.approx(100)


def test_a_run_on_frames_records_no_paths(here, untracked, small_shop, quick_drivers):
    train(untracked, frames=frames_of(small_shop), output="out")
    recorded = read_config(here / "out" / "config.yaml")
    assert recorded.sources.model_dump() == dict.fromkeys(
        ("events", "transactions", "customers", "surveys", "identities", "links")
    )


def test_a_run_is_registered_as_champion_and_the_next_as_challenger(here, config, quick_drivers):
    import mlflow

    first, second = train(config, output="first"), train(config, output="second")
    assert (first.registered["version"], first.registered["alias"]) == (1, "champion")
    assert (second.registered["version"], second.registered["alias"]) == (2, "challenger")
    assert "models:/small-shop/1" in (here / "first" / "report.html").read_text()

    client = mlflow.MlflowClient(f"sqlite:///{here}/mlruns/mlflow.db")
    run = client.get_run(first.registered["run_id"])
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"metric.json", "drivers.csv", "evaluation.json", "report.html", "run.json"} <= artifacts
    assert run.data.params["windows.observation_days"] == "28"
    assert {"metric/between_spearman", "profit/r2"} <= set(run.data.metrics)


@pytest.mark.seldom
def test_the_registered_metric_scores_in_a_fresh_process(trained, tmp_path):
    counts = {"tutorial_done": [0.0, 2.0, 50.0], "wishlist_add": [1.0, 0.0, 50.0]}
    code = (
        "import json, sys, mlflow, pandas as pd\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "model = mlflow.pyfunc.load_model(sys.argv[2])\n"
        "counts = pd.DataFrame(json.loads(sys.argv[3]))\n"
        "print(json.dumps(model.predict(counts)['score'].tolist()))\n"
        "assert not {'lightgbm', 'shap', 'sklearn', 'duckdb'} & set(sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, trained.store, "models:/small-shop@champion",
         json.dumps(counts)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    expected = trained.result.metric.score(pd.DataFrame(counts))["score"].tolist()
    assert json.loads(ran.stdout.splitlines()[-1]) == pytest.approx(expected)
    assert expected[-1] == 100.0


def test_an_abstention_is_a_result_and_registers_no_version(here, config, quick_drivers):
    quick_drivers()
    result = train(config, output="out")
    assert result.metric.abstained
    assert result.registered["model"] is None
    assert files_in(here / "out") == RESULT_FILES - {"unprofitable.csv"}
    assert json.loads((here / "out" / "metric.json").read_text())["abstained"] is True


def test_without_tracking_mlflow_is_not_used(here, untracked, quick_drivers):
    (here / "mlruns" / "mlflow.db").unlink()
    result = train(untracked, output="out")
    assert result.registered is None
    assert list((here / "mlruns").iterdir()) == []


@pytest.mark.seldom
def test_results_go_to_a_folder_by_name_and_time_by_default(here, untracked, quick_drivers):
    first, second = train(untracked), train(untracked)
    assert first.folder.parent == second.folder.parent == Path("runs/small-shop")
    assert first.folder != second.folder


@pytest.mark.parametrize("error", [OutputError("the disk went away"), KeyboardInterrupt()])
def test_a_failure_before_the_results_are_complete_leaves_no_files(
    here, config, quick_drivers, monkeypatch, error
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("engagement_ml.workflow.training.write_record", fail)
    with pytest.raises(type(error)):
        train(config, output="deep/down/out")
    assert {p.name for p in here.iterdir()} == {"mlruns", "small-shop.yaml"}


def test_store_and_folder_are_checked_before_any_table_is_read(here, config):
    elsewhere = config.model_copy(update={"tracking": TrackingConfig(uri="http://127.0.0.1:9")})
    steps: list[str] = []
    with pytest.raises(TrackingError, match="no answer"):
        train(elsewhere, output="out", on_step=steps.append)
    (here / "file").write_text("")
    with pytest.raises(OutputError, match="it is a file"):
        train(config, output="file", on_step=steps.append)
    assert set(steps) == {"Checking the output folder and tracking store"}
