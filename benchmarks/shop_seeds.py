"""On the demo shop, is the metric made of true drivers alone, seed after seed?

Run: ``python -m benchmarks.shop_seeds [--seeds 10] [--customers 4000]``. Prints a row per seed:
what was chosen, the weights beside the true shares, the effects beside the true ones; then the same
shop with all effects switched off, where the metric must abstain.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from engagement_ml.config import parse_config
from engagement_ml.datasets import make_shop
from engagement_ml.workflow import train


def run(seed: int, customers: int, *, effects: bool) -> tuple[bool, str]:
    """Train on one shop; return whether it is right, and a line that shows it."""
    shop = make_shop(customers, seed=seed, effects=effects)
    config = parse_config({"name": "shop", "tracking": {"uri": None}, "random_seed": seed})
    frames = {
        "events": shop.events,
        "transactions": shop.transactions,
        "customers": shop.customers,
    }
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = train(config, frames=frames, output=Path(folder) / "run")
    seconds = time.perf_counter() - started
    chosen = {b.behaviour: b.weight for b in result.metric.behaviours}
    if not effects:
        return not chosen, f"{seed:4d}  off  {seconds:5.1f}s  {sorted(chosen) or 'abstains'}"
    truth = shop.truth
    effect = result.drivers.set_index("behaviour")["effect"]
    parts = [
        f"{b} {w:.0f} (true {100 * truth.shares.get(b, 0):.0f}), "
        f"{effect[b]:.2f} (true {truth.effect_per_event(b):.2f})"
        for b, w in chosen.items()
    ]
    right = bool(chosen) and set(chosen) <= set(truth.drivers)
    harmful = result.drivers.query("verdict == 'harmful'")["behaviour"].tolist()
    return right, f"{seed:4d}  on   {seconds:5.1f}s  {'; '.join(parts)}; harmful: {harmful}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--customers", type=int, default=4000)
    arguments = parser.parse_args()
    print("seed  effects  time  behaviour weight (true share), effect per event (true)", flush=True)
    tally = {True: 0, False: 0}
    for effects in (True, False):
        for seed in range(arguments.seeds):
            right, line = run(seed, arguments.customers, effects=effects)
            tally[effects] += right
            print(line, "" if right else "  WRONG", flush=True)
    print(f"\ntrue drivers alone: {tally[True]} of {arguments.seeds} seeds")
    print(f"effects off, abstains: {tally[False]} of {arguments.seeds} seeds")


if __name__ == "__main__":
    main()
