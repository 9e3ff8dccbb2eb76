"""Progress: silent where nobody watches, and its times."""

from __future__ import annotations

import io
import sys

import pytest

from engagement_ml.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    with progress.step("Reading"):
        pass
    with progress.step("Reading"):
        pass
    assert list(progress.seconds) == ["Reading"]
    assert capsys.readouterr() == ("", "")


def test_quiet_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(quiet=True).step("Reading"):
        pass
    assert terminal.getvalue() == ""
    with Progress().step("Reading"):
        pass
    assert "Reading" in terminal.getvalue()


def test_a_step_that_fails_is_not_called_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress()
    with pytest.raises(ZeroDivisionError), progress.step("Dividing"):
        _ = 1 / 0
    assert "✓" not in terminal.getvalue()
    assert "Dividing" in progress.seconds


def test_parts_of_a_step_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    progress = Progress()
    with progress.step("Reading"):
        progress.part(3, 16)
    assert "3/16" in terminal.getvalue()
    progress.part(4, 16)
    assert "4/16" not in terminal.getvalue()
