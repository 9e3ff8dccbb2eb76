"""Verdicts on parts of margin against known truth: ``python -m benchmarks.product_mix``."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.product_mix.worlds import BETAS, PRODUCTS, SEEN, World, make_world

TOTAL = "margin"
_LEAST = 0.25
"""True effects below this, in currency per event, count as none: no verdict on them is missed."""


def run_world(kind: str, seed: int, world: World | None = None) -> dict[str, Any]:
    """Return the verdicts on one world beside the truth, as plain data."""
    from engagement_ml.config import parse_config
    from engagement_ml.workflow.fitting import fit_pipeline

    world = world or make_world(kind, seed)
    config = parse_config(
        {
            "name": "partners",
            "entity": "partner",
            "sources": {"events": "events.parquet", "transactions": "transactions.parquet"},
            "outcomes": {p: {"where": {"product": p}} for p in PRODUCTS},
            "tracking": {"register": False},
        }
    )
    frames = {"events": world.events, "transactions": world.transactions}
    start = time.process_time()
    record = fit_pipeline(config, frames=frames).record
    rows = [_row(TOTAL, row, sum(world.truth[row.behaviour].values())) for row in record.drivers]
    for outcome in record.further.outcomes:
        name = outcome.outcome
        rows += [_row(name, row, world.truth[row.behaviour][name]) for row in outcome.drivers]
    named = sorted(row.behaviour for row in record.further.mix if row.cannibalises)
    return {
        "kind": kind,
        "seed": seed,
        "rows": rows,
        "named": named,
        "split": sorted(b for b, effect in world.truth.items() if _shifts(effect)),
        "adds_up": [row.adds_up for row in record.further.mix],
        "seconds": time.process_time() - start,
    }


def _row(outcome: str, row: Any, truth: float) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "behaviour": row.behaviour,
        "verdict": row.verdict,
        "rule": row.rule,
        "effect": row.effect,
        "low": row.effect_low,
        "high": row.effect_high,
        "truth": truth,
    }


def _shifts(effect: Mapping[str, float]) -> bool:
    return max(effect.values()) >= _LEAST and min(effect.values()) <= -_LEAST


def table(worlds: Iterable[Mapping[str, Any]]) -> str:
    """Return the table: a line per outcome, and one on cannibalisation."""
    worlds = list(worlds)
    lines = ["outcome | verdicts | false | recall | effect / truth | coverage | median width"]
    for outcome in (TOTAL, *PRODUCTS, "all parts"):
        rows = [
            row
            for world in worlds
            for row in world["rows"]
            if row["outcome"] == outcome or (outcome == "all parts" and row["outcome"] in PRODUCTS)
        ]
        lines.append(_line(outcome, rows))
    named = sum(len(set(w["named"]) & set(w["split"])) for w in worlds)
    there = sum(len(w["split"]) for w in worlds)
    wrong = sum(len(set(w["named"]) - set(w["split"])) for w in worlds)
    sums = [each for w in worlds for each in w["adds_up"] if each is not None]
    lines.append(
        f"cannibalisation: named {named} of {there}, {wrong} falsely; effects on parts add up for "
        f"{sum(sums)} of {len(sums)} behaviours; {len(worlds)} worlds, "
        f"{sum(w['seconds'] for w in worlds) / max(len(worlds), 1):.0f} s CPU each"
    )
    return "\n".join(lines)


def _line(outcome: str, rows: list[dict[str, Any]]) -> str:
    import numpy as np

    acting = [row for row in rows if row["verdict"] in ("driver", "harmful")]
    sign = {"driver": 1.0, "harmful": -1.0}
    right = [row for row in acting if sign[row["verdict"]] * row["truth"] > 1e-9]
    true = [row for row in rows if abs(row["truth"]) >= _LEAST]
    found = [row for row in right if abs(row["truth"]) >= _LEAST]
    known = [row for row in rows if row["low"] is not None]
    covered = [row["low"] <= row["truth"] <= row["high"] for row in known]
    acts = [row for row in known if abs(row["truth"]) >= _LEAST]
    hit = [row["low"] <= row["truth"] <= row["high"] for row in acts]
    ratio = sum(r["effect"] for r in found) / sum(r["truth"] for r in found) if found else np.nan
    # Effects of both signs would cancel out.
    size = sum(abs(r["truth"]) for r in found)
    ratio = sum(abs(r["effect"]) for r in found) / size if size else np.nan
    width = np.median([row["high"] - row["low"] for row in acts]) if acts else np.nan
    false = len(acting) - len(right)
    return (
        f"{outcome} | {len(acting)} | {false} | {len(found)} of {len(true)} | {ratio:.2f} | "
        f"{sum(covered)} of {len(covered)} ({sum(hit)} of {len(hit)} that act) | {width:.1f}"
    )


def main() -> None:
    """Run worlds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="seeds of each kind of world")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=None, help=f"of {', '.join(BETAS)}")
    parser.add_argument("--unseen", action="store_true", help="the kinds kept for the end")
    parser.add_argument("--output", type=Path, help="append each world as a line of JSON")
    given = parser.parse_args()
    kinds = given.kinds or [kind for kind in BETAS if (kind in SEEN) != given.unseen]
    worlds = []
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        for kind in kinds:
            worlds.append(run_world(kind, seed))
            if given.output:
                with given.output.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(worlds[-1]) + "\n")
            print(f"{kind}, seed {seed}: {worlds[-1]['seconds']:.0f} s", flush=True)
    print(table(worlds))


if __name__ == "__main__":
    main()
