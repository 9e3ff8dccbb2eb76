"""Log lines for schedulers: steps, notes and errors, each once, as text or as JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from engagement_ml.cli.app import app
from engagement_ml.cli.terminal import command
from engagement_ml.errors import InputError
from engagement_ml.workflow import write_features

STEPS = ["Reading tables", "Building features"]
DROPPED = "events.csv: 2 rows dropped (2 null customer_id)."


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A pipeline of three customers with two events that nobody did."""
    days = pd.date_range("2024-01-01", "2024-03-31", freq="D")
    ids = ["ann", "bob", "cat"] * (len(days) // 3 + 1)
    events = pd.DataFrame(
        {"customer_id": ids[: len(days)], "timestamp": days, "event_type": "visit"}
    )
    nobody = events.head(2).assign(customer_id="null")
    pd.concat([events, nobody]).to_csv(tmp_path / "events.csv", index=False)
    paid = events[["customer_id", "timestamp"]].assign(margin=2.5)
    paid.to_csv(tmp_path / "transactions.csv", index=False)
    file = tmp_path / "shop.yaml"
    file.write_text(
        "name: shop\n"
        "sources: {events: events.csv, transactions: transactions.csv}\n"
        "windows: {observation_days: 14, outcome_days: 14, every_days: 14}\n"
        "engine: {keep: null, threads: 1}\n"
    )
    return file


def run(pipeline: Path, *options: str, code: int = 0) -> Any:
    output = str(pipeline.with_name("features"))
    ran = CliRunner().invoke(app, ["features", str(pipeline), "--output", output, *options])
    assert ran.exit_code == code, ran.output
    return ran


def without_durations(messages: list[str]) -> list[str]:
    return [re.sub(r"[\d.]+ s$", "N s", message) for message in messages]


def test_json_has_an_object_a_line_and_every_note_once(pipeline: Path) -> None:
    ran = run(pipeline, "--log-format", "json")
    records = [json.loads(line) for line in ran.stderr.splitlines()]
    moments = [pd.Timestamp(record["time"]) for record in records]
    assert moments == sorted(moments)
    assert moments[0].tzinfo is not None
    assert {record["level"] for record in records} == {"INFO"}
    assert all(record["logger"].startswith("engagement_ml.") for record in records)
    finished = [record for record in records if "seconds" in record]
    assert [record["step"] for record in finished] == STEPS
    assert all(0 <= record["seconds"] < 60 for record in finished)
    messages = [record["message"] for record in records]
    assert len(messages) == len(set(messages))
    assert sum(message.endswith(DROPPED) for message in messages) == 1
    assert "features: " in ran.stdout


@pytest.mark.parametrize("option", [["--verbose"], ["--log-format", "text"]])
def test_text_has_moment_and_level_in_each_line(pipeline: Path, option: list[str]) -> None:
    lines = run(pipeline, *option).stderr.splitlines()
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO engagement_ml\.\S+: (.+)")
    messages = [match[1] for line in lines if (match := form.fullmatch(line))]
    assert len(messages) == len(lines)
    assert messages[0] == "Reading tables: started"
    assert sum(message.endswith(DROPPED) for message in messages) == 1


def test_python_logs_the_same(pipeline: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = run(pipeline, "--log-format", "json").stderr.splitlines()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        write_features(pipeline, pipeline.with_name("again"))
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("engagement_ml")]
    said = [json.loads(line)["message"] for line in lines]
    assert without_durations(ours) == without_durations(said)


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--quiet", "--log-format", "json"]])
def test_nothing_is_logged_without_being_asked(pipeline: Path, options: list[str]) -> None:
    assert run(pipeline, *options).stderr == ""


def test_an_error_is_the_last_line(pipeline: Path) -> None:
    pipeline.with_name("events.csv").write_text("customer_id,timestamp\nann,2024-01-01\n")
    text = run(pipeline, "--verbose", code=2).stderr.splitlines()
    *_, last = run(pipeline, "--log-format", "json", code=2).stderr.splitlines()
    record = json.loads(last)
    assert record["level"] == "ERROR"
    assert record["exit_status"] == 2
    assert "column 'event_type' is missing" in record["message"]
    assert text[-1].endswith(f"Z ERROR engagement_ml: {record['message']}")
    assert run(pipeline, code=2).stderr == f"error: {record['message']}\n"


def test_debug_puts_the_traceback_into_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    from engagement_ml.cli.logs import LogFormat

    with pytest.raises(Exception, match="2"), command(debug=True, log_format=LogFormat.json):
        raise InputError("events:\n  not there")
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record["message"] == "events: not there"
    assert "InputError" in record["traceback"]


def test_a_warning_is_a_note_for_people_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with command(quiet=True):
        logging.getLogger("engagement_ml.workflow").warning("the events are old")
        logging.getLogger("engagement_ml.workflow").info("three customers")
    assert screen.getvalue() == "note: the events are old\n"


def test_a_command_leaves_logging_as_it_was(pipeline: Path) -> None:
    logger = logging.getLogger("engagement_ml")
    before = (logger.level, list(logger.handlers))
    run(pipeline, "--log-format", "json")
    run(pipeline, "--quiet")
    assert (logger.level, list(logger.handlers)) == before


def test_importing_configures_no_logging() -> None:
    code = (
        "import logging, engagement_ml, engagement_ml.workflow, engagement_ml.inputs\n"
        "names = ['', 'engagement_ml', 'engagement_ml.progress']\n"
        "print([logging.getLogger(name).handlers for name in names])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[[], [], []]"
