"""The measurements; those whose ratio is asked for are taken side by side."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import (
    PRODUCT,
    Cost,
    FailedError,
    Figures,
    best,
    cost_of,
    figures_of,
    kept,
    say,
)
from benchmarks.recovery.jobs import ROOT
from benchmarks.scale.jobs import command
from benchmarks.scale.world import (
    CUTOFFS,
    folder_of,
    link_live,
    sessions_refused,
    write_definition,
)

HERE = Path(__file__).resolve().parent
WORLD_CODE = [HERE / "events.py", HERE / "world.py"]
RUN_CODE = [*WORLD_CODE, HERE / "jobs.py", HERE / "measures.py", HERE.parent / "measured.py"]
PACKAGE = ROOT / "engagement_ml"
FEATURE_CODE = [
    *(PACKAGE / part for part in ("config", "engine.py", "sources", "windows.py", "tables")),
    *(PACKAGE / part for part in ("features", "workflow")),
]
SAMPLED_CUSTOMERS = 2_000


@dataclass(frozen=True)
class Setting:
    """Where data and results lie, and how often each thing is measured."""

    data: Path
    results: Path
    repeats: int
    rivals_python: str

    def world(self, n_events: int) -> Path:
        """Return a world's folder; it is made where it is not there."""
        folder = folder_of(self.data, n_events)
        if not (folder / "transactions.parquet").exists():
            say(f"writing {n_events:,} events to {folder}")
            cost, _ = cost_of(command("make_world", folder=str(folder), n_events=n_events))
            say(f"written in {cost.seconds:.0f} s")
        return folder


def panel(setting: Setting, n_events: int, *, sessions: bool = False) -> Figures:
    """Bare grouping, features from nothing, again after a day, again with cutoffs a day later."""
    if sessions and (reason := sessions_refused()):
        return {"skipped": reason}
    world = setting.world(n_events)

    def measure() -> Figures:
        costs: dict[str, list[Cost]] = {}
        for _ in range(setting.repeats):
            for name, cost in _panel_once(setting, world, n_events, sessions).items():
                costs.setdefault(name, []).append(cost)
        return {name: best(each) for name, each in costs.items()}

    name = "sessions" if sessions else "panel"
    return kept(
        setting.results, name, [*RUN_CODE, *FEATURE_CODE],
        measure, events=n_events, repeats=setting.repeats,
    )  # fmt: skip


def _panel_once(setting: Setting, world: Path, n_events: int, sessions: bool) -> dict[str, Cost]:
    live = setting.data / "live"
    link_live(world, live)
    definition = write_definition(live, sessions=sessions)
    found = {}
    found["bare"], _ = cost_of(command("bare", events=str(world / "events")))
    found["first"] = _features(definition, live / "first")
    if not sessions:
        cost_of(command("next_day", folder=str(live), n_events=n_events))
        found["again"] = _features(definition, live / "again")
        day = dt.timedelta(days=1)
        moved = write_definition(live, cutoffs=[c + day for c in CUTOFFS], name="moved")
        found["moved"] = _features(moved, live / "moved")
        found["imports"], _ = cost_of(command("imports"))
    shutil.rmtree(live)
    return found


def _features(definition: Path, output: Path) -> Cost:
    cost, _ = cost_of([*PRODUCT, "features", str(definition), "--output", str(output), "--quiet"])
    return cost


def pandas(setting: Setting, n_events: int) -> Figures:
    """The same features by hand in pandas, and whether the numbers agree."""
    world = setting.world(n_events)

    def measure() -> Figures:
        live = setting.data / "live"
        link_live(world, live)
        definition = write_definition(live)
        theirs = live / "by-hand.parquet"
        hand, own = [], []
        for _ in range(setting.repeats):
            shutil.rmtree(live / "kept", ignore_errors=True)
            cost, _ = cost_of(command("by_hand", world=str(world), target=str(theirs)))
            hand.append(cost)
            own.append(_features(definition, live / "ours"))
        told = {"ours": str(live / "ours" / "features.parquet"), "theirs": str(theirs)}
        asked = command("disagreement", **told, n_customers=SAMPLED_CUSTOMERS)
        apart = json.loads(cost_of(asked)[1])
        shutil.rmtree(live)
        return {"pandas": best(hand), "ours": best(own), "disagreement": apart}

    code = [*RUN_CODE, *FEATURE_CODE, HERE / "by_hand.py"]
    return kept(setting.results, "pandas", code, measure, events=n_events, repeats=setting.repeats)


def rival(setting: Setting, name: str, n_events: int) -> Figures:
    """featuretools or tsfresh beside ours on the same events, each once."""
    world = setting.world(n_events)

    def measure() -> Figures:
        live = setting.data / "live"
        link_live(world, live)
        own = _features(write_definition(live), live / "ours")
        told = {"library": name, "world": str(world), "target": str(live / "rival.parquet")}
        try:
            cost, printed = cost_of(command("rival", python=setting.rivals_python, **told))
            found = json.loads(printed.strip().splitlines()[-1])
        except (FailedError, OSError) as error:
            found = {"skipped": str(error)}
        shutil.rmtree(live)
        return found if "skipped" in found else {
            **found, "rival": figures_of(cost), "ours": figures_of(own)
        }  # fmt: skip

    code = [*RUN_CODE, *FEATURE_CODE, HERE / "rivals.py"]
    return kept(setting.results, name, code, measure, events=n_events)


def scoring(setting: Setting, n_customers: int, n_rows: int) -> Figures:
    """The metric over everybody's counts; the full model and SHAP on a sample of rows."""

    def measure() -> Figures:
        target = setting.data / f"{n_customers}-customers.parquet"
        scores = setting.data / "scores.parquet"
        cost_of(command("counts", target=str(target), n_customers=n_customers))
        asked = command("score", counts=str(target), target=str(scores))
        costs = [cost_of(asked)[0] for _ in range(setting.repeats)]
        scores.unlink()
        model: dict[str, Any] = json.loads(cost_of(command("explain", n_rows=n_rows))[1])
        return {"metric": best(costs), "model": model}

    code = [*RUN_CODE, HERE / "scoring.py", PACKAGE / "metric", PACKAGE / "models"]
    return kept(
        setting.results, "scoring", code, measure,
        customers=n_customers, rows=n_rows, repeats=setting.repeats,
    )  # fmt: skip
