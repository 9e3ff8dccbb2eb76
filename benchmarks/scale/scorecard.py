"""Cost of the scorecard's measures, compared with scanning and grouping their input."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks.measurement import Cost, Figures, best_of, cached_measurement, measure_command
from benchmarks.recovery.tables import number, table
from benchmarks.scale.jobs import command
from benchmarks.scale.measures import FEATURE_CODE, PACKAGE, RUN_CODE, Setting
from benchmarks.scale.workload import link_copy, write_definition

MOST = 3
BY_DAY = (
    "CREATE TEMP TABLE grouped AS SELECT customer_id, event_type, timestamp::DATE AS day, "
    "count(*) AS n, sum(value) AS value, max(timestamp) AS last "
    "FROM read_parquet('{events}/*.parquet') GROUP BY ALL"
)
STEPS = {
    "bare": "bare GROUP BY customer and event type",
    "by_day": "bare GROUP BY customer, event type and day",
    "first": "scorecard, without a cache",
    "again": "scorecard, with the daily totals of a run before it",
}


def measure(setting: Setting, n_events: int) -> Figures:
    """Measure the bare groupings and the scorecard, side by side."""
    source = setting.events_folder(n_events)

    def run() -> Figures:
        costs: dict[str, list[Cost]] = {}
        results: list[dict[str, Any]] = []
        for _ in range(setting.repeats):
            copy = setting.data / "copy"
            link_copy(source, copy)
            definition = str(write_definition(copy))
            for name, job in {
                "bare": command("bare_group_by", events=str(source / "events")),
                "by_day": command("group_by_day", events=str(source / "events")),
                "first": command("scorecard", definition=definition),
                "again": command("scorecard", definition=definition),
            }.items():
                cost, printed = measure_command(job)
                costs.setdefault(name, []).append(cost)
            results.append(json.loads(printed))
            shutil.rmtree(copy)
        best = min(results, key=lambda result: float(result["seconds"]))
        return {**{name: best_of(runs) for name, runs in costs.items()}, "parts": best}

    here = Path(__file__)
    return cached_measurement(
        setting.results, "scorecard", [*RUN_CODE, *FEATURE_CODE, PACKAGE / "measures", here],
        run, events=n_events, repeats=setting.repeats,
    )  # fmt: skip


def compute_measures(definition: Path) -> dict[str, Any]:
    """Read the tables and compute all measures; return the seconds of both, and how many."""
    from engagement_ml.config import read_config
    from engagement_ml.engine import open_engine
    from engagement_ml.inputs import read_tables
    from engagement_ml.measures.catalogue import definitions
    from engagement_ml.measures.compute import compute
    from engagement_ml.measures.context import MeasureContext
    from engagement_ml.measures.periods import Periods

    config = read_config(definition)
    started = time.perf_counter()
    with open_engine(config.engine) as engine:
        tables = read_tables(config, engine, extra=True)
        read = time.perf_counter()
        periods = Periods.within(tables.history, "month", 13)
        results = compute(MeasureContext(tables, config, periods), definitions(config))
        ended = time.perf_counter()
    return {
        "seconds": ended - started,
        "reading": read - started,
        "measures": sum(1 for result in results if result.absent is None),
        "periods": len(periods.each),
    }


def cost_table(n_events: int, figures: Figures) -> str:
    """Return the costs, and what they are of the two groupings."""
    rows = [
        [label, number(figures[name]["seconds"]), number(figures[name]["cpu_seconds"]),
         number(figures[name]["peak_gb"]), number(_ratio(figures, name, "bare")),
         number(_ratio(figures, name, "by_day"))]
        for name, label in STEPS.items()
    ]  # fmt: skip
    head = [f"{n_events / 1e6:g} million events", "wall s", "CPU s", "peak GB", "× bare CPU",
            "× by day"]  # fmt: skip
    parts = figures["parts"]
    return (
        f"{table(head, rows)}\n\nThe scorecard has {parts['measures']} measures in "
        f"{parts['periods']} months; {parts['reading']:.1f} s of {parts['seconds']:.1f} s are for "
        "reading the tables."
    )


def requirement(n_events: int, figures: Figures) -> tuple[str, str, bool]:
    """Return the requirement on the cost, its measured value and whether it is met."""
    times = _ratio(figures, "again", "by_day")
    name = f"scorecard of {n_events / 1e6:g} million events, at most {MOST} × GROUP BY day (CPU)"
    return name, number(times), times <= MOST


def _ratio(figures: Figures, name: str, reference: str) -> float:
    return float(figures[name]["cpu_seconds"]) / float(figures[reference]["cpu_seconds"])
