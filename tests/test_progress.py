"""Progress: what is shown on a terminal, in a notebook and in the log; the time of each step."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable

import pytest

from engagement_ml.errors import ConfigError
from engagement_ml.progress import (
    LogProgress,
    NotebookProgress,
    Progress,
    ProgressOption,
    TerminalProgress,
    progress_for,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    # Not a fixture: pytest replaces standard error between a fixture and its test.
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "100")
    return screen


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run as in a Jupyter kernel; the list holds the content of each output area."""
    display = pytest.importorskip("IPython.display")
    areas: list[str] = []

    class Area:
        def __init__(self, page: object) -> None:
            areas.append(page.data)
            self.place = len(areas) - 1

        def update(self, page: object) -> None:
            areas[self.place] = page.data

    class Shell:
        kernel = object()

    monkeypatch.setattr("IPython.get_ipython", Shell)
    monkeypatch.setattr(display, "display", lambda page, display_id: Area(page))
    return areas


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Replace the clock by one that only the returned function moves."""
    now = [0.0]

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("engagement_ml.progress.time.perf_counter", lambda: now[0])
    return pass_time


def fail_while_dividing(progress: Progress) -> None:
    with pytest.raises(ZeroDivisionError), progress:  # noqa: PT012  # the context takes the error
        progress.start("Dividing")
        _ = 1 / 0


def test_every_step_is_timed_and_equal_names_are_added_up(clock) -> None:
    with Progress() as progress:
        for name, seconds in (("Reading", 1.0), ("Fitting", 0.5), ("Reading", 2.0)):
            progress.start(name, "of 3 of 9 customers")
            clock(seconds)
        assert progress.seconds == {"Reading": 1.0, "Fitting": 0.5}
    assert progress.seconds == {"Reading": 3.0, "Fitting": 0.5}


def test_a_progress_starts_each_run_without_the_times_of_the_previous_one() -> None:
    progress = Progress()
    with progress:
        progress.start("Making the data set")
        with progress:
            progress.start("Reading")
        assert list(progress.seconds) == ["Reading"]


def test_silent_progress_prints_nothing(monkeypatch, capsys) -> None:
    terminal = on_terminal(monkeypatch)
    with progress_for(False) as progress:
        progress.start("Reading")
        progress.update(1, 2)
    assert type(progress) is Progress
    assert terminal.getvalue() == ""
    assert capsys.readouterr() == ("", "")


def test_the_callback_gets_name_and_detail_of_each_step() -> None:
    titles: list[str] = []
    with Progress(titles.append) as progress:
        progress.start("reading tables")
        progress.start("Fitting", "of 3 of 9 customers")
    assert titles == ["reading tables", "Fitting of 3 of 9 customers"]
    assert list(progress.seconds) == ["reading tables", "Fitting"]


def test_a_check_that_raises_ends_the_run_before_the_step_starts() -> None:
    cancelled: list[bool] = []

    def check() -> None:
        if cancelled:
            raise KeyboardInterrupt

    titles: list[str] = []
    with Progress(titles.append, check=check) as progress:
        progress.start("Reading")
        progress.update(1, 2)
        cancelled.append(True)
        with pytest.raises(KeyboardInterrupt):
            progress.update(2, 2)
        with pytest.raises(KeyboardInterrupt):
            progress.start("Fitting")
    assert titles == ["Reading"]
    assert list(progress.seconds) == ["Reading"]


def test_a_terminal_shows_a_line_for_each_finished_step(monkeypatch, clock) -> None:
    terminal = on_terminal(monkeypatch)
    with progress_for() as progress:
        progress.start("reading [of 3] tables")
        clock(1.25)
    assert isinstance(progress, TerminalProgress)
    assert "Reading [of 3] tables" in terminal.getvalue()
    assert "1.2 s" in terminal.getvalue()


def test_a_step_that_fails_is_not_shown_as_finished(monkeypatch) -> None:
    terminal = on_terminal(monkeypatch)
    progress = progress_for("bar")
    fail_while_dividing(progress)
    assert "✓" not in terminal.getvalue()
    assert "Dividing" in progress.seconds


def test_a_terminal_shows_how_many_parts_of_a_step_are_done(monkeypatch) -> None:
    terminal = on_terminal(monkeypatch)
    progress = progress_for("bar")
    with progress:
        progress.start("Reading")
        progress.update(3, 16)
    assert "3/16" in terminal.getvalue()
    progress.update(4, 16)
    assert "4/16" not in terminal.getvalue()


def test_a_notebook_shows_all_steps_in_one_output_area(notebook, clock) -> None:
    with progress_for() as progress:
        progress.start("Reading <tables>")
        clock(1.25)
        progress.start("Fitting")
        progress.update(3, 16)
        bar = '<progress value="3" max="16"></progress> 3/16'
        assert notebook == [f"✓ Reading &lt;tables&gt; 1.2 s<br>Fitting {bar}"]
    assert isinstance(progress, NotebookProgress)
    assert notebook == ["✓ Reading &lt;tables&gt; 1.2 s<br>✓ Fitting 0.0 s"]


def test_a_notebook_shows_each_run_in_another_output_area(notebook, clock) -> None:
    progress = progress_for("bar")
    for _ in range(2):
        fail_while_dividing(progress)
    assert notebook == ["✗ Dividing 0.0 s"] * 2


def test_the_log_has_a_record_when_a_step_starts_and_when_it_ends(caplog, clock) -> None:
    caplog.set_level(logging.INFO, logger="engagement_ml")
    progress = progress_for()
    with progress:
        progress.start("Reading")
        progress.update(1, 2)
        clock(1.25)
    fail_while_dividing(progress)
    assert isinstance(progress, LogProgress)
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("engagement_ml.progress", "INFO", message)
        for message in (
            "Reading: started",
            "Reading: finished in 1.2 s",
            "Dividing: started",
            "Dividing: stopped after 0.0 s",
        )
    ]
    assert [getattr(r, "seconds", None) for r in caplog.records] == [None, 1.25, None, 0.0]
    assert {r.step for r in caplog.records} == {"Reading", "Dividing"}


def test_progress_within_a_step_is_logged_for_debugging(caplog) -> None:
    caplog.set_level(logging.DEBUG, logger="engagement_ml")
    with progress_for("log") as progress:
        progress.start("Reading")
        progress.update(1, 2)
    assert ("DEBUG", "Reading: 1 of 2") in [(r.levelname, r.getMessage()) for r in caplog.records]


def test_log_records_print_nothing_unless_logging_is_configured(capfd) -> None:
    logging.getLogger("engagement_ml").setLevel(logging.NOTSET)
    with progress_for("log") as progress:
        progress.start("Reading")
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("engagement_ml").handlers == []


@pytest.mark.parametrize("option", ["auto", "bar", "log", False])
def test_every_option_works_without_a_standard_error(monkeypatch, option: ProgressOption) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with progress_for(option) as progress:
        progress.start("Reading")
    assert list(progress.seconds) == ["Reading"]


@pytest.mark.parametrize("option", [True, 0, "bars", None])
def test_an_unknown_option_is_an_error_that_names_the_known_ones(option) -> None:
    with pytest.raises(ConfigError, match=r"give 'auto', 'bar', 'log', False or a Progress"):
        progress_for(option)


def test_a_progress_is_returned_as_it_is_and_takes_no_second_callback() -> None:
    progress = Progress()
    assert progress_for(progress) is progress
    with pytest.raises(ConfigError, match="on_step: give it to the Progress"):
        progress_for(progress, print)
