"""The commit of the user's repository that a run was trained with."""

from __future__ import annotations

import subprocess
from pathlib import Path

_TIMEOUT_SECONDS = 5.0


def git_commit(before: str, folder: Path | None = None) -> str | None:
    """Return the last commit at a moment; None without a repository or without git.

    A run may be registered long after its training, so today's commit may not be the one that it
    was trained with.

    Parameters
    ----------
    before : str
        The moment, as ISO 8601 with time zone.
    folder : Path, optional
        A folder in the repository; by default the working folder.
    """
    command = ["git", "rev-list", "-1", f"--before={before}", "HEAD"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    commit = done.stdout.strip()
    return commit if done.returncode == 0 and commit else None
