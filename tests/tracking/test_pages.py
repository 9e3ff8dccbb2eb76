"""What MLflow's pages say: names, times, descriptions, tags."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest

from engagement_ml.drivers.evidence import CheckRow
from engagement_ml.tracking import log_run
from engagement_ml.tracking.descriptions import (
    MAX_LENGTH,
    model_description,
    run_description,
    version_description,
)
from engagement_ml.tracking.git_commit import git_commit
from engagement_ml.tracking.registry import ABSTAINED_TAG
from engagement_ml.tracking.run_values import data_fingerprint, main_metrics, run_name, run_times
from engagement_ml.tracking.session import tracking_session


def test_a_run_has_the_time_of_its_training(record):
    training = dataclasses.replace(
        record, created_at="2026-11-27T03:46:10+00:00", seconds={"a": 50.0, "b": 10.5}
    )
    start, end = run_times(training)
    assert end - start == 60_500
    assert run_name(training) == "shop-engagement 2026-11-27 03:46"
    elsewhere = dataclasses.replace(training, created_at="2026-11-27T04:46:10+01:00")
    assert run_times(elsewhere) == (start, end)
    assert run_name(elsewhere) == run_name(training)


def test_pages_tell_the_metric_in_words_and_what_failed(uri, record, metric, folder):
    failing = CheckRow("placebo outcome", "Is it?", "no", passed=False)
    evidence = dataclasses.replace(record.evidence, checks=(failing,))
    failed = dataclasses.replace(record, evidence=evidence)
    logged = log_run(failed, metric, folder, uri=uri)
    with tracking_session(uri) as client:
        run = client.get_run(logged.run_id)
        version = client.get_model_version(metric.name, "1")
        model = client.get_registered_model(metric.name)
    note = run.data.tags["mlflow.note.content"]
    for text in (note, version.description, model.description):
        assert "tutorial done" in text
        assert "€1.50" in text
    assert "The one robustness check failed" in note
    assert "0.31" in note
    assert "The newest version is 1" in model.description
    assert run.info.run_name == "shop-engagement 2024-01-01 00:00"
    assert (run.info.start_time, run.info.end_time) == run_times(failed)
    assert version.tags["data_fingerprint"] == data_fingerprint(record)
    assert run.data.tags["engagement_ml.data_fingerprint"] == data_fingerprint(record)


def test_an_indicator_says_that_it_proves_nothing(record, metric):
    indicator = dataclasses.replace(metric, evidence="indicator")
    of_indicator = dataclasses.replace(record, metric=indicator.to_dict())
    for text in (
        run_description(of_indicator, indicator),
        version_description(of_indicator, indicator),
        model_description(of_indicator, indicator, 3),
    ):
        assert "no proof that raising it raises margin" in text
        assert "one more event is worth" not in text


def test_a_description_that_a_person_wrote_stays(uri, record, metric, folder):
    for _ in range(2):
        log_run(record, metric, folder, uri=uri)
    with tracking_session(uri) as client:
        assert "newest version is 2" in client.get_registered_model(metric.name).description
        client.update_registered_model(metric.name, "Ask Ann before you use it.")
    log_run(record, metric, folder, uri=uri)
    with tracking_session(uri) as client:
        described = client.get_registered_model(metric.name).description
    assert described == "Ask Ann before you use it."


def test_an_abstention_marks_the_model_that_exists(uri, record, metric, abstained, folder):
    log_run(record, metric, folder, uri=uri)
    of_abstained = dataclasses.replace(
        record, metric=abstained.to_dict(), created_at="2024-02-01T00:00:00+00:00"
    )
    log_run(of_abstained, abstained, folder, uri=uri)
    with tracking_session(uri) as client:
        tags = client.get_registered_model(metric.name).tags
    assert tags[ABSTAINED_TAG] == "2024-02-01T00:00:00+00:00: No behaviour passed every check."


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a|b", "$x$ *y*", "n\nl", "ü" * 4000]
)
def test_names_break_no_page(record, metric, name):
    behaviour = dataclasses.replace(metric.behaviours[0], behaviour=name, label=None)
    odd = dataclasses.replace(metric, behaviours=(behaviour, *metric.behaviours[1:]))
    row = dataclasses.replace(record.drivers[0], behaviour=name)
    evidence = dataclasses.replace(record.evidence, drivers=(row,))
    of_odd = dataclasses.replace(record, metric=odd.to_dict(), evidence=evidence)
    for text in (run_description(of_odd, odd), model_description(of_odd, odd, 1)):
        assert len(text) <= MAX_LENGTH
        assert "<script>" not in text
        assert not [line for line in text.splitlines() if line.count("|") - line.count("\\|") > 5]
    assert len(main_metrics(of_odd, odd)) <= 45


def test_the_commit_is_that_of_the_training(tmp_path):
    def git(*arguments: str, date: str = "2024-01-01T00:00:00+00:00") -> str:
        names = {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date, "HOME": str(tmp_path)}
        names |= {
            f"GIT_{who}_{what}": "a"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        command = ["git", *arguments]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**names, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert git_commit("2024-06-01T00:00:00+00:00", tmp_path) is None
    git("init", "-q")
    assert git_commit("2024-06-01T00:00:00+00:00", tmp_path) is None
    git("commit", "-q", "--allow-empty", "-m", "one")
    first = git("rev-parse", "HEAD")
    git("commit", "-q", "--allow-empty", "-m", "two", date="2024-09-01T00:00:00+00:00")
    assert git_commit("2024-06-01T00:00:00+00:00", tmp_path) == first
    assert git_commit("2024-10-01T00:00:00+00:00", tmp_path) == git("rev-parse", "HEAD")
