"""One world, all methods asked of it; each answer is a JSON file that is not computed again."""

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
OURS = "ours"
WORLD_CODE = (
    "spec.py", "people.py", "engine.py", "draw.py", "truth.py", "draft.py", "kinds.py",
    "subscriber.py", "worlds.py", "render.py",
)  # fmt: skip
RIVAL_CODE = ("panel.py", "rivals.py")
# what decides our verdicts: reporting and tracking may change without a new run
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
    kind: str
    size: str
    n_customers: int
    n_weeks: int
    seed: int

    def file(self, results: Path, method: str, version: str) -> Path:
        slug = method.replace(" ", "-").replace(",", "")
        return results / f"{self.kind}.{self.size}.{self.seed}.{slug}.{version}.json"


def digest(paths: list[Path]) -> str:
    code = hashlib.sha256()
    for path in sorted(paths):
        code.update(path.name.encode() + path.read_bytes())
    return code.hexdigest()[:10]


def versions(methods: list[str]) -> dict[str, str]:
    """Hash of the code that a method's answers depend on; ``truth`` of the worlds alone."""
    worlds = [HERE / name for name in WORLD_CODE]
    rivals = [*worlds, *(HERE / name for name in RIVAL_CODE)]
    package = ROOT / "engagement_ml"
    product: list[Path] = []
    for name in PRODUCT_CODE:
        part = package / name
        product += [part] if part.is_file() else list(part.rglob("*.py"))
        if (module := part.with_suffix(".py")).is_file() and module not in product:
            product.append(module)
    made = {m: digest(rivals) for m in methods if m != OURS}
    return made | {OURS: digest([*worlds, *product]), "truth": digest(worlds)}


def run_job(job: Job, methods: list[str], results: Path) -> dict[str, float]:
    """Answer what is not answered yet; return the seconds each took."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from benchmarks.recovery.panel import build_usual_panel
    from benchmarks.recovery.product import ours
    from benchmarks.recovery.rivals import choose
    from benchmarks.recovery.scoring import truth_record
    from benchmarks.recovery.worlds import make_world

    known = versions(methods)
    missing = [m for m in methods if not job.file(results, m, known[m]).is_file()]
    truth_file = job.file(results, "truth", known["truth"])
    if not missing and truth_file.is_file():
        return {}
    world = make_world(job.kind, job.n_customers, job.n_weeks, job.seed)
    write(truth_file, truth_record(world.truth))
    panel = build_usual_panel(world) if any(m != OURS for m in missing) else None
    seconds = {}
    for method in missing:
        started = time.perf_counter()
        if method == OURS or panel is None:
            found = ours(world)
        else:
            choice = choose(method, panel, job.seed)
            found = {"chosen": list(choice.chosen), "skipped": choice.skipped}
        seconds[method] = time.perf_counter() - started
        write(job.file(results, method, known[method]), {"seconds": seconds[method], **found})
    return seconds


def write(path: Path, content: dict[str, Any]) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
