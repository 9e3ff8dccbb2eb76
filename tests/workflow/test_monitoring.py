"""The monitor on a trained run: rows, files, exit status and its history in MLflow."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

from engagement_ml.cli.app import app
from engagement_ml.config import parse_config
from engagement_ml.errors import ConfigError, NotEnoughDataError
from engagement_ml.lifecycle.monitoring.rows import COLUMNS
from engagement_ml.tracking.session import tracking_session
from engagement_ml.workflow import monitor


@pytest.fixture(scope="module")
def home(trained, tmp_path_factory) -> SimpleNamespace:
    """A copy of the run and of its store, and the events as a frame."""
    folder = tmp_path_factory.mktemp("monitor")
    shutil.copytree(trained.folder, folder / "run")
    config = parse_config(trained.result.record.config, origin="test")
    return SimpleNamespace(
        path=folder, run=folder / "run", config=config, events=pd.read_parquet(trained.events)
    )


@pytest.fixture(scope="module")
def quiet(home):
    return monitor(home.run, home.config, output=home.path / "out", progress=False)


def test_a_quiet_week_has_all_kinds_of_rows_and_no_alarm(quiet):
    kinds = {row.kind for row in quiet.rows}
    assert {"volume", "shape", "identical_rows", "few_customers", "link", "calibration"} <= kinds
    assert not [row for row in quiet.rows if row.kind != "volume" and row.status == "alarm"]
    assert quiet.as_of == dt.date(2024, 10, 7)


def test_files_hold_the_rows(home, quiet):
    out = home.path / "out"
    with (out / "monitor.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(quiet.rows) == len(pd.read_parquet(out / "monitor.parquet"))
    content = json.loads((out / "monitor.json").read_text(encoding="utf-8"))
    assert content["status"] == quiet.status
    assert content["rows"][0]["sentence"] in (out / "monitor.html").read_text(encoding="utf-8")
    assert (out / "early_warnings.csv").is_file()


@pytest.fixture
def events_only(monkeypatch):
    """Leave out what needs outcomes, which has tests of its own and takes most of the time."""
    from engagement_ml.lifecycle.monitoring.rows import CheckResult
    from engagement_ml.workflow import monitoring

    monkeypatch.setattr(monitoring, "_check_outcomes", lambda *_: (CheckResult(), None))


def faulty(home) -> dict[str, pd.DataFrame]:
    """The events of the last week: one type is gone, another is logged twice."""
    events = home.events
    last = events["timestamp"] >= events["timestamp"].max().normalize() - pd.Timedelta(days=6)
    kept = events[~(last & (events["event_type"] == "email_open"))]
    twice = events[last & (events["event_type"] == "page_view")]
    again = twice.assign(event_id=twice["event_id"] + 10**9)
    return {"events": pd.concat([kept, again, twice.head(400)], ignore_index=True)}


def test_faults_are_alarms_and_fail_on_says_what_fails(home, events_only):
    result = monitor(home.run, home.config, frames=faulty(home), progress=False)
    found = {(row.kind, row.subject) for row in result.rows if row.status == "alarm"}
    assert ("event_type", "email_open") in found
    assert ("identical_rows", "page_view") in found
    assert ("repeated_ids", "page_view") in found
    assert result.failed
    assert result.rows[0].status == "alarm"
    assert result.folder is None


def test_the_history_is_one_run_and_a_week_is_logged_once(home, events_only, quiet):
    again = monitor(home.run, home.config, progress=False)
    assert again.run_id == quiet.run_id is not None
    assert any("MLflow has the week" in note for note in again.notes)
    earlier = monitor(home.run, home.config, as_of="2024-09-30", progress=False)
    assert earlier.run_id == quiet.run_id
    with tracking_session(home.config.tracking.uri, create=False) as client:
        points = client.get_metric_history(quiet.run_id, "volume/all events")
        tags = client.get_run(quiet.run_id).data.tags
        files = [file.path for file in client.list_artifacts(quiet.run_id, "2024-10-07")]
    assert len(points) == len({point.step for point in points}) == 2
    assert tags["engagement_ml.monitors"] == "small-shop/1"
    assert "2024-10-07/monitor.html" in files


def test_a_store_that_fails_does_not_hide_an_alarm(home, events_only, monkeypatch):
    from engagement_ml.errors import TrackingError
    from engagement_ml.workflow import monitoring

    def fails(*_, **__):
        raise TrackingError("tracking store: is down")

    monkeypatch.setattr(monitoring, "log_monitoring", fails)
    result = monitor(home.run, home.config, frames=faulty(home), progress=False)
    assert result.failed
    assert any("was not logged" in note for note in result.notes)


def test_a_late_export_is_an_alarm(home, events_only):
    later = home.events["timestamp"].max().date() + dt.timedelta(days=15)
    result = monitor(home.run, home.config, as_of=later, progress=False)
    assert {row.status for row in result.rows if row.kind == "event_type"} == {"alarm"}


def test_what_cannot_be_monitored_is_an_error(home, events_only):
    with pytest.raises(NotEnoughDataError, match="complete week"):
        monitor(home.run, home.config, as_of="2024-01-03", progress=False)
    with pytest.raises(ConfigError, match="fail_on"):
        monitor(home.run, home.config, fail_on="always", progress=False)  # type: ignore[arg-type]
    other = home.config.model_copy(
        update={"windows": home.config.windows.model_copy(update={"outcome_days": 56})}
    )
    with pytest.raises(ConfigError, match=r"windows\.outcome_days"):
        monitor(home.run, other, progress=False)


def test_the_exit_status_tells_a_scheduler(home, quiet, monkeypatch):
    from dataclasses import replace

    from engagement_ml import workflow

    alarm = replace(quiet.rows[0], status="alarm", sentence="Everything is gone.")
    for rows, fail_on, status in (((alarm,), "alarm", 1), ((alarm,), "never", 0), ((), "alarm", 0)):
        found = replace(quiet, rows=rows, fail_on=fail_on)
        monkeypatch.setattr(workflow, "monitor", lambda *_, found=found, **__: found, raising=False)
        run = CliRunner().invoke(app, ["monitor", "run", "shop.yaml"])
        assert run.exit_code == status, run.output
        assert ("Everything is gone." in run.output) == bool(rows)
