"""What a command costs: wall time, processor time and peak memory, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.recovery.jobs import ROOT, digest, read, write

MAIN = "import sys; from engagement_ml.cli import main; sys.exit(main())"
PRODUCT = [sys.executable, "-c", MAIN]
"""``engagement-ml``, run from this folder's code whatever is installed."""
Figures = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """What one process cost, the start of Python and all imports included.

    Attributes
    ----------
    seconds : float
        Wall time.
    cpu_seconds : float
        Of all threads, in user and system mode.
    peak_gb : float
        Largest resident memory, in 10^9 bytes.
    """

    seconds: float
    cpu_seconds: float
    peak_gb: float


class FailedError(Exception):
    """A measured command failed; the message is the end of what it said."""


def cost_of(command: Sequence[str]) -> tuple[Cost, str]:
    """Run a command in the repository's folder; return its cost and what it printed.

    Raises
    ------
    FailedError
        Where its exit status is not 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed, said = out.read().decode(), err.read().decode()
    if process.returncode:
        lines = said.strip().splitlines() or [f"exit status {process.returncode}"]
        raise FailedError(f"{' '.join(command[-4:])}: {lines[-1]}")
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    return Cost(seconds, used.ru_utime + used.ru_stime, peak), printed


def best(costs: Sequence[Cost]) -> Figures:
    """Return the least wall and processor time of several runs, and the most memory.

    Other work on a machine only ever adds time.

    Examples
    --------
    >>> best([Cost(2.0, 3.0, 0.5), Cost(1.0, 4.0, 0.6)])
    {'seconds': 1.0, 'cpu_seconds': 3.0, 'peak_gb': 0.6, 'runs': 2}
    """
    return {
        "seconds": min(cost.seconds for cost in costs),
        "cpu_seconds": min(cost.cpu_seconds for cost in costs),
        "peak_gb": max(cost.peak_gb for cost in costs),
        "runs": len(costs),
    }


def figures_of(cost: Cost) -> Figures:
    """Return one run's cost as plain data."""
    return asdict(cost)


def kept(
    results: Path, name: str, code: Sequence[Path], measure: Callable[[], Figures], **told: Any
) -> Figures:
    """Return what is known of a measurement by the present code, measuring it the first time.

    Parameters
    ----------
    results : path
        A folder of JSON files.
    name : str
    code : sequence of Path
        Files and folders of code that the measurement depends on.
    **told
        What else it depends on.
    """
    version = digest([file for path in code for file in _files(path)])
    slug = "-".join([name, *(f"{key}-{value}" for key, value in sorted(told.items()))])
    file = results / f"{slug}.{version}.json"
    known = read(file)
    if known is not None:
        return known
    say(f"{name}: measuring")
    started = time.perf_counter()
    found = {"measured": time.strftime("%Y-%m-%d %H:%M"), **measure()}
    results.mkdir(parents=True, exist_ok=True)
    write(file, found)
    say(f"{name}: done in {time.perf_counter() - started:.0f} s")
    return json.loads(json.dumps(found))


def say(line: str) -> None:
    """Tell whoever watches how far it is, on standard error."""
    print(line, file=sys.stderr, flush=True)


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
