"""Run the recovery benchmark: ``python -m benchmarks.recovery.run``.

Results are cached under ``benchmarks/results/recovery`` until the code behind them changes.
``QUICK=1`` runs one seed per kind, without the slow methods.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.recovery import daily_tables, tables
from benchmarks.recovery.daily import DAILY_KINDS
from benchmarks.recovery.jobs import DAILY, PRODUCT, ROOT, Job, code_versions, read_json, run_job
from benchmarks.recovery.panel_rivals import PANEL_RIVALS
from benchmarks.recovery.rivals import RIVALS
from benchmarks.recovery.worlds import KINDS

FAMILIES = {"old": KINDS, "daily": tuple(DAILY + kind for kind in DAILY_KINDS)}
METHODS = (PRODUCT, *RIVALS, *PANEL_RIVALS)
DAILY_SIZE = (4000, 80)
SIZES = {"large": (5000, 60), "small": (1000, 60), "long": (5000, 104)}
FAST = ("correlation", "SHAP", "SHAP, history", "FE Poisson")
LONG_KINDS = ("confounded", "nothing_confounded", "harmful", "interest_waves")


def plan_daily(kinds: list[str], size: tuple[int, int], seeds: range) -> list[Job]:
    """Return the jobs of the daily kinds in order of seeds."""
    label = "x".join(map(str, size))
    return [Job(kind, label, *size, seed) for seed in seeds for kind in kinds]


def plan(kinds: list[str], sizes: list[str], seeds: range, small_seeds: int) -> list[Job]:
    """Return the jobs in order of seeds: large data sets, some small and some long ones."""
    jobs = []
    for seed in seeds:
        for size in sizes:
            for kind in kinds:
                wanted = size == "large" or (seed <= small_seeds and size == "small")
                if wanted or (size == "long" and seed == 1 and kind in LONG_KINDS):
                    jobs.append(Job(kind, size, *SIZES[size], seed))
    return jobs


def collect(jobs: list[Job], methods: list[str], results: Path) -> list[tables.Result]:
    """Read the cached results of the present code."""
    by_family = {daily: code_versions(methods, daily=daily) for daily in (False, True)}
    collected = []
    for job in jobs:
        versions = by_family[job.is_daily]
        truth = read_json(job.file(results, "truth", versions["truth"]))
        for method in methods:
            output = read_json(job.file(results, method, versions[method]))
            if truth is not None and output is not None:
                collected.append(tables.Result(job, method, truth, output))
    return collected


def compute(jobs: list[Job], methods: list[str], results: Path, workers: int) -> None:
    """Compute missing results, with progress on standard error."""
    started = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, maxtasksperchild=20) as pool:
        run = partial(run_with_job, methods=methods, results=results)
        for done, (job, seconds) in enumerate(pool.imap_unordered(run, jobs), 1):
            times = " ".join(f"{m} {s:.0f}s" for m, s in seconds.items()) or "cached"
            elapsed = time.perf_counter() - started
            left = elapsed / done * (len(jobs) - done)
            print(
                f"[{done}/{len(jobs)}] {elapsed / 60:.1f} min, {left / 60:.1f} left  "
                f"{job.kind} {job.size} seed {job.seed}: {times}",
                file=sys.stderr,
                flush=True,
            )


def run_with_job(job: Job, methods: list[str], results: Path) -> tuple[Job, dict[str, float]]:
    """Run a job; return it with its times."""
    return job, run_job(job, methods, results)


def parse(quick: bool) -> argparse.Namespace:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    kinds = [kind for family in FAMILIES.values() for kind in family]
    parser.add_argument("--kinds", nargs="*", default=kinds, choices=kinds, metavar="KIND",
                        help="of " + ", ".join(kinds))  # fmt: skip
    parser.add_argument("--methods", nargs="*", default=None, choices=METHODS)
    parser.add_argument("--sizes", nargs="*", default=None, choices=list(SIZES))
    parser.add_argument("--daily-size", nargs=2, type=int, default=DAILY_SIZE,
                        metavar=("CUSTOMERS", "WEEKS"))  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1 if quick else 5)
    parser.add_argument("--first-seed", type=int, default=1, help="for seeds that nobody has seen")
    parser.add_argument("--small-seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results/recovery")
    parser.add_argument("--only-print", action="store_true", help="print cached results only")
    parser.add_argument("--check", action="store_true", help="exit status 1 if a requirement fails")
    return parser.parse_args()


def main() -> int:
    """Compute and print; exit status 1 with --check if a requirement fails."""
    quick = os.environ.get("QUICK", "") not in ("", "0")
    arguments = parse(quick)
    methods = arguments.methods or [PRODUCT, *(FAST if quick else METHODS[1:])]
    sizes = arguments.sizes or (["large"] if quick else list(SIZES))

    def kinds(family: str) -> list[str]:
        wanted = FAMILIES[family] if family in arguments.family else ()
        return [kind for kind in wanted if kind in arguments.kinds]

    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    jobs = plan(kinds("old"), sizes, seeds, arguments.small_seeds)
    jobs += plan_daily(kinds("daily"), tuple(arguments.daily_size), seeds)
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / ".gitignore").write_text("*\n", encoding="utf-8")
    os.environ["OMP_NUM_THREADS"] = "1"
    if not arguments.only_print:
        compute(jobs, methods, arguments.results, arguments.workers)
    collected = collect(jobs, methods, arguments.results)
    old = [r for r in collected if not r.job.is_daily]
    daily = [r for r in collected if r.job.is_daily]
    failed = []
    if old:
        print(tables.all_tables(old))
        failed += [name for name, _, ok in tables.requirements(old) if not ok]
    if daily:
        print(daily_tables.all_tables(daily))
        failed += [name for name, _, ok in daily_tables.requirements(daily) if not ok]
    return int(arguments.check and bool(failed))


if __name__ == "__main__":
    sys.exit(main())
