"""Early warnings: the false discovery rate, and the share of falls that are found.

``python -m benchmarks.monitor.warnings``; ``--seeds 5`` for a short run.
"""

from __future__ import annotations

import argparse
import datetime as dt

import numpy as np

from benchmarks.monitor.warning_data import KINDS, WEEKS, WarningWorld, simulate
from engagement_ml.features.period_panel import Periods
from engagement_ml.lifecycle.monitoring.early_warning import Falls, find_falls
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

WINDOW_WEEKS = 4
START = dt.date(2023, 1, 2)


def find(world: WarningWorld) -> Falls:
    """Return what the product finds in weekly counts."""
    n = len(world.counts)
    counts = world.counts.reshape(n, WEEKS // WINDOW_WEEKS, WINDOW_WEEKS).sum(axis=2)
    n_windows = counts.shape[1]
    windows = Periods(
        entities=np.arange(n),
        behaviours=("visit",),
        period_days=7 * WINDOW_WEEKS,
        start=START,
        until=START + dt.timedelta(7 * WEEKS),
        counts=counts[..., None].astype(np.float32),
        gain=np.ones((n, n_windows)),
        loss=np.zeros((n, n_windows)),
        orders=np.zeros((n, n_windows), dtype=np.float32),
        entry=-(-world.entry // WINDOW_WEEKS).astype(np.int32),
        exit=np.full(n, n_windows, dtype=np.int32),
        segments={},
    )
    curve = Transform("linear", scale=None, shape=None, cap=10.0)
    visit = WeightedBehaviour("visit", 100, None, None, "frequency", "events", curve)
    return find_falls(windows, EngagementMetric("simulated", "driver", 84, 84, (visit,)))


def main() -> None:
    """Print, by kind, the mean share of false warnings and of falls that are found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    arguments = parser.parse_args()
    print(f"{'kind':22}  tested  fall   warned  false (mean)  any false  found of tested")
    for name, kind in KINDS.items():
        rows = []
        for seed in range(arguments.seeds):
            world = simulate(kind, seed)
            falls = find(world)
            warned, false = int(falls.warned.sum()), int((falls.warned & ~world.falls).sum())
            fell = world.falls & falls.tested
            found = (falls.warned & fell).sum() / fell.sum() if fell.any() else np.nan
            share = false / max(warned, 1)
            rows.append((falls.tested.sum(), fell.sum(), warned, share, false > 0, found))
        mean = [np.mean(column) for column in zip(*rows, strict=True)]
        share_found = "–" if np.isnan(mean[5]) else f"{mean[5]:.0%}"
        print(
            f"{name:22}  {mean[0]:6.0f}  {mean[1]:4.0f}  {mean[2]:6.1f}  {mean[3]:12.1%}"
            f"  {mean[4]:9.0%}  {share_found:>15}",
            flush=True,
        )


if __name__ == "__main__":
    main()
