"""Real data: out-of-time results compared with baselines, and stability of the selection.

Run: ``python -m benchmarks.real_data [--dataset NAME] [--path FILE] [--bootstraps 20]``. It trains
on the definitions in ``pipelines/`` without tracking, and prints the tables of the README. Each
data set runs in a separate process, which makes its peak memory measurable. A bootstrap sample
resamples customers with their whole history and repeats the selection; selections are equal if
they consist of the same behaviours.
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
    """Run one data set, or each in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=["complete-journey", "online-retail"])
    parser.add_argument(
        "--path", type=Path, default=RETAIL, help="file of invoice lines of online-retail"
    )
    parser.add_argument("--bootstraps", type=int, default=20)
    arguments = parser.parse_args()
    if arguments.dataset is not None:
        run(arguments.dataset, arguments.path, arguments.bootstraps)
        return 0
    for name in ("complete-journey", "online-retail"):
        if name == "online-retail" and not arguments.path.is_file():
            print(
                f"\n## {name}\n\nskipped: {arguments.path} does not exist; set the file with --path"
            )
            continue
        options = ["--path", str(arguments.path), "--bootstraps", str(arguments.bootstraps)]
        command = [sys.executable, "-m", "benchmarks.real_data", "--dataset", name, *options]
        subprocess.run(command, check=True, cwd=ROOT)
    return 0


def run(name: str, path: Path, n_bootstraps: int) -> None:
    """Train on one data set and print the results."""
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
    trained = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n## {name}\n")
    print(
        f"{len(data.events):,} events, {len(data.transactions):,} transactions, "
        f"{result.record.n_entities:,} {config.entity}s; {loaded - started:.0f} s to load, "
        f"{trained - loaded:.0f} s to train, peak memory {peak:,.0f} MB\n"
    )
    behaviours = [
        (b.label, b.weight, b.weight_low, b.weight_high) for b in result.metric.behaviours
    ]
    print(f"evidence: {result.metric.evidence}; verdicts: {verdict_counts(result.drivers)}")
    for label, weight, low, high in behaviours:
        interval_text = "unstable" if low is None or high is None else f"{low:.1f} to {high:.1f}"
        print(f"- {label}: {weight:.1f} ({interval_text})")
    if result.metric.abstained:
        print(f"abstained: {result.metric.reason}")
    print(f"\n{table(result.evaluation['metric'])}\n")
    print(*(f"note: {note}" for note in result.evaluation["metric"]["notes"]), sep="\n")
    if n_bootstraps:
        selected = frozenset(b.behaviour for b in result.metric.behaviours)
        print(f"\n{selection_stability(config, frames, selected, n_bootstraps)}", flush=True)


def table(evaluation: Mapping[str, Any]) -> str:
    """Return the metric and its baselines as a Markdown table."""
    between, within = evaluation["across"], evaluation["within"]
    lines = [
        "| | predicts: Spearman | top-decile lift | moves with margin: Spearman | metric's lead |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, label in NAMES.items():
        prediction, change = between.get(name, {}), within.get(name, {})
        cells = [
            interval(prediction.get("spearman")),
            interval(prediction.get("top_decile_lift"), 1),
            interval(change.get("spearman")),
            interval(change.get("difference")),
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def interval(value: Mapping[str, float] | None, digits: int = 2) -> str:
    """Return a measure with its interval, or a dash if there is none.

    Examples
    --------
    >>> interval({"value": -0.163, "low": -0.21, "high": -0.129})
    '−0.16 (−0.21 to −0.13)'
    """
    if not value:
        return "–"
    parts = [f"{value[key]:.{digits}f}".replace("-", "−") for key in ("value", "low", "high")]
    return f"{parts[0]} ({parts[1]} to {parts[2]})"


def verdict_counts(drivers: Any) -> str:
    """Return the number of behaviours by verdict."""
    counts = drivers["verdict"].value_counts().sort_index()
    return ", ".join(f"{n} {verdict}" for verdict, n in counts.items())


def selection_stability(
    config: PipelineConfig, frames: Mapping[str, Any], selected: frozenset[str], n: int
) -> str:
    """Repeat the selection in bootstrap samples of customers; return how often it is equal."""
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
    selections, n_with_driver = [], 0
    for _ in range(n):
        sample = resampled(periods, rng.integers(len(periods.entities), size=len(periods.entities)))
        evidence = find_drivers(sample, None, windows, config)
        selections.append(frozenset(choice.behaviour for choice in evidence.choices))
        n_with_driver += any(row.verdict == "driver" for row in evidence.drivers)
    equal = np.mean([selection == selected for selection in selections])
    shares = {b: np.mean([b in selection for selection in selections]) for b in sorted(selected)}
    frequencies = ", ".join(f"{b} {share:.0%}" for b, share in shares.items())
    others = sorted({b for selection in selections for b in selection - selected})
    return (
        f"selection in {n} bootstrap samples of customers: the same set in {equal:.0%}; "
        f"by behaviour: {frequencies or 'none selected'}; other behaviours selected: "
        f"{', '.join(others) or 'none'}; any verdict `driver` in {n_with_driver / n:.0%}"
    )


def resampled(periods: Periods, rows: np.ndarray) -> Periods:
    """Return the periods of resampled customers; each draw counts as a separate customer.

    Churn events by day are not resampled, because neither data set has them.
    """
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
