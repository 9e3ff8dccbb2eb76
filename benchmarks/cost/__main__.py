"""Cost of ``engagement-ml train`` compared with SHAP ranking: ``python -m benchmarks.cost``.

The data are 8,000 customers with 4 million events of 12 behaviours in one year. Both methods run in
separate processes on the same files, without a cache. ``QUICK=1`` takes 1,000 customers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measurement import PRODUCT, Cost, Figures, best_of, measure_command, show_progress
from benchmarks.recovery.tables import number, table

KIND, WEEKS, SEED = "confounded", 52, 1
MAX_RATIO, MAX_SECONDS = 3.0, 90.0


def write_data(folder: Path, n_customers: int) -> tuple[Path, int, int]:
    """Write tables and a definition; return its path, the numbers of events and behaviours."""
    from benchmarks.recovery.worlds import make_world

    world = make_world(KIND, n_customers, WEEKS, SEED)
    config = world.write(folder)
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    # like a user's run: tracked, with the metric registered
    settings["tracking"] = {"uri": f"sqlite:///{folder / 'mlflow.db'}"}
    settings["engine"] = {"keep": None}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return config, len(world.events), len(world.behaviours)


def step_rows(train: dict[str, float], naive: dict[str, float]) -> list[list[str]]:
    """Return the seconds of each step of both methods."""
    rows = [["train", step, number(seconds, 1)] for step, seconds in train.items()]
    return rows + [["SHAP ranking", step, number(seconds, 1)] for step, seconds in naive.items()]


def requirements(train: Figures, naive: Figures) -> list[tuple[str, str, bool]]:
    """Return (requirement, measured value, whether it is met)."""
    ratio = train["seconds"] / naive["seconds"]
    return [
        ("train, at most 3 times the SHAP ranking", number(ratio), ratio <= MAX_RATIO),
        ("train, at most 90 s", number(train["seconds"], 1), train["seconds"] <= MAX_SECONDS),
    ]


def _row(name: str, cost: Figures, selected: list[str]) -> list[str]:
    figures = (number(cost["seconds"], 1), number(cost["cpu_seconds"], 1), number(cost["peak_gb"]))
    return [name, *figures, ", ".join(selected)]


@dataclass(frozen=True)
class Measurement:
    """Costs and outputs of both methods on one data set."""

    n_events: int
    n_behaviours: int
    train_cost: Figures
    naive_cost: Figures
    record: dict[str, Any]
    metric: dict[str, Any]
    naive: dict[str, Any]


def measure(folder: Path, n_customers: int, repeats: int) -> Measurement:
    """Run both methods `repeats` times on the same files."""
    show_progress("writing the data")
    config, n_events, n_behaviours = write_data(folder / "tables", n_customers)
    output = folder / "output"
    train_costs: list[Cost] = []
    naive_costs: list[Cost] = []
    printed = ""
    for i in range(repeats):
        show_progress(f"train, {i + 1} of {repeats}")
        command = ["train", str(config), "--output", str(output), "--quiet"]
        train_costs.append(measure_command([*PRODUCT, *command])[0])
        show_progress(f"SHAP ranking, {i + 1} of {repeats}")
        command = [sys.executable, "-m", "benchmarks.cost.naive", str(config)]
        cost, printed = measure_command(command)
        naive_costs.append(cost)
    return Measurement(
        n_events=n_events,
        n_behaviours=n_behaviours,
        train_cost=best_of(train_costs),
        naive_cost=best_of(naive_costs),
        record=json.loads((output / "run.json").read_text(encoding="utf-8")),
        metric=json.loads((output / "metric.json").read_text(encoding="utf-8")),
        naive=json.loads(printed.strip().splitlines()[-1]),
    )


def print_tables(n_customers: int, measured: Measurement) -> None:
    """Print the costs, the seconds of each step, and the requirements."""
    naive = measured.naive
    print(
        f"{n_customers:,} customers, {measured.n_events:,} events of {measured.n_behaviours} "
        f"behaviours, {WEEKS} weeks; {naive['rows']:,} rows of {naive['columns']} features; "
        f"the ranking's model has {naive['trees']} trees\n"
    )
    selected = [behaviour["behaviour"] for behaviour in measured.metric["behaviours"]]
    costs = [
        _row("engagement-ml train", measured.train_cost, selected),
        _row("LightGBM, SHAP, top three", measured.naive_cost, naive["chosen"]),
    ]
    print(table(["", "wall s", "CPU s", "peak GB", "selected"], costs), end="\n\n")
    steps = step_rows(measured.record["seconds"], naive["steps"])
    print(table(["", "step", "wall s"], steps), end="\n\n")
    rows = [
        [name, value, "yes" if ok else "NO"]
        for name, value, ok in requirements(measured.train_cost, measured.naive_cost)
    ]
    print(table(["requirement", "measured", "met"], rows))


def main() -> int:
    """Measure and print; exit status 1 with --check if a requirement fails."""
    quick = os.environ.get("QUICK", "") not in ("", "0")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000 if quick else 8_000)
    parser.add_argument(
        "--repeats", type=int, default=1, help="runs per method; the fastest counts"
    )
    parser.add_argument("--check", action="store_true", help="exit status 1 if a requirement fails")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engagement-ml-cost-") as name:
        measured = measure(Path(name), arguments.customers, arguments.repeats)
    print_tables(arguments.customers, measured)
    met = [ok for _, _, ok in requirements(measured.train_cost, measured.naive_cost)]
    return int(arguments.check and not all(met))


if __name__ == "__main__":
    sys.exit(main())
