"""Measurements of the scale benchmark; costs that are compared are measured side by side."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement import (
    PRODUCT,
    Cost,
    FailedError,
    Figures,
    best_of,
    cached_measurement,
    measure_command,
    show_progress,
)
from benchmarks.recovery.jobs import ROOT
from benchmarks.scale.jobs import command
from benchmarks.scale.workload import (
    CUTOFFS,
    folder_of,
    link_copy,
    unsupported_sessions,
    write_definition,
)

HERE = Path(__file__).resolve().parent
DATA_CODE = [HERE / "events.py", HERE / "workload.py"]
RUN_CODE = [*DATA_CODE, HERE / "jobs.py", HERE / "measures.py", HERE.parent / "measurement.py"]
PACKAGE = ROOT / "engagement_ml"
# the packages that `engagement-ml features` runs through
FEATURE_CODE = [
    *(PACKAGE / part for part in ("config", "engine", "sources", "windows.py", "tables")),
    *(PACKAGE / part for part in ("ledger", "inputs", "features", "readiness", "workflow")),
]
SAMPLED_CUSTOMERS = 2_000


@dataclass(frozen=True)
class Setting:
    """Folders of data and results, the number of runs, and the libraries' interpreter."""

    data: Path
    results: Path
    repeats: int
    rivals_python: str

    def events_folder(self, n_events: int) -> Path:
        """Return the folder with `n_events` events, which are generated if missing."""
        folder = folder_of(self.data, n_events)
        if not (folder / "transactions.parquet").exists():
            show_progress(f"writing {n_events:,} events to {folder}")
            cost, _ = measure_command(command("make_data", folder=str(folder), n_events=n_events))
            show_progress(f"written in {cost.seconds:.0f} s")
        return folder


def panel(setting: Setting, n_events: int, *, sessions: bool = False) -> Figures:
    """Measure the bare GROUP BY and the runs of ``engagement-ml features``."""
    if sessions and (reason := unsupported_sessions()):
        return {"skipped": reason}
    source = setting.events_folder(n_events)

    def measure() -> Figures:
        costs: dict[str, list[Cost]] = {}
        for _ in range(setting.repeats):
            for name, cost in _panel_once(setting, source, n_events, sessions).items():
                costs.setdefault(name, []).append(cost)
        return {name: best_of(runs) for name, runs in costs.items()}

    name = "sessions" if sessions else "panel"
    return cached_measurement(
        setting.results, name, [*RUN_CODE, *FEATURE_CODE],
        measure, events=n_events, repeats=setting.repeats,
    )  # fmt: skip


def _panel_once(setting: Setting, source: Path, n_events: int, sessions: bool) -> dict[str, Cost]:
    copy = setting.data / "copy"
    link_copy(source, copy)
    definition = write_definition(copy, sessions=sessions)
    costs = {}
    costs["bare"], _ = measure_command(command("bare_group_by", events=str(source / "events")))
    if not sessions:
        costs["check"], _ = measure_command([*PRODUCT, "check", str(definition), "--quiet"])
    costs["first"] = _features(definition, copy / "first")
    if not sessions:
        measure_command(command("next_day", folder=str(copy), n_events=n_events))
        costs["again"] = _features(definition, copy / "again")
        day = dt.timedelta(days=1)
        moved = write_definition(copy, cutoffs=[c + day for c in CUTOFFS], name="moved")
        costs["moved"] = _features(moved, copy / "moved")
        costs["imports"], _ = measure_command(command("imports"))
    shutil.rmtree(copy)
    return costs


def _features(definition: Path, output: Path) -> Cost:
    arguments = ["features", str(definition), "--output", str(output), "--quiet"]
    return measure_command([*PRODUCT, *arguments])[0]


def pandas(setting: Setting, n_events: int) -> Figures:
    """Measure the same features in hand-written pandas, and compare the numbers."""
    source = setting.events_folder(n_events)

    def measure() -> Figures:
        copy = setting.data / "copy"
        link_copy(source, copy)
        definition = write_definition(copy)
        target = copy / "by-hand.parquet"
        pandas_costs, product_costs = [], []
        for _ in range(setting.repeats):
            shutil.rmtree(copy / "cache", ignore_errors=True)
            job = command("pandas_features", source=str(source), target=str(target))
            pandas_costs.append(measure_command(job)[0])
            product_costs.append(_features(definition, copy / "product"))
        product = str(copy / "product" / "features.parquet")
        job = command("compare", product=product, pandas=str(target), n_customers=SAMPLED_CUSTOMERS)
        difference = json.loads(measure_command(job)[1])
        shutil.rmtree(copy)
        return {
            "pandas": best_of(pandas_costs),
            "product": best_of(product_costs),
            "difference": difference,
        }

    code = [*RUN_CODE, *FEATURE_CODE, HERE / "by_hand.py"]
    return cached_measurement(
        setting.results, "pandas", code, measure, events=n_events, repeats=setting.repeats
    )


def rival(setting: Setting, name: str, n_events: int) -> Figures:
    """Measure featuretools or tsfresh and the package on the same events, each once."""
    source = setting.events_folder(n_events)

    def measure() -> Figures:
        copy = setting.data / "copy"
        link_copy(source, copy)
        product = _features(write_definition(copy), copy / "product")
        job = command(
            "rival",
            python=setting.rivals_python,
            library=name,
            source=str(source),
            target=str(copy / "rival.parquet"),
        )
        try:
            cost, printed = measure_command(job)
            output = json.loads(printed.strip().splitlines()[-1])
        except (FailedError, OSError) as error:
            output = {"skipped": str(error)}
        shutil.rmtree(copy)
        if "skipped" in output:
            return output
        return {**output, "rival": asdict(cost), "product": asdict(product)}

    code = [*RUN_CODE, *FEATURE_CODE, HERE / "rivals.py"]
    return cached_measurement(setting.results, name, code, measure, events=n_events)


def scoring(setting: Setting, n_customers: int, n_rows: int) -> Figures:
    """Measure the metric on all customers' counts; the model and SHAP on a sample of rows."""

    def measure() -> Figures:
        target = setting.data / f"{n_customers}-customers.parquet"
        scores = setting.data / "scores.parquet"
        measure_command(command("counts", target=str(target), n_customers=n_customers))
        job = command("score", counts=str(target), target=str(scores))
        costs = [measure_command(job)[0] for _ in range(setting.repeats)]
        scores.unlink()
        model: dict[str, Any] = json.loads(measure_command(command("explain", n_rows=n_rows))[1])
        return {"metric": best_of(costs), "model": model}

    code = [*RUN_CODE, HERE / "scoring.py", PACKAGE / "metric", PACKAGE / "models"]
    return cached_measurement(
        setting.results, "scoring", code, measure,
        customers=n_customers, rows=n_rows, repeats=setting.repeats,
    )  # fmt: skip
