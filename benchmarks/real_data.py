"""On real data: the metric beside its baselines, out of time, and how stable the choice is.

Run: ``python -m benchmarks.real_data [--dataset NAME] [--path FILE] [--bootstraps 20]``.
Trains on the pipelines' own definitions with tracking off, and prints the README's tables. Each
data set runs in a process of its own, so that peak memory is its own. A bootstrap draws customers
with all they did and chooses again; a metric of the same behaviours counts as the same.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engagement_ml.config import PipelineConfig, TrackingConfig, read_config
from engagement_ml.datasets import load_complete_journey, load_online_retail
from engagement_ml.features.period_panel import Periods

ROOT = Path(__file__).resolve().parents[1]
RETAIL = ROOT.parent / "shared" / "data" / "online_retail.parquet"
NAMES = {
    "metric": "This metric",
    "equal_weights": "Its behaviours, equal weights",
    "best_single_behaviour": "Best single behaviour",
    "total_events": "Total events",
    "recency_frequency_monetary": "Recency-frequency-monetary",
    "full_model": "Full profit model",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=["complete-journey", "online-retail"])
    parser.add_argument("--path", type=Path, default=RETAIL, help="online-retail: invoice lines")
    parser.add_argument("--bootstraps", type=int, default=20)
    given = parser.parse_args()
    if given.dataset is not None:
        run(given.dataset, given.path, given.bootstraps)
        return 0
    for name in ("complete-journey", "online-retail"):
        if name == "online-retail" and not given.path.is_file():
            print(f"\n## {name}\n\nskipped: no {given.path}; name the file with --path")
            continue
        arguments = ["--path", str(given.path), "--bootstraps", str(given.bootstraps)]
        command = [sys.executable, "-m", "benchmarks.real_data", "--dataset", name, *arguments]
        subprocess.run(command, check=True, cwd=ROOT)
    return 0


def run(name: str, path: Path, n_bootstraps: int) -> None:
    """Train on one data set and print what came of it."""
    from engagement_ml.workflow import train

    config = read_config(ROOT / "pipelines" / f"{name}.yaml")
    config = config.model_copy(update={"tracking": TrackingConfig(uri=None)})
    started = time.perf_counter()
    data = load_complete_journey() if name == "complete-journey" else load_online_retail(path)
    loaded = time.perf_counter()
    frames = {
        "events": data.events,
        "transactions": data.transactions,
        "customers": data.customers,
    }
    with tempfile.TemporaryDirectory() as folder:
        result = train(config, frames=frames, output=Path(folder) / "run", notes=data.assumptions)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n## {name}\n")
    print(
        f"{len(data.events):,} events, {len(data.transactions):,} transactions, "
        f"{result.record.n_entities:,} {config.entity}s; {loaded - started:.0f} s to load, "
        f"{done - loaded:.0f} s to train, peak memory {peak:,.0f} MB\n"
    )
    chosen = [(b.label, b.weight, b.weight_low, b.weight_high) for b in result.metric.behaviours]
    print(f"evidence: {result.metric.evidence}; verdicts: {verdicts(result.drivers)}")
    for label, weight, low, high in chosen:
        between = "unstable" if low is None or high is None else f"{low:.1f} to {high:.1f}"
        print(f"- {label}: {weight:.1f} ({between})")
    if result.metric.abstained:
        print(f"abstained: {result.metric.reason}")
    print(f"\n{table(result.evaluation['metric'])}\n")
    print(*(f"note: {note}" for note in result.evaluation["metric"]["notes"]), sep="\n")
    if n_bootstraps:
        selected = frozenset(b.behaviour for b in result.metric.behaviours)
        print(f"\n{stability(config, frames, selected, n_bootstraps)}", flush=True)


def table(measured: Mapping[str, Any]) -> str:
    """Return the metric beside its baselines as a Markdown table."""
    across, within = measured["across"], measured["within"]
    lines = [
        "| | foretells: Spearman | top-decile lift | steers: Spearman | this metric's lead |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, label in NAMES.items():
        foretold, steered = across.get(name, {}), within.get(name, {})
        cells = [
            interval(foretold.get("spearman")),
            interval(foretold.get("top_decile_lift"), 1),
            interval(steered.get("spearman")),
            interval(steered.get("difference")),
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def interval(value: Mapping[str, float] | None, digits: int = 2) -> str:
    """Return a measure with its interval, or a dash.

    Examples
    --------
    >>> interval({"value": -0.163, "low": -0.21, "high": -0.129})
    '−0.16 (−0.21 to −0.13)'
    """
    if not value:
        return "–"
    parts = [f"{value[key]:.{digits}f}".replace("-", "−") for key in ("value", "low", "high")]
    return f"{parts[0]} ({parts[1]} to {parts[2]})"


def verdicts(drivers: Any) -> str:
    """Return how many behaviours got which verdict."""
    counts = drivers["verdict"].value_counts().sort_index()
    return ", ".join(f"{n} {verdict}" for verdict, n in counts.items())


def stability(
    config: PipelineConfig, frames: Mapping[str, Any], selected: frozenset[str], n: int
) -> str:
    """Choose again in bootstraps of customers; return how often the choice is the same."""
    from engagement_ml.drivers import find_drivers, period_days
    from engagement_ml.engine import open_duckdb
    from engagement_ml.features import build_periods
    from engagement_ml.inputs import read_tables
    from engagement_ml.windows import plan_windows

    with open_duckdb() as engine:
        tables = read_tables(config, engine, frames)
        windows = plan_windows(tables.history, config.windows)
        days = period_days(config.windows)
        periods = build_periods(tables, config, until=windows.fit_until, period_days=days)
    rng = np.random.default_rng(0)
    picks, drivers = [], 0
    for _ in range(n):
        drawn = resampled(periods, rng.integers(len(periods.entities), size=len(periods.entities)))
        evidence = find_drivers(drawn, None, windows, config)
        picks.append(frozenset(choice.behaviour for choice in evidence.choices))
        drivers += any(row.verdict == "driver" for row in evidence.drivers)
    same = np.mean([pick == selected for pick in picks])
    each = ", ".join(f"{b} {np.mean([b in p for p in picks]):.0%}" for b in sorted(selected))
    others = sorted({b for pick in picks for b in pick - selected})
    return (
        f"chosen again in {n} customer bootstraps: the same set in {same:.0%}; "
        f"each: {each or 'nothing to choose'}; others chosen at times: "
        f"{', '.join(others) or 'none'}; any verdict `driver` in {drivers / n:.0%}"
    )


def resampled(periods: Periods, rows: np.ndarray) -> Periods:
    """Return the periods of the entities drawn, each draw an entity of its own."""
    return replace(
        periods,
        entities=np.arange(len(rows)),
        counts=periods.counts[rows],
        gain=periods.gain[rows],
        loss=periods.loss[rows],
        orders=periods.orders[rows],
        entry=periods.entry[rows],
        exit=periods.exit[rows],
        segments={name: values[rows] for name, values in periods.segments.items()},
    )


if __name__ == "__main__":
    sys.exit(main())
