"""``python -m benchmarks.sequences --seeds N``: verdicts on sequences and pairs, by world."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.sequences.worlds import SEQUENCE, WITHIN, WORLDS, World, draw
from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.drivers import DriverEvidence, find_drivers, period_days
from engagement_ml.engine import open_duckdb
from engagement_ml.features import build_panel, build_periods
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

CONFIG: dict[str, Any] = {
    "name": "sequences",
    "sequences": [{"first": "demo", "then": "trial", "within_days": WITHIN}],
    "engine": {"keep": None},
}
PAIR = frozenset(("faq", "call"))
TOGETHER = ("more together", "less together")


def search(world: World, customers: int, seed: int) -> tuple[DriverEvidence, dict[str, float]]:
    """Return what the search finds in one world, and the truth."""
    config: PipelineConfig = parse_config(CONFIG)
    tables = draw(world, customers, seed)
    frames = {"events": tables.events, "transactions": tables.transactions}
    with open_duckdb(threads=1) as engine:
        read = read_tables(config, engine, frames)
        windows = plan_windows(read.history, config.windows)
        panel = build_panel(read, config, windows)
        days = period_days(config.windows)
        periods = build_periods(read, config, until=windows.fit_until, period_days=days)
    return find_drivers(periods, panel, windows, config), tables.truth


def judge(world: World, customers: int, seed: int) -> dict[str, Any]:
    """Return what is right and wrong about one run."""
    evidence, truth = search(world, customers, seed)
    rows = {row.behaviour: row for row in evidence.drivers}
    called = [b for b, row in rows.items() if row.verdict in ("driver", "harmful")]
    # A call acts only after a question, and a question by the calls after it.
    acting = {*truth, *(PAIR if world.together else ())}
    found = [row for row in evidence.pairs if row.verdict in TOGETHER]
    meant = {PAIR} if world.together else set()
    if SEQUENCE in truth:
        meant.add(frozenset(("demo", "trial")))
    true_pairs = [row for row in found if frozenset((row.first, row.second)) in meant]
    compared = [
        (b, rows[b].effect / truth[b], rows[b].effect_low <= truth[b] <= rows[b].effect_high)
        for b in called
        if b in truth and rows[b].effect is not None
    ]
    return {
        "called": called,
        "false": [b for b in called if b not in acting],
        "acting": [b for b in rows if b in truth],
        "compared": compared,
        "sequence": rows[SEQUENCE].verdict,
        "pairs found": len(found),
        "false pairs": [(row.first, row.second) for row in found if row not in true_pairs],
        "pair": any(frozenset((row.first, row.second)) == PAIR for row in found),
        "notes": [row.reason for row in evidence.pairs if row.verdict == "unverifiable"],
    }


def main() -> None:
    """Print one row a world."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--world", default="")
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    print("| world | verdicts that are false | recall | effect / truth | intervals hold | "
          "sequence | false pairs, of those found | pair found | seconds |")  # fmt: skip
    print("| --- |" + " --- |" * 8)
    every = []
    for world in WORLDS:
        if given.world not in world.name:
            continue
        start = time.perf_counter()
        seeds = range(given.first, given.first + given.seeds)
        rows = [judge(world, given.customers, seed) for seed in seeds]
        every += rows
        _print(world.name, rows, (time.perf_counter() - start) / given.seeds)
        if given.show:
            for row in rows:
                print("   ", row)
    _print("all", every, 0.0)


def _print(name: str, rows: Sequence[dict[str, Any]], seconds: float) -> None:
    false, called = (sum(len(row[key]) for row in rows) for key in ("false", "called"))
    compared = [each for row in rows for each in row["compared"]]
    acting = sum(len(row["acting"]) for row in rows)
    verdicts = sorted({row["sequence"] for row in rows})
    counted = [f"{v} {sum(row['sequence'] == v for row in rows)}" for v in verdicts]
    false_pairs = sum(len(row["false pairs"]) for row in rows)
    mean = sum(ratio for _, ratio, _ in compared) / len(compared) if compared else None
    cells = [
        f"{false}/{called}",
        f"{len(compared)}/{acting}",
        "–" if mean is None else f"{mean:.2f}",
        f"{sum(held for _, _, held in compared)}/{len(compared)}",
        ", ".join(counted),
        f"{false_pairs}/{sum(row['pairs found'] for row in rows)}",
        f"{sum(row['pair'] for row in rows)}/{len(rows)}",
        f"{seconds:.0f}",
    ]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
