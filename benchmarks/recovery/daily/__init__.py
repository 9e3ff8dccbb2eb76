"""Daily, event-level simulated data: ``make_daily(kind, n_customers, n_weeks, seed)``.

It shares no code with the weekly generator, so that a mistake in one is not repeated in the other.

>>> world = make_daily("calm", 200, 40, seed=1)
>>> world.truth.drivers <= set(world.behaviours)
True
"""

from __future__ import annotations

import zlib

import numpy as np

from benchmarks.recovery.daily.draft import Draft
from benchmarks.recovery.daily.kinds import DAILY_KINDS, KINDS, NULL
from benchmarks.recovery.daily.simulate import simulate
from benchmarks.recovery.daily.spec import BURN, WINDOW
from benchmarks.recovery.daily.world import DailyWorld


def make_daily(kind: str, n_customers: int, n_weeks: int, seed: int) -> DailyWorld:
    """Simulate one data set.

    Parameters
    ----------
    kind : one of DAILY_KINDS; a null twin draws the same hidden causes as its kind
    n_customers, n_weeks : size
    seed : seed of roles, rates, kernels, effect sizes and outcomes

    Raises
    ------
    ValueError
        If the kind is unknown or the history is too short for two windows.
    """
    if kind not in DAILY_KINDS:
        raise ValueError(f"unknown kind '{kind}'; the kinds are {', '.join(DAILY_KINDS)}")
    if 7 * n_weeks < 2 * WINDOW + 7:
        raise ValueError(f"{n_weeks} weeks are too few for two windows of {WINDOW} days")
    name = kind.removesuffix(NULL)
    entropy = [seed, zlib.crc32(name.encode())]
    draft = Draft(
        np.random.default_rng([*entropy, 1]),
        n_customers,
        BURN + 7 * n_weeks,
        acting=kind == name,
    )
    KINDS[name](draft)
    history = simulate(draft.finish(), np.random.default_rng([*entropy, 2]))
    return DailyWorld(kind, n_customers, n_weeks, seed, history)


__all__ = ["DAILY_KINDS", "DailyWorld", "make_daily"]
