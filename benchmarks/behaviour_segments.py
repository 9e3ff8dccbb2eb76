"""Segments by behaviour: found where they are, and none in one continuous population.

Run ``python -m benchmarks.behaviour_segments`` for the table, ``--quick`` for a small one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.behaviour_populations import POPULATIONS
from engagement_ml.scorecard.segments.clustering import Clusters, find_clusters

HEADER = (
    f"{'population':<18}{'groups':>7}{'seeds':>7}{'found':>7}{'segments':>10}"
    f"{'agreement':>11}{'stability':>11}{'gain':>7}{'s':>6}"
)


def line(name: str, seeds: int) -> str:
    """Return the table's line of a population.

    ``found``: seeds with segments. ``agreement``: mean adjusted Rand index with the true groups.
    """
    from sklearn.metrics import adjusted_rand_score

    numbers: list[int] = []
    agreements: list[float] = []
    found: list[Clusters] = []
    true, began = 1, time.perf_counter()
    for seed in range(seeds):
        counts, groups = POPULATIONS[name].draw(np.random.default_rng([7, seed]))
        active = counts.any(axis=1)
        clusters = find_clusters(counts[active].astype(np.float64), seed=seed)
        true = 1 if groups is None else int(groups.max()) + 1
        if isinstance(clusters, Clusters):
            found.append(clusters)
            numbers.append(len(clusters.offsets))
            if groups is not None:
                labels = clusters.assign(counts[active].astype(np.float64))
                agreements.append(adjusted_rand_score(groups[active], labels))
    seconds = (time.perf_counter() - began) / seeds
    most = str(max(set(numbers), key=numbers.count)) if numbers else "-"
    return (
        f"{name:<18}{true if true > 1 else '-':>7}{seeds:>7}{len(found):>7}{most:>10}"
        f"{_mean(agreements):>11}{_mean([c.stability for c in found]):>11}"
        f"{_mean([c.gain for c in found]):>7}{seconds:>6.1f}"
    )


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" if values else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument(
        "--populations", nargs="*", default=list(POPULATIONS), choices=list(POPULATIONS)
    )
    options = parser.parse_args(arguments)
    sys.stdout.write(HEADER + "\n")
    for name in options.populations:
        sys.stdout.write(line(name, 2 if options.quick else options.seeds) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
