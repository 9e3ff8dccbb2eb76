"""Do 95% intervals of measures hold the truth? ``python -m benchmarks.measures``.

Prints a table: the share of simulated samples whose interval holds the true value, for each kind
of measure and several difficulties and sizes. ``QUICK=1`` draws a tenth of the samples.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import zlib

import numpy as np

from benchmarks.measures.cases import KINDS, Case
from benchmarks.measures.series import SERIES

LOW, HIGH = 93.0, 97.0
SAMPLES = 3000


def coverage(case: Case, size: int, samples: int) -> tuple[float, float, float]:
    """Return percent of intervals that hold the truth, that lie below it, and samples without one.

    The first two are of the samples with an interval. An open end holds whatever lies beyond.
    """
    rng = np.random.default_rng(zlib.crc32(f"{case.kind} {case.difficulty} {size}".encode()))
    held = below = none = 0
    for _ in range(samples):
        low, high = case.interval(rng, size)
        if low is None and high is None:
            none += 1
            continue
        low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
        held += low <= case.truth <= high
        below += high < case.truth
    with_one = max(samples - none, 1)
    return 100 * held / with_one, 100 * below / with_one, 100 * none / samples


def main() -> int:
    """Print the table; the exit status is 1 if --check is set and a case without a reason fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    quick = os.environ.get("QUICK", "") not in ("", "0")
    parser.add_argument("--samples", type=int, default=SAMPLES // 10 if quick else SAMPLES)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    noise = 196 * math.sqrt(0.95 * 0.05 / arguments.samples)
    print(f"95% intervals should hold the truth in {LOW:g}% to {HIGH:g}% of samples;")
    print(f"{arguments.samples:,} samples each, so figures are uncertain by ±{noise:.1f}.\n")
    print("| kind | difficulty | n | holds | too low | no interval | |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- |")
    unexplained = 0
    for case in (*KINDS, *SERIES):
        for size in case.sizes:
            holds, below, none = coverage(case, size, arguments.samples)
            inside = LOW - noise <= holds <= HIGH + noise
            unexplained += not inside and not case.reason
            mark = "" if inside else case.reason or "outside"
            print(
                f"| {case.kind} | {case.difficulty} | {size} | {holds:.1f}% | {below:.1f}% | "
                f"{none:.1f}% | {mark} |",
                flush=True,
            )
    return int(arguments.check and unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
