"""Simulated demo shop over several seeds: does the metric consist of true drivers only?

Run: ``python -m benchmarks.shop_seeds [--seeds 10] [--customers 4000]``. It prints one row per seed
with the selected behaviours, their weights and effects, and the true values; then the same for the
shop with all effects switched off, for which the metric must abstain.
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
    """Train on one shop; return whether the selection is correct, and a line of results."""
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
    weights = {b.behaviour: b.weight for b in result.metric.behaviours}
    if not effects:
        return not weights, f"{seed:4d}  off  {seconds:5.1f}s  {sorted(weights) or 'abstains'}"
    truth = shop.truth
    effect = result.drivers.set_index("behaviour")["effect"]
    parts = [
        f"{b} {w:.0f} (true {100 * truth.shares.get(b, 0):.0f}), "
        f"{effect[b]:.2f} (true {truth.effect_per_event(b):.2f})"
        for b, w in weights.items()
    ]
    correct = bool(weights) and set(weights) <= set(truth.drivers)
    harmful = result.drivers.query("verdict == 'harmful'")["behaviour"].tolist()
    return correct, f"{seed:4d}  on   {seconds:5.1f}s  {'; '.join(parts)}; harmful: {harmful}"


def main() -> None:
    """Train on all seeds, with and without effects, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--customers", type=int, default=4000)
    arguments = parser.parse_args()
    print("seed  effects  time  behaviour weight (true share), effect per event (true)", flush=True)
    n_correct = {True: 0, False: 0}
    for effects in (True, False):
        for seed in range(arguments.seeds):
            correct, line = run(seed, arguments.customers, effects=effects)
            n_correct[effects] += correct
            print(line, "" if correct else "  WRONG", flush=True)
    print(f"\ntrue drivers only: {n_correct[True]} of {arguments.seeds} seeds")
    print(f"abstains without effects: {n_correct[False]} of {arguments.seeds} seeds")


if __name__ == "__main__":
    main()
