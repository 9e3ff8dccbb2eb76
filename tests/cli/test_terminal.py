"""Exit statuses, interruption and what a command writes to standard error."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from engagement_ml.cli.results import show_evaluation
from engagement_ml.cli.terminal import command
from engagement_ml.errors import GateFailedError
from tests.cli.test_cli import SCRIPT, run


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (GateFailedError("metric: too weak"), 1, "error: metric: too weak\n"),
        (
            ZeroDivisionError("by zero"),
            70,
            "this is a defect: ZeroDivisionError: by zero; run it with --debug",
        ),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_exit_statuses(monkeypatch, capsys, error, status, said):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("engagement_ml.workflow.reporting.report", fail)
    assert run(monkeypatch, "report", "folder") == status
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["train"], ["trian"], ["demo", "--sede", "1"]])
def test_an_invalid_command_line_exits_with_status_two(monkeypatch, capsys, arguments):
    assert run(monkeypatch, *arguments) == 2
    assert "Usage: engagement-ml" in capsys.readouterr().err


INTERRUPT = """
import os, signal, sys, threading
from engagement_ml.progress import LogProgress
number, step, delay = int(sys.argv.pop()), sys.argv.pop(), float(sys.argv.pop())
def interrupt_soon(self, title):
    if title == step:
        threading.Timer(delay, os.kill, (os.getpid(), number)).start()
LogProgress._show_start = interrupt_soon
if number != signal.SIGINT:
    # Under nohup the system hands an ignored SIGHUP on.
    signal.signal(number, signal.SIG_DFL)
"""


@pytest.mark.parametrize(
    ("step", "delay", "number", "word"),
    [
        ("Reading tables", 0.0, signal.SIGINT, "interrupted"),
        ("Reading tables", 0.05, signal.SIGTERM, "terminated"),
        pytest.param(
            *("Fitting the profit and churn models", 0.05, signal.SIGTERM, "terminated"),
            marks=pytest.mark.seldom,
        ),
        ("Finding drivers", 0.2, signal.SIGHUP, "hung up"),
    ],
)
def test_interrupting_a_run_leaves_nothing(here, write_yaml, step, delay, number, word):
    """While tables are read, where the engine notices first, and while models are fitted.

    The run interrupts itself, so that the machine's load does not matter.
    """
    file = write_yaml()
    before = set(here.rglob("*"))
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPT + SCRIPT, "train", str(file), "--output", "out",
         str(delay), step, str(int(number))],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=False,
    )  # fmt: skip
    assert ran.returncode == 128 + number
    assert ran.stderr == f"{word}: no results were written\n"
    assert set(here.rglob("*")) == before


def test_steps_print_nothing_without_a_terminal(capsys):
    with command() as progress:
        progress.start("Reading tables")
        progress.start("Building features")
    assert capsys.readouterr() == ("", "")


@pytest.mark.seldom
def test_a_closed_pipe_is_not_reported_as_a_defect(trained):
    head = f"{shlex.quote(sys.executable)} -c {shlex.quote(SCRIPT)}"
    command = f"{head} evaluate {shlex.quote(str(trained.folder))} | true; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, cwd=Path("/tmp")
    )
    assert "defect" not in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def default_interrupt() -> Iterator[None]:
    """Interrupts raise, also in a background process, which starts with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_interrupt")
def test_an_interruption_that_a_library_swallows_ends_the_run_at_its_next_step(capsys) -> None:
    def interrupted_run() -> None:
        with command(quiet=True) as progress:
            progress.start("reading")
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                progress.update(1, 2)
            progress.start("fitting")
            pytest.fail("the step started")

    with pytest.raises(typer.Exit) as exit_:
        interrupted_run()
    assert exit_.value.exit_code == 130
    assert capsys.readouterr().err == "interrupted: no results were written\n"


def test_verbose_logs_each_step_on_standard_error(trained, tmp_path):
    arguments = ["report", str(trained.folder), "--output", str(tmp_path / "again.html")]
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments, "--verbose"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [
        line.partition(" INFO engagement_ml.progress: ")[2] for line in ran.stderr.splitlines()
    ]
    assert [re.sub(r"[\d.]+ s$", "N s", line) for line in lines] == [
        "Reading the run: started",
        "Reading the run: finished in N s",
        "Writing the report: started",
        "Writing the report: finished in N s",
    ]


def test_names_that_look_like_markup_are_printed_as_they_are(capsys):
    row = {"spearman": {"value": 0.1, "low": 0.0, "high": 0.2}}
    names = ["cart[/beta]", "[bold]", ":smile:"]
    rows = dict.fromkeys(names, row)
    notes = ["the segment [/x] is small"]
    show_evaluation({"metric": {"across": rows, "within": rows}, "notes": notes}, Path("[/out]"))
    said = capsys.readouterr().out
    assert all(name in said for name in [*names, "segment [/x]", "[/out]"])


def test_a_full_disk_is_no_defect(trained, tmp_path, monkeypatch, capsys, small_files):
    with small_files():
        arguments = ["report", str(trained.folder), "--output", str(tmp_path / "again.html")]
        assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err
    assert re.search(r"^error: \S*again.html: cannot be written: .*volume\n$", said)
    assert list(tmp_path.iterdir()) == []
