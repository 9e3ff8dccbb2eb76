"""Which trained run a scorecard takes, and that it says so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagement_ml.config import parse_config
from engagement_ml.progress import Progress
from engagement_ml.workflow.scorecards import run as module
from engagement_ml.workflow.scorecards.run import chosen_run
from tests.conftest import SETTINGS


def chosen(tmp_path, *, uri=None, folder=None, **keys):
    config = parse_config({**SETTINGS, "tracking": {"uri": uri}, **keys})
    with chosen_run(
        config, folder, model=None, frames=None, tracking_uri=None, progress=Progress()
    ) as found:
        return SimpleNamespace(origin=found.run.origin, notes=found.notes)


@pytest.fixture
def untrained(monkeypatch):
    """No training: it says that it would begin."""

    class BeganError(Exception):
        pass

    def fit(*_, **__):
        raise BeganError

    monkeypatch.setattr(module, "fit_pipeline", fit)
    return BeganError


def copy_of(trained, folder: Path, age: int = 0) -> Path:
    shutil.copytree(trained.folder, folder)
    moment = (folder / "run.json").stat().st_mtime - age
    os.utime(folder / "run.json", (moment, moment))
    return folder


def test_the_newest_run_of_the_name_that_fits_is_used(trained, here, untrained):
    copy_of(trained, Path("runs/small-shop/z-old"), age=100)
    newest = copy_of(trained, Path("runs/small-shop/a-new"))
    copy_of(trained, Path("runs/other/newer"))
    Path("runs/small-shop/audit").mkdir()
    found = chosen(here)
    assert Path(found.origin) == newest
    assert str(newest) in found.notes[0]
    # A damaged run is passed over, and named.
    (newest / "metric.json").write_text("{}")
    found = chosen(here)
    assert Path(found.origin) == Path("runs/small-shop/z-old")
    assert "a-new was not used" in found.notes[1]


def test_a_run_beside_the_configuration_comes_first(trained, here, untrained):
    copy_of(trained, Path("runs/small-shop/new"))
    beside = copy_of(trained, here / "demo", age=100)
    assert Path(chosen(here, folder=beside).origin) == beside
    # A run of another pipeline beside it does not.
    assert Path(chosen(here, folder=beside, name="small-shop").origin) == beside
    with pytest.raises(untrained):
        chosen(here, folder=beside, name="another")


def test_a_run_with_other_windows_is_not_used(trained, here, untrained):
    copy_of(trained, Path("runs/small-shop/new"))
    with pytest.raises(untrained):
        chosen(here, windows={**SETTINGS["windows"], "observation_days": 56})


def test_without_a_folder_the_registered_version_is_used(trained, here, untrained):
    found = chosen(here, uri=trained.store)
    assert found.origin in ("models:/small-shop@champion", "models:/small-shop/1")
    assert found.origin in found.notes[0]


def test_a_store_that_fails_is_said_and_training_begins(here, untrained, monkeypatch):
    store = here / "mlruns" / "mlflow.db"
    with pytest.raises(untrained):
        chosen(here, uri=f"sqlite:///{store}")
    store.write_bytes(b"no database")
    with pytest.raises(untrained):
        chosen(here, uri=f"sqlite:///{store}")
