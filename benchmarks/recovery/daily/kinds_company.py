"""Kinds about what companies do: rules, calls, prices, releases, tracking, subscriptions."""

from __future__ import annotations

import numpy as np

from benchmarks.recovery.daily.draft import Draft
from benchmarks.recovery.daily.mechanism import exponential
from benchmarks.recovery.daily.spec import AHEAD, BURN, Array, Policy, Ride

FOLLOWS = frozenset({"consequence"})


def policy(draft: Draft) -> None:
    """The company mails customers who are inactive for three weeks, or after many visits.

    The mails have no effect; to call them a consequence of what customers do is no error.
    """
    draft.drivers(2, 2)
    draft.fill(7, 8)
    visits = tuple(range(2, 5))
    for rule in (
        Policy("inactive", draft.uniform(0.1, 0.3), 21, visits),
        Policy("busy", draft.uniform(0.1, 0.3), 14, visits, int(draft.rng.integers(3, 6))),
    ):
        b = draft.add("inert", 0.15, policy=rule, outbound=True, wave_std=0.0)
        draft.accepted[b.name] = FOLLOWS
    draft.follow()
    draft.add("vanity", draft.log_uniform(0.3, 1.0), affinity=draft.uniform(0.4, 0.8))


def targeted_calls(draft: Draft) -> None:
    """Calls go to customers in decline and truly help.

    Observation cannot tell the help from the decline: `driver` and `unverifiable` are right.
    """
    decline = draft.wave(draft.uniform(25, 40))
    draft.settings["rides"] = (Ride(decline, -draft.uniform(0.4, 0.6)),)
    rule = Policy("decline", draft.uniform(0.08, 0.15), 14, state=decline)
    b = draft.driver(
        "orders",
        exponential(draft.uniform(20, 40)),
        draft.uniform(0.04, 0.08),
        per_week=0.09,
        policy=rule,
        outbound=True,
        wave_std=0.0,
    )
    draft.accepted[b.name] = frozenset({"unverifiable"})
    draft.optional.add(b.name)
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()


def price_change(draft: Draft) -> None:
    """A price rises for one plan: its customers look at prices and order less from then on."""
    code = draft.segment("plan", ("basic", "plus"), declared=bool(draft.rng.random() < 0.5))
    days = np.arange(draft.n_days + AHEAD)
    change = BURN + int(draft.uniform(0.35, 0.65) * (draft.n_days - BURN))
    concerned = (code == 1).astype(np.float32)
    after = np.exp(-np.maximum(days - change, 0) / 40) * (days >= change)
    state = draft.state(after[:, None] * concerned)
    drop = draft.uniform(0.2, 0.35)
    draft.order_scale = (1 - drop * (days[: draft.n_days, None] >= change) * concerned).astype(
        np.float32
    )
    draft.drivers(2, 3)
    for loading in (1.2, 0.8, -0.5):
        draft.rider((Ride(state, loading * draft.uniform(0.7, 1.2)),))
    draft.follow()
    draft.fill()


def app_release(draft: Draft) -> None:
    """From a release on, tracking logs some behaviours twice, and others half.

    Verdicts can be had; an effect per logged event is not defined for what is logged otherwise.
    """
    days = np.arange(draft.n_days)
    release = BURN + int(draft.uniform(0.3, 0.7) * (draft.n_days - BURN))

    def tracked(share: float) -> Array:
        return np.where(days >= release, share, 1.0).astype(np.float32)

    b = draft.driver(tracked=tracked(draft.uniform(1.4, 1.8)))
    draft.unmeasured.add(b.name)
    draft.drivers(1, 2)
    for share in (1.8, 0.5, 0.4):
        affinity = draft.uniform(0.3, 0.7)
        draft.add("vanity", draft.log_uniform(0.4, 1.5), affinity=affinity, tracked=tracked(share))
    draft.follow()
    draft.fill()


def lossy(draft: Draft) -> None:
    """Tracking loses events: of customers without consent, and everybody's during outages.

    Verdicts can be had; an effect per logged event is not defined.
    """
    n, days = draft.n, draft.n_days
    refuses = draft.rng.random(n) < 0.25
    consent = np.where(refuses, draft.rng.uniform(0.0, 0.7, n), draft.rng.uniform(0.9, 1.0, n))
    share = np.broadcast_to(consent, (days, n)).astype(np.float32)
    for start in draft.rng.integers(BURN, days, 3):
        share[start : start + int(draft.rng.integers(4, 13))] *= 0.1
    always = np.broadcast_to(consent, (days, n)).astype(np.float32)
    for _ in range(int(draft.rng.integers(2, 4))):
        b = draft.driver(tracked=share)
        draft.unmeasured.add(b.name)
    draft.follow()
    for number in range(6):
        vanity = number % 2 == 0
        draft.add(
            "vanity" if vanity else "inert",
            draft.log_uniform(0.4, 1.5),
            affinity=draft.uniform(0.4, 0.8) if vanity else 0.0,
            tracked=share if number % 3 else always,
        )


def subscription(draft: Draft, notice: tuple[int, int], fading: float) -> None:
    """Fees until customers leave; drivers keep them, and other use does nothing."""
    draft.settings |= {
        "rate": 1e-6, "fee": draft.uniform(20, 40), "ratio": draft.uniform(0.5, 0.7),
        "hazard": draft.uniform(0.005, 0.0075), "notice": notice, "fading": fading,
        "return_share": 0.0,
    }  # fmt: skip
    draft.late_share = 0.6
    for _ in range(2):
        kernel = exponential(draft.uniform(20, 40))
        draft.driver("hazard", kernel, draft.uniform(0.5, 0.8), per_week=draft.log_uniform(0.5, 2))
    for _ in range(5):
        draft.rider((), draft.log_uniform(0.5, 2.0))
    draft.fill(9, 12)


def notice(draft: Draft) -> None:
    """Who has decided to leave does less of everything until a notice period of 2 to 6 weeks ends.

    Two drivers of retention can be had.
    """
    subscription(draft, (14, 42), 0.15)


def churn_plain(draft: Draft) -> None:
    """Customers leave at once when they decide: affinity confounds, and two drivers can be had."""
    subscription(draft, (0, 0), 1.0)
