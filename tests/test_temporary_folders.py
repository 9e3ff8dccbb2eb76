"""Temporary folders on a volume that several runs share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engagement_ml.temporary_folders import LOCK, PREFIX, SUFFIX, temporary_folder

HOLD = """
import sys, time
from pathlib import Path
from engagement_ml.temporary_folders import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "half.parquet").write_text("half")
    print(folder.parent.name, flush=True)
    time.sleep(60)
"""


@contextmanager
def other_run(parent: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds a folder in `parent`, and the folder's name."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(parent)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_runs_with_the_same_process_id_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with temporary_folder(tmp_path) as one, temporary_folder(tmp_path) as other:
        (one / "a").write_text("one")
        (other / "a").write_text("other")
        assert (one / "a").read_text() == "one"
    assert list(tmp_path.iterdir()) == []


def test_the_leftover_of_a_killed_run_is_removed_and_that_of_a_running_one_is_not(tmp_path):
    (tmp_path / "kept.parquet").write_text("not ours")
    (tmp_path / f"{PREFIX}file{SUFFIX}").write_text("not a folder")
    with other_run(tmp_path) as (process, name):
        with temporary_folder(tmp_path):
            assert (tmp_path / name / "content" / "half.parquet").exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (tmp_path / name).exists()
        with temporary_folder(tmp_path):
            assert not (tmp_path / name).exists()
    assert {p.name for p in tmp_path.iterdir()} == {"kept.parquet", f"{PREFIX}file{SUFFIX}"}


@pytest.mark.parametrize(("age", "left"), [(10, True), (7200, False)])
def test_a_folder_without_a_lock_may_be_a_run_that_begins(tmp_path, age, left):
    outer = tmp_path / f"{PREFIX}abc{SUFFIX}"
    outer.mkdir()
    os.utime(outer, (time.time() - age,) * 2)
    with temporary_folder(tmp_path):
        assert outer.exists() is left


def test_a_folder_that_was_swept_while_it_was_made_is_made_again(tmp_path, monkeypatch):
    real, swept = os.open, []

    def sweep_first(path, *arguments, **more):
        handle = real(path, *arguments, **more)
        if Path(path).name == LOCK and not swept:
            swept.append(path)
            os.remove(path)
        return handle

    monkeypatch.setattr(os, "open", sweep_first)
    with temporary_folder(tmp_path) as folder:
        assert folder.parent != Path(swept[0]).parent
        assert (folder.parent / LOCK).exists()
