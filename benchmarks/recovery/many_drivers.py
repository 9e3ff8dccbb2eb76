"""A scenario with more drivers than a metric may hold, to compare orders of selection."""

from __future__ import annotations

import numpy as np

from benchmarks.recovery.builder import Rng, Scenario, ScenarioBuilder


def many_drivers(rng: Rng) -> Scenario:
    """Four to six drivers; effects per standard deviation and rates differ, some saturate."""
    builder = ScenarioBuilder(rng)
    number = int(builder.rng.integers(4, 7))
    low, high = {"brief": (0.02, 0.08), "month": (0.03, 0.15)}.get(
        builder.kernel_name, (0.03, 0.25)
    )
    effects = builder.rng.permutation(np.geomspace(low, high, number))
    for effect in effects:
        saturates = builder.rng.random() < 0.4
        builder.driver(
            acts=builder.acts(saturation=builder.uniform(0.5, 1.5) if saturates else None),
            rate=builder.rate(0.08, 4.0),
            standardised_effect=float(effect),
        )
    builder.follow(2)
    builder.fill(total=number + 7)
    return builder.scenario()
