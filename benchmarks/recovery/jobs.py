"""Benchmark jobs with cached results: one JSON file per data set and method."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PRODUCT = "engagement-ml"
SIMULATION_CODE = (
    "spec.py", "customers.py", "mechanism.py", "draw.py", "truth.py", "builder.py", "kinds.py",
    "many_drivers.py",
    "subscriptions.py", "subscriber.py", "world.py", "worlds.py", "render.py",
)  # fmt: skip
RIVAL_CODE = ("panel.py", "rivals.py")
PANEL_RIVAL_CODE = (*RIVAL_CODE, "panel_rivals.py")
DAILY = "daily_"  # prefix of the kinds of the daily generator
# the packages that decide verdicts; changes of reporting and tracking need no new run
PRODUCT_CODE = (
    "drivers",
    "features",
    "models",
    "evaluation",
    "metric",
    "inputs",
    "ledger",
    "tables",
    "windows.py",
    "workflow",
)


@dataclass(frozen=True, order=True)
class Job:
    """One simulated data set: kind, size and seed."""

    kind: str
    size: str
    n_customers: int
    n_weeks: int
    seed: int

    @property
    def is_daily(self) -> bool:
        """Whether the daily generator simulates it."""
        return self.kind.startswith(DAILY)

    def file(self, results: Path, method: str, version: str) -> Path:
        """Return the file of a method's result."""
        slug = method.replace(" ", "-").replace(",", "")
        return results / f"{self.kind}.{self.size}.{self.seed}.{slug}.{version}.json"


def digest(paths: list[Path]) -> str:
    """Return a short hash of file names and contents."""
    code = hashlib.sha256()
    for path in sorted(paths):
        code.update(path.name.encode() + path.read_bytes())
    return code.hexdigest()[:10]


def code_versions(methods: list[str], *, daily: bool = False) -> dict[str, str]:
    """Return a hash of the code behind each method's results, and of the simulation (``truth``)."""
    from benchmarks.recovery.panel_rivals import PANEL_RIVALS

    simulation = [HERE / name for name in SIMULATION_CODE]
    if daily:
        simulation = list((HERE / "daily").glob("*.py"))
    package = ROOT / "engagement_ml"
    product: list[Path] = []
    for name in PRODUCT_CODE:
        part = package / name
        product += [part] if part.is_file() else list(part.rglob("*.py"))
    versions = {"truth": digest(simulation), PRODUCT: digest([*simulation, *product])}
    for method in methods:
        if method != PRODUCT:
            names = PANEL_RIVAL_CODE if method in PANEL_RIVALS else RIVAL_CODE
            versions[method] = digest([*simulation, *(HERE / name for name in names)])
    return versions


def make_data(job: Job) -> Any:
    """Simulate a job's data set."""
    if job.is_daily:
        from benchmarks.recovery.daily import make_daily

        kind = job.kind.removeprefix(DAILY)
        return make_daily(kind, job.n_customers, job.n_weeks, job.seed)
    from benchmarks.recovery.worlds import make_world

    return make_world(job.kind, job.n_customers, job.n_weeks, job.seed)


def run_job(job: Job, methods: list[str], results: Path) -> dict[str, float]:
    """Compute the missing results of a data set; return the seconds of each method."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from benchmarks.recovery.panel import build_baseline_panel
    from benchmarks.recovery.product import train_and_read
    from benchmarks.recovery.scoring import truth_record

    versions = code_versions(methods, daily=job.is_daily)
    missing = [m for m in methods if not job.file(results, m, versions[m]).is_file()]
    truth_file = job.file(results, "truth", versions["truth"])
    if not missing and truth_file.is_file():
        return {}
    world = make_data(job)
    write_json(truth_file, truth_record(world.truth))
    panel = build_baseline_panel(world) if any(m != PRODUCT for m in missing) else None
    seconds = {}
    for method in missing:
        started = time.perf_counter()
        if method == PRODUCT or panel is None:
            result = train_and_read(world)
        else:
            result = _run_rival(method, world, panel, job.seed)
        seconds[method] = time.perf_counter() - started
        write_json(
            job.file(results, method, versions[method]), {"seconds": seconds[method], **result}
        )
    return seconds


def _run_rival(method: str, world: Any, panel: Any, seed: int) -> dict[str, Any]:
    from benchmarks.recovery.panel_rivals import PANEL_RIVALS, run_panel_method
    from benchmarks.recovery.rivals import run_method

    if method in PANEL_RIVALS:
        tested = run_panel_method(method, world.weekly(), panel, seed)
        chosen, passed = list(tested.chosen), list(tested.passed)
        return {"chosen": chosen, "passed": passed, "skipped": tested.skipped}
    choice = run_method(method, panel, seed)
    return {"chosen": list(choice.chosen), "skipped": choice.skipped}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file, or None if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
