"""Completion in the shell: the script, its installation, and what Tab gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from engagement_ml.cli import completion
from engagement_ml.cli.completion import with_shell_named
from tests.cli.test_cli import COMMANDS, run

PLACES = {
    "bash": ".bash_completions/engagement-ml.sh",
    "zsh": ".zfunc/_engagement-ml",
    "fish": ".config/fish/completions/engagement-ml.fish",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("shell", PLACES)
def test_the_script_of_a_shell_is_shown_and_installed(shell, home, monkeypatch, capsys):
    assert run(monkeypatch, "--show-completion", shell) == 0
    script = capsys.readouterr().out
    assert f"complete_{shell}" in script
    assert "engagement-ml" in script
    assert run(monkeypatch, "--install-completion", shell) == 0
    assert str(home / PLACES[shell]) in capsys.readouterr().out
    assert (home / PLACES[shell]).read_text().strip() == script.strip()


def test_the_script_is_bash():
    bash = shutil.which("bash")
    assert bash is not None
    script = completion._script(completion.Shell.bash)
    subprocess.run([bash, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("engagement-ml ", COMMANDS),
        ("engagement-ml tr", ["train"]),
        ("engagement-ml train --log", ["--log-format"]),
        ("engagement-ml train --log-format j", ["json"]),
        ("engagement-ml demo --dataset o", ["online-retail"]),
        ("engagement-ml demo --preset h", ["healthcare"]),
        ("engagement-ml score --engine s", ["spark"]),
    ],
)
def test_tab_completes(line, expected, monkeypatch, capsys):
    words = line.split(" ")
    monkeypatch.setenv("_ENGAGEMENT_ML_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert run(monkeypatch) == 0
    assert set(expected) <= set(capsys.readouterr().out.split())


def test_a_shell_that_is_not_named_is_the_current_one(monkeypatch):
    shellingham = pytest.importorskip("shellingham")
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("fish", "/usr/bin/fish"))
    assert with_shell_named(["--show-completion"]) == ["--show-completion", "fish"]


def test_without_a_shell_to_detect_the_login_shell_counts(monkeypatch):
    shellingham = pytest.importorskip("shellingham")

    def fail() -> None:
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr(shellingham, "detect_shell", fail)
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert with_shell_named(["--install-completion"]) == ["--install-completion", "zsh"]


def test_another_shell_is_refused(monkeypatch, capsys):
    assert run(monkeypatch, "--show-completion", "ksh") == 2
    assert "'ksh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err


def test_a_home_that_cannot_be_written_is_an_error_of_one_line(home, monkeypatch, capsys):
    (home / ".bash_completions").write_text("a file, not a folder")
    assert run(monkeypatch, "--install-completion", "bash") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
