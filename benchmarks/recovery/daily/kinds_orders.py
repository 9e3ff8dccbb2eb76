"""Kinds about orders: spikes, habit, what follows them, poor margins, rare and many drivers."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.recovery.daily import hidden
from benchmarks.recovery.daily.draft import Draft
from benchmarks.recovery.daily.mechanism import exponential
from benchmarks.recovery.daily.spec import AHEAD, BURN, Ride

FOLLOWS = frozenset({"consequence"})
DECEMBER = [(BURN + 340, BURN + 357), (BURN + 705, BURN + 722)]
SPRING = [(BURN + 122, BURN + 131), (BURN + 487, BURN + 496)]


def gifts(draft: Draft) -> None:
    """Some customers order in spikes before holidays; a behaviour weakly follows orders."""
    days = draft.n_days + AHEAD
    december = draft.state(hidden.spikes(draft.rng, days, draft.n, DECEMBER, 0.35))
    spring = draft.state(hidden.spikes(draft.rng, days, draft.n, SPRING, 0.2))
    draft.settings["rides"] = (Ride(december, draft.uniform(1.4, 1.9)), Ride(spring, 1.2))
    draft.drivers(2, 3)
    draft.follow(per_order=draft.uniform(0.15, 0.3))
    draft.fill()


def six_drivers(draft: Draft) -> None:
    """Six drivers, more than a metric takes, and a behaviour that weakly follows orders."""
    for _ in range(6):
        draft.driver(size=draft.uniform(0.04, 0.09))
    draft.follow(per_order=draft.uniform(0.2, 0.5))
    draft.fill(10, 13)


def same_week(draft: Draft) -> None:
    """Two behaviours follow orders within the same week, 1.6 and 0.9 per order."""
    draft.drivers(2, 3)
    draft.follow(per_order=1.6, lag=draft.uniform(0.4, 1.0))
    draft.follow(per_order=0.9, lag=draft.uniform(0.8, 1.8))
    draft.fill()


def poor_margin(draft: Draft) -> None:
    """Behaviours raise orders at a margin so poor that they cost: harmful."""
    for _ in range(int(draft.rng.integers(2, 4))):
        kernel = draft.kernel()
        size = draft.uniform(0.05, 0.08)
        b = draft.driver("orders", kernel, size, role="harmful")
        draft.act(b, "ratio", -draft.uniform(2.2, 2.8) * size, kernel)
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()


def rare_driver(draft: Draft) -> None:
    """A strong driver that 8% of customers use, and one that all use."""
    draft.driver("orders", share=0.08, per_week=draft.uniform(0.08, 0.16), size=0.08)
    draft.driver()
    draft.follow()
    draft.fill()


def habit(draft: Draft) -> None:
    """Orders raise later orders and several behaviours."""
    draft.settings["habit"] = draft.uniform(0.2, 0.35)
    draft.settings["habit_kernel"] = exponential(draft.uniform(15, 30))
    draft.drivers(2, 3)
    for _ in range(3):
        b = draft.add(
            "vanity",
            draft.log_uniform(0.4, 1.5),
            affinity=draft.uniform(0.2, 0.6),
            feedback=draft.uniform(0.2, 0.6),
        )
        draft.accepted[b.name] = FOLLOWS
    draft.follow()
    draft.fill()


def mediated(draft: Draft) -> None:
    """A driver acts directly and by causing another driver.

    The effect of an event holds the other behaviour fixed: it is the direct one.
    """
    first = draft.driver("orders")
    place = draft.behaviours.index(first)
    draft.driver(
        "orders",
        per_week=draft.uniform(0.3, 0.6),
        parent=place,
        per_parent=draft.uniform(0.2, 0.5),
        parent_kernel=exponential(draft.uniform(2, 5)),
    )
    draft.add(
        "vanity",
        draft.uniform(0.2, 0.5),
        parent=place,
        per_parent=draft.uniform(0.2, 0.5),
        parent_kernel=exponential(draft.uniform(2, 5)),
    )
    draft.follow()
    draft.fill()


def bots(draft: Draft) -> None:
    """Of 3% of the customers, programs create bursts of events; nobody buys more for it."""
    days = draft.n_days + AHEAD
    bursts = hidden.episodes(draft.rng, days, draft.n, 4.0, (4, 20), ramp=1)
    state = draft.state(bursts * (draft.rng.random(draft.n) < 0.03))
    draft.drivers(2, 3)
    for _ in range(3):
        draft.rider((Ride(state, draft.uniform(3.0, 4.5)),))
    draft.follow()
    draft.fill()


def with_feedback(draft: Draft) -> None:
    """Orders raise the driver that raised them."""
    b = draft.driver("orders")
    draft.behaviours[draft.behaviours.index(b)] = replace(b, feedback=draft.uniform(0.2, 0.5))
    draft.driver()
    draft.follow()
    draft.fill()
