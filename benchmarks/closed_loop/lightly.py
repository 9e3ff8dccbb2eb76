"""Assignment and reading of simulated lists, and how often they are right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from benchmarks.closed_loop.lists import List, World
from engagement_ml.actions.assignment import Listed, assign
from engagement_ml.actions.reading import Followed, read

SHARE_LOW, SHARE_HIGH = 0.7, 1.3
"""The interval of what is expected, as shares of it."""


@dataclass
class Tally:
    """Counts over the seeds of one kind of list."""

    seeds: int = 0
    lift: float = 0.0
    truth: float = 0.0
    held: int = 0
    held_behaviour: int = 0
    behaviours: int = 0
    held_effect: int = 0
    bounded: int = 0
    verdicts: Counter[tuple[int, str]] = field(default_factory=Counter)


def run(world: World, seeds: range) -> Tally:
    """Return the tally of a kind of list over seeds."""
    tally = Tally()
    for seed in seeds:
        _one(world, seed, tally)
    return tally


def _one(world: World, seed: int, tally: Tally) -> None:
    drawn = List(world, seed)
    names = tuple(f"b{b}" for b in range(len(world.effects)))
    before, gain = drawn.before, drawn.before.gain
    ids = np.arange(world.n).astype(str)
    listed = Listed(
        names,
        ids,
        before.behaviour,
        gain,
        SHARE_LOW * gain,
        SHARE_HIGH * gain,
        before.events,
        before.margin,
    )
    treated = assign(listed, world.control_share, np.random.default_rng(seed))
    after = drawn.after(treated)
    followed = Followed(
        names, treated, before.behaviour, after.margin, after.events, before.margin, before.events
    )
    means = [float(gain[before.behaviour == b].mean()) for b in range(len(names))]
    found = read(followed, [(m, SHARE_LOW * m, SHARE_HIGH * m) for m in means], [0.0] * len(names))
    tally.seeds += 1
    tally.lift += found.whole.lift.value
    tally.truth += after.lift_in_all
    tally.held += found.whole.lift.low <= after.lift_in_all <= found.whole.lift.high
    for b, each in enumerate(found.behaviours):
        tally.behaviours += 1
        lift = each.found.lift
        tally.held_behaviour += lift.low <= after.lift[b] <= lift.high
        if each.effect is not None:
            tally.bounded += 1
            per_event = after.lift[b] / max(after.extra[b], 1e-9)
            tally.held_effect += each.effect.low <= per_event <= each.effect.high
        tally.verdicts[b, each.verdict] += 1
