"""Registration: results outlive a store that fails, and are registered later, once."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from engagement_ml.errors import ConfigError, InputError, TrackingError
from engagement_ml.records import RunRecord
from engagement_ml.tracking import download_run, log_run
from engagement_ml.tracking.session import tracking_session
from engagement_ml.workflow import register, train
from tests.cli.test_cli import run
from tests.workflow.conftest import use_fit
from tests.workflow.test_training import RESULT_FILES, files_in


@pytest.fixture
def finished(trained, tmp_path) -> Path:
    """A trained run that its own store has, and no other."""
    return Path(shutil.copytree(trained.folder, tmp_path / "finished"))


@pytest.fixture
def store(here) -> str:
    return f"sqlite:///{here / 'mlruns' / 'mlflow.db'}"


def versions(store: str) -> dict[int, str]:
    """The versions in a store, with the run of each."""
    with tracking_session(store) as client:
        found = client.search_model_versions("name = 'small-shop'")
    return {int(each.version): each.run_id for each in found}


def fails(*_: object, **__: object) -> None:
    raise TrackingError("tracking store http://mlflow: the store went away")


def test_a_store_that_fails_at_the_end_costs_no_results(
    here, write_yaml, quick_fit, monkeypatch, capsys, store
):
    file = write_yaml()
    with monkeypatch.context() as patch:
        patch.setattr("engagement_ml.workflow.registering.log_run", fails)
        assert run(patch, "train", str(file), "--output", "my run") == 2
    said = capsys.readouterr().err
    assert said == (
        "error: tracking store http://mlflow: the store went away; all results are in my run; "
        "register them with: engagement-ml register 'my run'\n"
    )
    assert files_in(here / "my run") == RESULT_FILES
    assert RunRecord.from_json(here / "my run" / "run.json").registered is None
    assert run(monkeypatch, "register", "my run") == 0
    said = capsys.readouterr().out
    assert said.startswith("Registered as small-shop, version 1")
    assert store.removeprefix("sqlite:///") not in said, "the path stays as it is given"
    record = RunRecord.from_json(here / "my run" / "run.json")
    assert record.registered["version"] == 1
    assert "models:/small-shop/1" in (here / "my run" / "report.html").read_text()
    assert list(versions(store)) == [1]


def test_an_interruption_while_the_run_is_tracked_says_what_is_there(
    here, write_yaml, quick_fit, monkeypatch, capsys
):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engagement_ml.workflow.registering.log_run", interrupted)
    assert run(monkeypatch, "train", str(write_yaml()), "--output", "out") == 130
    assert capsys.readouterr().err == (
        "interrupted: out was written; its registration did not finish; complete it with: "
        "engagement-ml register out\n"
    )
    monkeypatch.setattr("engagement_ml.workflow.registering.log_run", log_run)
    monkeypatch.setattr("engagement_ml.workflow.registering.log_files", interrupted)
    assert run(monkeypatch, "register", "out") == 130
    said = capsys.readouterr().err
    assert said == "interrupted: version 1 of small-shop and out were written\n"


def test_a_run_is_registered_once_unless_asked_again(finished, store, monkeypatch, capsys):
    first = register(finished, tracking_uri=store)
    assert (first.registered["version"], first.already) == (1, False)
    before = versions(store)
    second = register(finished, tracking_uri=store)
    assert (second.registered, second.already) == (first.registered, True)
    assert versions(store) == before
    # As after a move to another machine, with the run.json of before the registration.
    elsewhere = register(finished, tracking_uri=store, experiment="another")
    assert elsewhere.already
    assert run(monkeypatch, "register", str(finished), "--tracking-uri", store) == 0
    assert "Already registered as small-shop, version 1, alias" in capsys.readouterr().out
    third = register(finished, tracking_uri=store, again=True)
    assert (third.registered["version"], third.already) == (2, False)
    assert RunRecord.from_json(finished / "run.json").registered["version"] == 2
    assert set(versions(store)) == {1, 2}


def test_all_that_later_commands_need_is_in_the_store(finished, store, tmp_path):
    logged = register(finished, tracking_uri=store)
    to = download_run(logged.registered["uri"], tmp_path / "to", tracking_uri=store)
    names = {path.name for path in to.rglob("*") if path.is_file()}
    assert {Path(name).name for name in RESULT_FILES} <= names
    kept = RunRecord.from_json(to / "run.json")
    assert kept == logged.record == RunRecord.from_json(finished / "run.json")


def test_an_abstention_is_logged_once(here, config, fitted, monkeypatch):
    metric = dataclasses.replace(fitted.metric, behaviours=(), reason="made up", score_quantiles=())
    record = dataclasses.replace(fitted.record, metric=metric.to_dict())
    use_fit(monkeypatch, dataclasses.replace(fitted, metric=metric, record=record))
    result = train(config, output="out")
    again = register("out")
    assert again.already
    assert again.registered["run_id"] == result.registered["run_id"]
    assert "abstained" in again.registered["note"]


def test_what_cannot_be_registered_is_one_line(finished, store, tmp_path, trained):
    with pytest.raises(InputError, match="no such folder"):
        register(tmp_path / "none", tracking_uri=store)
    with pytest.raises(InputError, match="is registered already"):
        register("models:/small-shop@champion", tracking_uri=store)
    metric = trained.result.metric
    dataclasses.replace(metric, behaviours=(), reason="made up", score_quantiles=()).to_json(
        finished / "metric.json"
    )
    with pytest.raises(InputError, match="are of different runs"):
        register(finished, tracking_uri=store)


def test_a_run_without_tracking_needs_a_store(here, config, quick_fit, store):
    untracked = config.model_copy(
        update={"tracking": config.tracking.model_copy(update={"uri": None})}
    )
    train(untracked, output="out")
    with pytest.raises(ConfigError, match="--tracking-uri"):
        register("out")
    assert register("out", tracking_uri=store).registered["version"] == 1


def test_a_defect_of_the_store_says_what_was_written(
    here, write_yaml, quick_fit, monkeypatch, capsys
):
    def defect(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("engagement_ml.workflow.registering.log_run", defect)
    assert run(monkeypatch, "train", str(write_yaml()), "--output", "out") == 70
    said = capsys.readouterr().err
    assert "out was written" in said
    assert said.count("\n") == 1
    assert "traceback" in said
