"""Run the recovery benchmark: ``python -m benchmarks.recovery.run``.

Each answer is kept under ``benchmarks/results/recovery`` and not computed again until the code
it depends on changes. ``QUICK=1`` asks one seed a kind, without the slow methods.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.recovery import tables
from benchmarks.recovery.jobs import OURS, ROOT, Job, read, run_job, versions
from benchmarks.recovery.rivals import RIVALS
from benchmarks.recovery.worlds import KINDS

SIZES = {"large": (5000, 60), "small": (1000, 60), "long": (5000, 104)}
FAST = ("correlation", "SHAP", "SHAP, history")
LONG_KINDS = ("confounded", "nothing_confounded", "harmful", "interest_waves")


def plan(kinds: list[str], sizes: list[str], seeds: int, small_seeds: int) -> list[Job]:
    """Large worlds of each kind and seed, some small and long ones; a seed at a time."""
    jobs = []
    for seed in range(1, seeds + 1):
        for size in sizes:
            for kind in kinds:
                wanted = size == "large" or (seed <= small_seeds and size == "small")
                if wanted or (size == "long" and seed == 1 and kind in LONG_KINDS):
                    jobs.append(Job(kind, size, *SIZES[size], seed))
    return jobs


def collect(jobs: list[Job], methods: list[str], results: Path) -> list[tables.Answer]:
    """Read what was answered, by the present code."""
    known = versions(methods)
    answers = []
    for job in jobs:
        truth = read(job.file(results, "truth", known["truth"]))
        for method in methods:
            found = read(job.file(results, method, known[method]))
            if truth is not None and found is not None:
                answers.append(tables.Answer(job, method, truth, found))
    return answers


def compute(jobs: list[Job], methods: list[str], results: Path, workers: int) -> None:
    """Answer what is missing, with progress on standard error."""
    started = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, maxtasksperchild=20) as pool:
        answer = partial(answered, methods=methods, results=results)
        for done, (job, seconds) in enumerate(pool.imap_unordered(answer, jobs), 1):
            took = " ".join(f"{m} {s:.0f}s" for m, s in seconds.items()) or "known"
            spent = time.perf_counter() - started
            left = spent / done * (len(jobs) - done)
            print(
                f"[{done}/{len(jobs)}] {spent / 60:.1f} min, {left / 60:.1f} left  "
                f"{job.kind} {job.size} seed {job.seed}: {took}",
                file=sys.stderr,
                flush=True,
            )


def answered(job: Job, methods: list[str], results: Path) -> tuple[Job, dict[str, float]]:
    return job, run_job(job, methods, results)


def main() -> int:
    """Parse, compute, print; status 1 with --check where something that must hold does not."""
    quick = os.environ.get("QUICK", "") not in ("", "0")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--methods", nargs="*", default=None, choices=[OURS, *RIVALS])
    parser.add_argument("--sizes", nargs="*", default=None, choices=list(SIZES))
    parser.add_argument("--seeds", type=int, default=1 if quick else 5)
    parser.add_argument("--small-seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results/recovery")
    parser.add_argument("--only-print", action="store_true", help="compute nothing")
    parser.add_argument("--check", action="store_true", help="fail where a requirement fails")
    given = parser.parse_args()
    methods = given.methods or [OURS, *(FAST if quick else RIVALS)]
    sizes = given.sizes or (["large"] if quick else list(SIZES))
    jobs = plan(given.kinds, sizes, given.seeds, given.small_seeds)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / ".gitignore").write_text("*\n", encoding="utf-8")
    os.environ["OMP_NUM_THREADS"] = "1"
    if not given.only_print:
        compute(jobs, methods, given.results, given.workers)
    answers = collect(jobs, methods, given.results)
    print(tables.everything(answers))
    failed = [what for what, _, ok in tables.requirements(answers) if not ok]
    return int(given.check and bool(failed))


if __name__ == "__main__":
    sys.exit(main())
