"""Kinds in which hidden states vary within customers."""

from __future__ import annotations

import numpy as np

from benchmarks.recovery.daily import hidden
from benchmarks.recovery.daily.draft import Draft
from benchmarks.recovery.daily.spec import AHEAD, Ride


def calm(draft: Draft) -> None:
    """Affinity confounds between customers only: all drivers can be had."""
    draft.drivers(2, 3)
    draft.follow()
    draft.fill()


def life_events(draft: Draft) -> None:
    """A move or a baby raises browsing and buying for 6 to 10 weeks, browsing ten days earlier.

    Drivers act alone and can be had: most behaviours on the episodes do nothing.
    """
    state = draft.state(
        hidden.episodes(draft.rng, draft.n_days + AHEAD, draft.n, draft.uniform(0.7, 1.1), (42, 70))
    )
    draft.settings["rides"] = (Ride(state, draft.uniform(0.7, 1.0)),)
    draft.drivers(1, 3)
    for _ in range(int(draft.rng.integers(3, 6))):
        draft.rider((Ride(state, draft.uniform(0.6, 1.2), 10),))
    draft.follow()
    draft.fill(10, 13)


def interest(draft: Draft) -> None:
    """Interest with a month's memory moves several behaviours and orders, browsing 3 days ahead.

    Drivers act alone and can be had.
    """
    state = draft.wave(draft.uniform(22, 40))
    draft.settings["rides"] = (Ride(state, draft.uniform(0.4, 0.65)),)
    draft.drivers(1, 3)
    for _ in range(int(draft.rng.integers(3, 6))):
        draft.rider((Ride(state, draft.uniform(0.4, 0.8), 3),))
    draft.follow()
    draft.fill(10, 13)


def two_waves(draft: Draft) -> None:
    """Two hidden waves with other memories and loadings: drivers act alone and can be had."""
    fast, slow = draft.wave(draft.uniform(10, 18)), draft.wave(draft.uniform(40, 70))
    draft.settings["rides"] = (
        Ride(fast, draft.uniform(0.3, 0.5)),
        Ride(slow, draft.uniform(0.3, 0.5)),
    )
    draft.drivers(2, 3)
    for state, lead in ((fast, 2), (slow, 7)):
        for _ in range(3):
            other = slow if state == fast else fast
            rides = (Ride(state, draft.uniform(0.5, 0.8), lead),)
            if draft.rng.random() < 0.4:
                rides = (*rides, Ride(other, draft.uniform(0.2, 0.4), lead))
            draft.rider(rides)
    draft.follow()
    draft.fill(11, 13)


def lone_wave(draft: Draft) -> None:
    """Only one or two behaviours show the wave: they cannot be told from drivers.

    The other drivers can be had; the behaviours on the wave are `unverifiable` at best.
    """
    state = draft.wave(draft.uniform(22, 40))
    draft.settings["rides"] = (Ride(state, draft.uniform(0.35, 0.5)),)
    draft.drivers(2, 2)
    for _ in range(int(draft.rng.integers(1, 3))):
        draft.rider((Ride(state, draft.uniform(0.5, 0.8), 3),))
    draft.follow()
    draft.fill()


def preparing(draft: Draft) -> None:
    """Customers look and compare one to four weeks before an order that comes anyway.

    Looking stops with the order. Drivers raise the other orders or baskets and can be had.
    """
    rate = draft.uniform(0.018, 0.026) * np.exp(0.5 * draft.affinity - 0.125)
    draft.planned, state_values = hidden.plans(draft.rng, rate, draft.n_days, AHEAD)
    state = draft.state(state_values)
    draft.settings["rate"] = draft.uniform(0.022, 0.032)
    draft.drivers(1, 3)
    for _ in range(int(draft.rng.integers(3, 5))):
        draft.rider((Ride(state, draft.uniform(0.9, 1.6)),), draft.log_uniform(0.3, 0.9))
    draft.follow()
    draft.fill(10, 13)


def riding_driver(draft: Draft) -> None:
    """One driver rides on the hidden wave itself: it cannot be told from the wave, and is optional.

    Another driver acts alone and can be had.
    """
    state = draft.wave(draft.uniform(22, 40))
    draft.settings["rides"] = (Ride(state, draft.uniform(0.35, 0.5)),)
    riding = draft.driver("orders", rides=(Ride(state, draft.uniform(0.4, 0.6), 3),))
    draft.optional.add(riding.name)
    draft.accepted[riding.name] = frozenset({"unverifiable"})
    draft.driver()
    for _ in range(4):
        draft.rider((Ride(state, draft.uniform(0.4, 0.7), 3),))
    draft.follow()
    draft.fill(9, 12)


def holiday_pauses(draft: Draft) -> None:
    """Customers do nothing for one to three weeks at a time: one pause moves everything.

    Drivers pause too; most of what pauses does nothing, so that they can be had.
    """
    pause = hidden.episodes(draft.rng, draft.n_days + AHEAD, draft.n, 2.0, (8, 21), ramp=1)
    state = draft.state(pause)
    draft.settings["rides"] = (Ride(state, -2.0),)
    rides = (Ride(state, -2.0),)
    draft.drivers(2, 3, rides=rides)
    draft.follow()
    for _ in range(6):
        draft.rider(rides)
    draft.add("inert", draft.log_uniform(0.3, 1.5))


def team_accounts(draft: Draft) -> None:
    """Customers are teams that people join and leave: everything grows and shrinks with them.

    Drivers grow too; most of what grows does nothing, so that they can be had.
    """
    team = hidden.growth(draft.rng, draft.n_days + AHEAD, draft.n, draft.uniform(2.0, 4.0), 0.35)
    state = draft.state(team)
    draft.settings["rides"] = (Ride(state, draft.uniform(0.7, 1.0)),)
    draft.drivers(2, 3, rides=(Ride(state, draft.uniform(0.5, 0.8)),))
    draft.follow()
    for _ in range(5):
        draft.rider((Ride(state, draft.uniform(0.7, 1.0)),))
    draft.fill(9, 12)
