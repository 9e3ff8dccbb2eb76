"""A registration that is killed at any moment leaves a valid store, and the next one completes it.

The moments are one of each kind of change that a registration makes to the store and its folder.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.sources import new_folder_whole, write_whole
from engagement_ml.temporary_folders import PREFIX
from engagement_ml.tracking.session import tracking_session
from engagement_ml.workflow import register
from tests.killing import at_once, changes_of, killed_at

MODEL = "small-shop"
MOMENTS = {
    "commit tags",
    "commit params",
    "replace metric.json",
    "commit registered_models",
    "commit model_version_tags",
    "commit logged_model_tags",
    "commit registered_model_aliases",
    "commit runs",
    "replace run.json",
}
"""Before the first write of each kind: to the run, its files, the registry, the run's end."""


def register_quietly(folder: Path, store: str) -> None:
    """What is killed, in a process of its own."""
    register(folder, tracking_uri=store, progress=False)


@pytest.fixture
def place(trained, migrated_store, tmp_path):
    """Make a folder with a run and a store that does not know it."""

    def make(name: str, *, database: bool = True) -> tuple[Path, str]:
        folder = tmp_path / name
        shutil.copytree(trained.folder, folder / "run")
        if database:
            shutil.copy(migrated_store, folder / "mlflow.db")
        return folder / "run", f"sqlite:///{folder / 'mlflow.db'}"

    return make


def state(store: str) -> tuple[dict[int, str], dict[str, int], list[str]]:
    """Versions with their runs' statuses, aliases, and the statuses of all runs."""
    with tracking_session(store) as client:
        versions = client.search_model_versions(f"name = '{MODEL}'")
        models = client.search_registered_models(f"name = '{MODEL}'")
        experiments = [each.experiment_id for each in client.search_experiments()]
        runs = client.search_runs(experiments)
        statuses = {run.info.run_id: run.info.status for run in runs}
    aliases = {name: int(v) for model in models for name, v in model.aliases.items()}
    return {int(v.version): statuses[v.run_id] for v in versions}, aliases, list(statuses.values())


def check_valid(folder: Path, store: str) -> None:
    """The database is whole, aliases lead to versions, and the folder holds one run."""
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    versions, aliases, _ = state(store)
    assert set(aliases.values()) <= set(versions)
    record = RunRecord.from_json(folder / "run.json")
    metric = EngagementMetric.from_json(folder / "metric.json")
    assert record.metric["definition_hash"] == metric.definition_hash
    assert (folder / "report.html").read_text().rstrip().endswith("</html>")


@pytest.mark.seldom
def test_a_registration_killed_at_any_moment_is_completed_by_the_next(place) -> None:
    changes = changes_of(register_quietly, *place("whole"))
    # Of equal changes, the last.
    moments = {change: number for number, change in enumerate(changes) if change in MOMENTS}
    assert set(moments) == MOMENTS
    for change, moment in moments.items():
        folder, store = place(f"killed {moment}")
        assert killed_at(moment, register_quietly, folder, store), change
        check_valid(folder, store)
        again = register(folder, tracking_uri=store, progress=False)
        check_valid(folder, store)
        versions, aliases, statuses = state(store)
        assert versions == {1: "FINISHED"}, change
        assert set(aliases.values()) == {1}, change
        assert "RUNNING" not in statuses, change
        assert again.registered["version"] == 1
        assert again.registered["alias"] in aliases
        assert not [path for path in folder.iterdir() if path.name.startswith(PREFIX)], change


@pytest.mark.seldom
def test_a_database_whose_creation_is_killed_is_created_by_the_next(place) -> None:
    folder, store = place("creation", database=False)
    file = Path(store.removeprefix("sqlite:///"))
    for moment in (0, 25):
        assert killed_at(moment, register_quietly, folder, store)
        assert not file.exists(), "the database appears whole or not at all"
    assert register(folder, tracking_uri=store, progress=False).registered["version"] == 1
    assert {path.name for path in file.parent.iterdir()} == {"mlflow.db", "artifacts", "run"}


@pytest.mark.seldom
def test_two_first_registrations_at_once_lose_none(place) -> None:
    first, store = place("first", database=False)
    second, _ = place("second", database=False)
    values = json.loads((second / "run.json").read_text())
    del values["sha256"]
    values["created_at"] = "2024-01-01T00:00:00+00:00"
    (second / "run.json").write_text(json.dumps(values))
    assert at_once(register_quietly, (first, store), (second, store)) == [0, 0]
    versions, aliases, statuses = state(store)
    assert versions == {1: "FINISHED", 2: "FINISHED"}
    assert set(aliases.values()) <= {1, 2}
    assert statuses == ["FINISHED", "FINISHED"]


@pytest.mark.seldom
def test_one_run_registered_twice_at_once_becomes_one_version(place) -> None:
    folder, store = place("twice")
    assert at_once(register_quietly, (folder, store), (folder, store)) == [0, 0]
    assert state(store)[0] == {1: "FINISHED"}
    check_valid(folder, store)


def write_scores(target: Path) -> None:
    """Write a file whole."""
    with write_whole(target) as temporary:
        temporary.write_text("new")


def replace_run(run: Path, target: Path) -> None:
    """Write a run over another one, as a training does in a folder that exists."""
    with new_folder_whole(target) as temporary:
        shutil.copytree(run, temporary, dirs_exist_ok=True)


def test_a_killed_write_leaves_the_old_file(tmp_path) -> None:
    target = tmp_path / "scores.csv"
    target.write_text("old")
    assert killed_at(0, write_scores, target)
    assert target.read_text() == "old"
    write_scores(target)
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_a_run_of_which_a_killed_training_replaced_a_part_is_refused(place, tmp_path) -> None:
    folder, store = place("replaced")
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    metric = EngagementMetric.from_json(folder / "metric.json")
    empty = dataclasses.replace(metric, behaviours=(), reason="made up", score_quantiles=())
    empty.to_json(other / "metric.json")
    moment = changes_of(replace_run, other, tmp_path / "trial").index("replace trial")
    assert moment == 0, "a new folder comes with one rename"
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    place_of_record = changes_of(replace_run, other, whole).index("replace run.json")
    assert killed_at(place_of_record, replace_run, other, folder)
    with pytest.raises(InputError, match="are of different runs"):
        register(folder, tracking_uri=store, progress=False)
