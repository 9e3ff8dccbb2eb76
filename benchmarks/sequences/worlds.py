"""Customers who do things in a certain order, in continuous time; NumPy and pandas only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

START = pd.Timestamp("2023-01-02")
WEEKS = 64
DAYS = 7 * WEEKS
FADES = 25.0
"""Mean days from an event to the order that it brings."""
WINDOW = 84
SEQUENCE = "demo then trial"
WITHIN = 2.0
"""Days between a demo and a trial that form a sequence."""
MARGIN = 20.0
BEHAVIOURS = ("demo", "trial", "visit", "like", "mail", "faq", "call")
MANY = (*BEHAVIOURS, *(f"page {i}" for i in range(9)))

Moments = dict[str, tuple[np.ndarray, np.ndarray]]
"""Customers and days of each behaviour's events."""


@dataclass(frozen=True)
class World:
    """What acts: margin that one event brings in the long run, by behaviour.

    Attributes
    ----------
    acts : mapping of behaviour to currency
        With the sequence, which acts beyond its members.
    together : float
        Margin that a `call` brings if there was a `faq` in the 14 days before it.
    prepared : float
        Share of orders that a demo and a trial precede, as they are prepared.
    interest : float
        How strongly a hidden interest that comes and goes moves behaviours and orders.
    """

    name: str
    acts: dict[str, float] = field(default_factory=dict)
    together: float = 0.0
    prepared: float = 0.0
    interest: float = 0.0
    behaviours: tuple[str, ...] = BEHAVIOURS


WORLDS = (
    World("sequence acts", {SEQUENCE: 24.0}),
    World("sequence and members act", {SEQUENCE: 20.0, "demo": 10.0, "trial": 10.0}),
    World("members act alone", {"demo": 14.0, "trial": 14.0}),
    World("preparation", prepared=0.5),
    World("pair acts", together=16.0),
    World("many nulls", behaviours=MANY),
    World("interest comes and goes", interest=0.5, behaviours=MANY[:12]),
)


@dataclass(frozen=True)
class Tables:
    """Events, transactions, and what one more event brings over the outcome window."""

    events: pd.DataFrame
    transactions: pd.DataFrame
    truth: dict[str, float]


def draw(world: World, n: int, seed: int) -> Tables:
    """Return the tables of one world."""
    rng = np.random.default_rng([seed, [w.name for w in WORLDS].index(world.name)])
    liking = rng.normal(size=n)
    interest, level = np.zeros((n, WEEKS)), rng.normal(size=n)
    for week in range(WEEKS):
        level = 0.8 * level + 0.6 * rng.normal(size=n)
        interest[:, week] = level
    moments = {
        b: _happen(rng, 0.35 * np.exp(0.5 * liking - 0.125), world.interest * interest, n)
        for b in world.behaviours
    }
    _guided(rng, moments, liking, n)
    orders = _happen(rng, 0.2 * np.exp(0.6 * liking - 0.18), world.interest * interest, n, spread=0)
    if world.prepared:
        _prepare(rng, moments, orders, world.prepared)
    acting = dict(moments)
    acting[SEQUENCE] = _followed(moments["trial"], moments["demo"], WITHIN)
    brought = [orders]
    for behaviour, margin in world.acts.items():
        brought.append(_bring(rng, acting[behaviour], margin))
    if world.together:
        brought.append(
            _bring(rng, _followed(moments["call"], moments["faq"], 14.0), world.together)
        )
    return Tables(_events(moments), _transactions(rng, brought), _truth(world))


def _happen(
    rng: np.random.Generator, rate: np.ndarray, log_rate: np.ndarray, n: int, spread: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Return customers and days of events at a rate per week, with waves of their own."""
    wave = np.zeros((n, WEEKS))
    if spread:
        level = rng.normal(size=n)
        for week in range(WEEKS):
            level = 0.7 * level + np.sqrt(1 - 0.49) * rng.normal(size=n)
            wave[:, week] = spread * level - spread**2 / 2
    drawn = rng.poisson(rate[:, None] * np.exp(wave + log_rate))
    who, week = np.nonzero(drawn)
    who, week = np.repeat(who, drawn[who, week]), np.repeat(week, drawn[who, week])
    return who, 7.0 * week + 7.0 * rng.random(len(who))


def _guided(rng: np.random.Generator, moments: Moments, liking: np.ndarray, n: int) -> None:
    """Add demos that a trial follows within a day or so: sequences are no mere chance."""
    who, day = _happen(rng, 0.12 * np.exp(0.5 * liking - 0.125), np.zeros((n, WEEKS)), n)
    _add(moments, "demo", who, day)
    _add(moments, "trial", who, day + rng.uniform(0.05, 1.8, len(who)))


def _prepare(
    rng: np.random.Generator,
    moments: Moments,
    orders: tuple[np.ndarray, np.ndarray],
    share: float,
) -> None:
    """Add a demo and a trial in the days before some orders."""
    who, day = orders
    chosen = rng.random(len(who)) < share
    trial = day[chosen] - rng.uniform(0.5, 9.0, chosen.sum())
    _add(moments, "demo", who[chosen], trial - rng.uniform(0.1, 1.5, chosen.sum()))
    _add(moments, "trial", who[chosen], trial)


def _add(moments: Moments, name: str, who: np.ndarray, day: np.ndarray) -> None:
    inside = (day >= 0) & (day < DAYS)
    before = moments[name]
    moments[name] = (
        np.concatenate([before[0], who[inside]]),
        np.concatenate([before[1], day[inside]]),
    )


def _followed(
    then: tuple[np.ndarray, np.ndarray], first: tuple[np.ndarray, np.ndarray], within: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `then` events with a `first` event in the days before.

    Customers and days are one number, in which customers lie far apart.
    """
    far = 10.0 * DAYS
    known = np.sort(first[0] * far + first[1])
    moment = then[0] * far + then[1]
    place = np.searchsorted(known, moment, side="left") - 1
    gap = np.where(place >= 0, moment - known[np.maximum(place, 0)], np.inf)
    kept = (gap > 0) & (gap <= within)
    return then[0][kept], then[1][kept]


def _bring(
    rng: np.random.Generator, moments: tuple[np.ndarray, np.ndarray], margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the orders that events bring: as many as their margin needs, after a while."""
    who, day = moments
    chosen = rng.random(len(who)) < margin / MARGIN / 2
    twice = rng.random(len(who)) < margin / MARGIN / 2
    who, day = np.concatenate([who[chosen], who[twice]]), np.concatenate([day[chosen], day[twice]])
    return who, day + rng.exponential(FADES, len(who))


def _events(moments: Moments) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"customer_id": who, "day": day, "event_type": name})
        for name, (who, day) in moments.items()
    ]
    return _dated(pd.concat(parts, ignore_index=True))


def _transactions(
    rng: np.random.Generator, brought: Sequence[tuple[np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    who, day = (np.concatenate(part) for part in zip(*brought, strict=True))
    frame = pd.DataFrame({"customer_id": who, "day": day})
    frame["margin"] = rng.gamma(3.0, MARGIN / 3.0, len(frame))
    return _dated(frame)


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame[(frame["day"] >= 0) & (frame["day"] < DAYS)]
    frame["timestamp"] = START + pd.to_timedelta((frame["day"] * 86_400).round(), unit="s")
    return frame.drop(columns="day")


def _truth(world: World) -> dict[str, float]:
    """Return the margin of an outcome window for one more event in the window before it.

    The event is equally likely at each moment of the window, and the delay is exponential.
    """
    share = FADES / WINDOW * (1 - np.exp(-WINDOW / FADES)) ** 2
    return {name: margin * float(share) for name, margin in world.acts.items()}
