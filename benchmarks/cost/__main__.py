"""What ``engagement-ml train`` costs beside the naive way: ``python -m benchmarks.cost``.

8,000 customers, 4 million events of 12 behaviours, a year. Both run in processes of their own, on
the same files, and neither finds anything kept. QUICK=1 takes 1,000 customers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measured import PRODUCT, Cost, best, cost_of, say
from benchmarks.recovery.tables import number, table

KIND, WEEKS, SEED = "confounded", 52, 1
MOST_TIMES, MOST_SECONDS = 3.0, 90.0


def write_world(folder: Path, n_customers: int) -> tuple[Path, int, int]:
    """Write a recovery world's tables and definition; return it, its events and behaviours."""
    from benchmarks.recovery.worlds import make_world

    world = make_world(KIND, n_customers, WEEKS, SEED)
    config = world.write(folder)
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    # as a user has it: runs are tracked and the metric is registered
    settings["tracking"] = {"uri": f"sqlite:///{folder / 'mlflow.db'}"}
    settings["engine"] = {"keep": None}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return config, len(world.events), len(world.behaviours)


def step_rows(ours: dict[str, float], naive: dict[str, float]) -> list[list[str]]:
    """Return a row for each step of both, with its seconds."""
    rows = [["train", step, number(seconds, 1)] for step, seconds in ours.items()]
    return rows + [["naive", step, number(seconds, 1)] for step, seconds in naive.items()]


def requirements(ours: dict[str, Any], naive: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Return what must hold, what was found, and whether it holds."""
    times = ours["seconds"] / naive["seconds"]
    return [
        ("train, at most 3 times the naive way", number(times), times <= MOST_TIMES),
        ("train, at most 90 s", number(ours["seconds"], 1), ours["seconds"] <= MOST_SECONDS),
    ]


def _row(name: str, cost: dict[str, Any], chosen: list[str]) -> list[str]:
    figures = (number(cost["seconds"], 1), number(cost["cpu_seconds"], 1), number(cost["peak_gb"]))
    return [name, *figures, ", ".join(chosen)]


def main() -> int:
    """Measure and print; status 1 with --check where something that must hold does not."""
    quick = os.environ.get("QUICK", "") not in ("", "0")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000 if quick else 8_000)
    parser.add_argument("--repeats", type=int, default=1, help="the best of so many counts")
    parser.add_argument("--check", action="store_true", help="fail where a requirement fails")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engagement-ml-cost-") as name:
        folder = Path(name)
        say("writing the world")
        config, n_events, n_behaviours = write_world(folder / "tables", given.customers)
        output = folder / "output"
        ours: list[Cost] = []
        naive: list[Cost] = []
        for i in range(given.repeats):
            say(f"train, {i + 1} of {given.repeats}")
            command = ["train", str(config), "--output", str(output), "--quiet"]
            ours.append(cost_of([*PRODUCT, *command])[0])
            say(f"the naive way, {i + 1} of {given.repeats}")
            cost, said = cost_of([sys.executable, "-m", "benchmarks.cost.naive", str(config)])
            naive.append(cost)
        record = json.loads((output / "run.json").read_text(encoding="utf-8"))
        metric = json.loads((output / "metric.json").read_text(encoding="utf-8"))
    other = json.loads(said.strip().splitlines()[-1])
    a, b = best(ours), best(naive)
    print(
        f"{given.customers:,} customers, {n_events:,} events of {n_behaviours} behaviours, "
        f"{WEEKS} weeks; {other['rows']:,} rows of {other['columns']} features; "
        f"the naive model has {other['trees']} trees\n"
    )
    chosen = [behaviour["behaviour"] for behaviour in metric["behaviours"]]
    costs = [
        _row("engagement-ml train", a, chosen),
        _row("naive: LightGBM, SHAP, top three", b, other["chosen"]),
    ]
    print(table(["", "wall s", "CPU s", "peak GB", "chose"], costs), end="\n\n")
    print(table(["", "step", "wall s"], step_rows(record["seconds"], other["steps"])), end="\n\n")
    rows = requirements(a, b)
    held = [[what, found, "yes" if ok else "NO"] for what, found, ok in rows]
    print(table(["must hold", "found", "holds"], held))
    return int(given.check and not all(ok for _, _, ok in rows))


if __name__ == "__main__":
    sys.exit(main())
