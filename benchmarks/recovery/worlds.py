"""Simulated data sets with known effects: ``make_world(kind, n_customers, n_weeks, seed)``.

>>> world = make_world("confounded", 300, 60, seed=1)
>>> world.truth.drivers <= set(world.truth.verdicts)
True
"""

from __future__ import annotations

import numpy as np

from benchmarks.recovery.builder import Scenario
from benchmarks.recovery.draw import WEEK, History, draw, streams, weekly_sum
from benchmarks.recovery.kinds import SCENARIOS
from benchmarks.recovery.subscriber import SUBSCRIBER, make_subscriber
from benchmarks.recovery.truth import Truth, compute_truth
from benchmarks.recovery.world import Weekly, World

KINDS: tuple[str, ...] = (*SCENARIOS, *SUBSCRIBER)
# largest numbers of customers and weeks of kinds that are about little data
CAPS = {"few_customers": (400, None), "short_history": (None, 30)}


def make_world(kind: str, n_customers: int, n_weeks: int, seed: int) -> World:
    """Simulate one data set.

    Parameters
    ----------
    kind : one of KINDS
    n_customers, n_weeks : size; `few_customers` and `short_history` have at most 400 and 30
    seed : seed of roles, rates, lag kernels, effect sizes and outcomes

    Raises
    ------
    ValueError
        If the kind is unknown or the history is too short for two windows.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind '{kind}'; the kinds are {', '.join(KINDS)}")
    if kind in SUBSCRIBER:
        return make_subscriber(kind, n_customers, n_weeks, seed)
    max_customers, max_weeks = CAPS.get(kind, (None, None))
    n = min(n_customers, max_customers or n_customers)
    n_weeks = min(n_weeks, max_weeks or n_weeks)
    rngs = streams(kind, seed)
    scenario = SCENARIOS[kind](rngs["spec"])
    if n_weeks < scenario.spec.observation + scenario.spec.outcome:
        raise ValueError(f"{n_weeks} weeks are too few: one of each window needs 24")
    history = draw(scenario.spec, n, n_weeks, rngs)
    spec, traits = history.mech.spec, history.mech.traits
    segment = np.array(spec.segments, dtype=object)[traits.segment]
    needs_customers = bool(spec.config.get("segments")) or spec.subscription
    return World(
        kind=kind,
        n_customers=n,
        n_weeks=n_weeks,
        seed=seed,
        behaviours=spec.names,
        counts=history.counts,
        ledger=history.ledger,
        entry=traits.entry,
        leave=history.leave,
        compute_truth=lambda: _truth(history, scenario),
        settings=dict(spec.config),
        event_times=history.event_times,
        columns={spec.segment_column: segment},
        has_customers=needs_customers or bool(rngs["render"].random() < 0.75),
        has_costs=bool(rngs["render"].random() < 0.4),
        history=history,
    )


def _truth(history: History, scenario: Scenario) -> Truth:
    ledger = history.ledger
    n, n_weeks = history.counts.shape[:2]
    margin = weekly_sum(ledger.customer, ledger.day, ledger.margin, n, n_weeks)
    return compute_truth(
        history.mech,
        history.latent,
        history.counts,
        margin,
        history.leave,
        scenario.optional,
        scenario.accepted,
    )


__all__ = ["KINDS", "WEEK", "Truth", "Weekly", "World", "make_world"]
