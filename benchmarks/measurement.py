"""Measurement of a command: wall time, processor time and peak memory of its process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.recovery.jobs import ROOT, digest, read_json, write_json

MAIN = "import sys; from engagement_ml.cli import main; sys.exit(main())"
PRODUCT = [sys.executable, "-c", MAIN]
"""Command line of ``engagement-ml`` from this repository, independent of installed versions."""
LAUNCHER = Path(__file__).with_name("launcher.py")
Figures = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """Cost of one process, including the start of Python and imports.

    Attributes
    ----------
    seconds : float
        Wall time.
    cpu_seconds : float
        Processor time of all threads, in user and system mode.
    peak_gb : float
        Largest resident memory, in 10^9 bytes.
    """

    seconds: float
    cpu_seconds: float
    peak_gb: float


class FailedError(Exception):
    """A measured command failed; the message is the last line of its standard error."""


def measure_command(command: Sequence[str]) -> tuple[Cost, str]:
    """Run a command in the repository's folder; return its cost and its standard output.

    Raises
    ------
    FailedError
        If its exit status is not 0.
    """
    launch = [sys.executable, "-I", "-S", str(LAUNCHER)]
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        tempfile.NamedTemporaryFile() as result,
    ):
        status = subprocess.call([*launch, result.name, *command], cwd=ROOT, stdout=out, stderr=err)
        out.seek(0)
        err.seek(0)
        printed, errors = out.read().decode(), err.read().decode()
        measured = result.read().decode()
    if status:
        lines = errors.strip().splitlines() or [f"exit status {status}"]
        raise FailedError(f"{' '.join(command[-4:])}: {lines[-1]}")
    seconds, cpu_seconds, peak = map(float, measured.split())
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, cpu_seconds, peak * unit / 1e9), printed


def best_of(costs: Sequence[Cost]) -> Figures:
    """Return the minimum of wall and processor time over several runs, and the maximum of memory.

    The minimum is used because other work on the machine can only add time.

    Examples
    --------
    >>> best_of([Cost(2.0, 3.0, 0.5), Cost(1.0, 4.0, 0.6)])
    {'seconds': 1.0, 'cpu_seconds': 3.0, 'peak_gb': 0.6, 'runs': 2}
    """
    return {
        "seconds": min(cost.seconds for cost in costs),
        "cpu_seconds": min(cost.cpu_seconds for cost in costs),
        "peak_gb": max(cost.peak_gb for cost in costs),
        "runs": len(costs),
    }


def cached_measurement(
    results: Path, name: str, code: Sequence[Path], measure: Callable[[], Figures], **settings: Any
) -> Figures:
    """Return the cached measurement of the present code; measure if there is none.

    Parameters
    ----------
    results : path
        Folder of JSON files.
    name : str
        Name of the measurement.
    code : sequence of Path
        Files and folders of code that the measurement depends on.
    measure : callable
        Takes the measurement.
    **settings
        Other settings that the measurement depends on.

    Raises
    ------
    FileNotFoundError
        If a path of `code` does not exist.
    """
    version = digest([file for path in code for file in _files(path)])
    slug = "-".join([name, *(f"{key}-{value}" for key, value in sorted(settings.items()))])
    file = results / f"{slug}.{version}.json"
    cached = read_json(file)
    if cached is not None:
        return cached
    show_progress(f"{name}: measuring")
    started = time.perf_counter()
    measurement = {"measured": time.strftime("%Y-%m-%d %H:%M"), **measure()}
    results.mkdir(parents=True, exist_ok=True)
    write_json(file, measurement)
    show_progress(f"{name}: done in {time.perf_counter() - started:.0f} s")
    return json.loads(json.dumps(measurement))


def show_progress(line: str) -> None:
    """Print a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise FileNotFoundError(f"{path}: code of a measurement is missing; correct its path")
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
