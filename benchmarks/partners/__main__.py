"""Run the worlds of partners: ``python -m benchmarks.partners --seeds 3``."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.partners.worlds import KINDS, UNSEEN, World, make
from engagement_ml import drivers
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.features import build_panel, build_periods
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

LOUD = ("driver", "harmful")


@dataclass(frozen=True)
class Found:
    """What was said of one behaviour in one world."""

    kind: str
    seed: int
    behaviour: str
    clustered: bool
    verdict: str
    true: float
    effect: float
    low: float
    high: float

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.true <= self.high


def run(kind: str, seed: int, world: World) -> list[Found]:
    """Search for drivers, with standard errors by actor and by customer."""
    config = PipelineConfig.model_validate({"name": "partners", "tracking": {"uri": None}})
    with open_engine(config.engine, world.frames) as engine:
        tables = read_tables(config, engine, world.frames)
        windows = plan_windows(tables.history, config.windows)
        panel = build_panel(tables, config, windows)
        days = drivers.period_days(config.windows)
        periods = build_periods(tables, config, until=windows.fit_until, period_days=days)
    found = []
    for clustered in (True, False):
        each = periods if clustered else replace(periods, clusters=None)
        evidence: Any = drivers.find_drivers(each, panel, windows, config)
        for row in evidence.drivers:
            true = world.effects.get(row.behaviour, 0.0)
            numbers = (row.effect, row.effect_low, row.effect_high)
            effect, low, high = (float("nan") if x is None else float(x) for x in numbers)
            found.append(
                Found(kind, seed, row.behaviour, clustered, row.verdict, true, effect, low, high)
            )
    return found


def report(rows: list[Found]) -> None:
    """Print a table by kind, with and without clusters."""
    print(f"{'kind':16} {'errors by':9} {'loud':>5} {'false':>6} {'recall':>7} "
          f"{'effect/truth':>12} {'coverage':>9} {'of actors':>9}")  # fmt: skip
    for kind in [*dict.fromkeys(row.kind for row in rows), "all"]:
        for clustered in (True, False):
            chosen = [r for r in rows if r.clustered == clustered and kind in (r.kind, "all")]
            _line(kind, "actor" if clustered else "customer", chosen)


def _line(kind: str, errors: str, rows: list[Found]) -> None:
    loud = [r for r in rows if r.verdict in LOUD]
    false = [r for r in loud if not r.true]
    acting = [r for r in rows if r.true]
    hit = [r for r in acting if r.verdict == "driver"]
    sized = [r for r in rows if np.isfinite(r.low)]
    by_actor = [r for r in sized if "." in r.behaviour]
    print(
        f"{kind:16} {errors:9} {len(loud):5d} {len(false):6d} "
        f"{_share(len(hit), len(acting)):>7} {_ratio(hit):>12} "
        f"{_share(sum(r.covered for r in sized), len(sized)):>9} "
        f"{_share(sum(r.covered for r in by_actor), len(by_actor)):>9}"
    )


def _share(part: int, of: int) -> str:
    return f"{part / of:.0%}" if of else "-"


def _ratio(rows: list[Found]) -> str:
    return f"{np.mean([r.effect / r.true for r in rows]):.2f}" if rows else "-"


def main() -> None:
    """Run all kinds, or some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=None, choices=[*KINDS, *UNSEEN])
    parser.add_argument("--partners", type=int, default=60)
    parser.add_argument("--details", action="store_true")
    options = parser.parse_args()
    every = {**KINDS, **UNSEEN}
    rows: list[Found] = []
    for kind in options.kinds or every:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            began = time.process_time()
            world = make(every[kind], seed, options.partners)
            rows += run(kind, seed, world)
            print(f"{kind} {seed}: {time.process_time() - began:.0f} s", flush=True)
    if options.details:
        for row in rows:
            print(f"{row.kind:16} {row.seed} {row.behaviour:18} {row.clustered!s:5} "
                  f"{row.verdict:12} {row.true:6.2f} {row.effect:6.2f} "
                  f"[{row.low:6.2f}, {row.high:6.2f}]")  # fmt: skip
    report(rows)


if __name__ == "__main__":
    main()
