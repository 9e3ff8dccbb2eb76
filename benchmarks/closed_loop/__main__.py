"""Does a list find what is true? ``python -m benchmarks.closed_loop``.

Prints a table of simulated lists: lift over truth, share of 95% intervals that hold it, and how
often a verdict is wrong. With ``--whole N`` it also trains, acts, reads back and trains again on N
seeds of simulated tables, in which a driver keeps its effect or has lost it.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.closed_loop.lightly import SHARE_LOW, Tally, run
from benchmarks.closed_loop.lists import WORLDS, World


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--whole", type=int, default=0, help="seeds of the whole loop")
    parser.add_argument("--unseen", action="store_true", help="also kinds kept for the end")
    arguments = parser.parse_args()
    print(
        "| list | lift / truth | holds lift | holds by behaviour | holds per event | "
        "falsely confirmed | falsely contradicted | right |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    for world in WORLDS:
        if world.seen_before_end or arguments.unseen:
            print(_line(world, run(world, seeds)), flush=True)
    if arguments.whole:
        from benchmarks.closed_loop.whole import report

        report(range(arguments.first, arguments.first + arguments.whole))
    return 0


def _line(world: World, tally: Tally) -> str:
    acts = world.extra > 0
    tests = confirmed = contradicted = right = 0
    for b, effect in enumerate(world.effects):
        tests += tally.seeds
        said = {v: tally.verdicts[b, v] for v in ("confirmed", "contradicted")}
        confirmed += said["confirmed"] if effect <= 0 or not acts else 0
        # An effect below all that was expected is rightly contradicted.
        expected = SHARE_LOW * world.expected[b]
        contradicted += said["contradicted"] if effect >= expected or not acts else 0
        right += said["confirmed" if effect > 0 else "contradicted"] if acts else 0
    ratio = (
        f"{tally.lift / tally.truth:.2f}" if tally.truth else f"{tally.lift / tally.seeds:+.2f} / 0"
    )
    per_event = f"{100 * tally.held_effect / tally.bounded:.1f}%" if tally.bounded else "none"
    return (
        f"| {world.name} | {ratio} | {100 * tally.held / tally.seeds:.1f}% | "
        f"{100 * tally.held_behaviour / tally.behaviours:.1f}% | {per_event} | "
        f"{100 * confirmed / tests:.1f}% | {100 * contradicted / tests:.1f}% | "
        f"{100 * right / tests:.0f}% |"
    )


if __name__ == "__main__":
    sys.exit(main())
