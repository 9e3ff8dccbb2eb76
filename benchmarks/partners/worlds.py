"""Simulated partners with 5 to 40 customers each, with known effects; NumPy and pandas only.

Shares no code with estimation. Margin of a customer in a week is a number of orders, Poisson with
mean ``size × season × partner's own shocks × region's campaign × (1 + effects)``, times a gamma
amount. Effects add up over the events of the weeks before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

START = np.datetime64("2023-01-02", "us")
WEEK = np.timedelta64(7, "D").astype("timedelta64[us]")
MEMORY = 8
"""Weeks after an event in which it acts."""
ORDER = 30.0


@dataclass(frozen=True)
class Kind:
    """One kind of world.

    Attributes
    ----------
    visit : float
        Share by which one visit of the partner raises margin in each of the following weeks.
    breadth : float
        The same for one more user who was active in a week.
    waves : float
        Standard deviation of the log of a region's campaigns, which move activity and margin.
    moving : float
        Share of customers who change their partner once.
    users : bool
        Whether customers have users who log in.
    """

    visit: float = 0.0
    breadth: float = 0.0
    waves: float = 0.0
    moving: float = 0.0
    users: bool = False


KINDS = {
    "visits": Kind(visit=0.12),
    "visits-moving": Kind(visit=0.12, moving=0.15),
    "nothing": Kind(),
    "waves": Kind(visit=0.12, waves=0.3),
    "breadth": Kind(breadth=0.10, users=True),
    "breadth-nothing": Kind(users=True),
}
UNSEEN = {
    "waves-nothing": Kind(waves=0.4),
    "visits-breadth": Kind(visit=0.08, breadth=0.07, moving=0.1, users=True),
}
"""Kinds that nothing was tried on before the end."""


@dataclass(frozen=True)
class World:
    """Tables and truth.

    Attributes
    ----------
    frames : dict of str to DataFrame
        ``events``, ``transactions``, ``links``.
    effects : dict of str to float
        Effect of one more event in an observation window of 12 weeks on the margin of the 12 weeks
        after it, by behaviour that acts.
    """

    frames: dict[str, pd.DataFrame]
    effects: dict[str, float] = field(default_factory=dict)


def make(kind: Kind, seed: int, n_partners: int = 60, n_weeks: int = 72) -> World:
    """Return a world."""
    rng = np.random.default_rng(seed)
    partner, swapped, moved_at = _customers(rng, kind, n_partners, n_weeks)
    n = len(partner)
    week = np.arange(n_weeks)
    served = np.where(week < moved_at[:, None], partner[:, None], swapped[:, None])
    quality = rng.normal(0, 0.4, n_partners)
    region = np.arange(n_partners) % 4
    wave = kind.waves * np.stack([_walk(rng, n_weeks) for _ in range(4)])[region]
    shocks = 0.25 * np.stack([_walk(rng, n_weeks) for _ in range(n_partners)])
    counts = {
        "visit": rng.poisson(0.6, (n_partners, n_weeks)),
        "mailing": rng.poisson(0.6, (n_partners, n_weeks)),
        "portal": rng.poisson(2.0 * np.exp(quality[:, None] + wave)),
        "campaign": rng.poisson(0.8 * np.exp(1.5 * wave)),
        "webinar": rng.poisson(0.6 * np.exp(1.2 * wave)),
    }
    affinity = rng.normal(0, 0.5, n)
    own = {
        "browse": rng.poisson(1.2 * np.exp(affinity)[:, None] * np.ones(n_weeks)),
        "read": rng.poisson(0.5 * np.exp(0.5 * affinity)[:, None] * np.ones(n_weeks)),
    }
    users = _users(rng, n, n_weeks) if kind.users else None
    active = np.zeros((n, n_weeks)) if users is None else (users > 0).sum(axis=1)
    size = 0.35 * np.exp(0.8 * affinity + quality[partner] + rng.normal(0, 0.4, n))
    season = 1 + 0.15 * np.sin(2 * np.pi * week / 52)
    calm = size[:, None] * season * np.exp((shocks + wave)[served, week])
    acts = kind.visit * _past(counts["visit"])[served, week] + kind.breadth * _past(active)
    orders = rng.poisson(calm * (1 + acts))
    effects = _truth(kind, calm)
    events = [_events(rng, counts, "p"), _events(rng, own, "c")]
    links = [_links(partner, swapped, moved_at, n_weeks)]
    if users is not None:
        who, events_of_users = _user_tables(rng, users)
        events.append(events_of_users)
        links.append(who)
    frames = {
        "events": pd.concat(events, ignore_index=True),
        "transactions": _transactions(rng, orders),
        "links": pd.concat(links, ignore_index=True),
    }
    return World(frames, effects)


def _customers(
    rng: np.random.Generator, kind: Kind, n_partners: int, n_weeks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    partner = np.repeat(np.arange(n_partners), rng.integers(5, 41, n_partners))
    moves = rng.random(len(partner)) < kind.moving
    moved_at = np.where(moves, rng.integers(10, n_weeks - 10, len(partner)), n_weeks)
    swapped = np.where(moves, rng.integers(0, n_partners, len(partner)), partner)
    return partner, swapped, moved_at


def _walk(rng: np.random.Generator, n_weeks: int) -> np.ndarray:
    """Return an autoregressive series with variance 1."""
    steps = rng.normal(size=n_weeks + 20)
    series = np.zeros(n_weeks + 20)
    for t in range(1, len(series)):
        series[t] = 0.85 * series[t - 1] + np.sqrt(1 - 0.85**2) * steps[t]
    return series[20:]


def _past(counts: np.ndarray) -> np.ndarray:
    """Return the sum of the weeks before, up to `MEMORY`."""
    summed = np.cumsum(np.pad(counts, ((0, 0), (MEMORY + 1, 0))), axis=1)
    return summed[:, MEMORY:-1] - summed[:, : -MEMORY - 1]


def _users(rng: np.random.Generator, n: int, n_weeks: int) -> np.ndarray:
    """Return log-ins of up to six users of each customer, some of whom join or leave."""
    busy = rng.gamma(1.0, 0.35, (n, 6, 1))
    there = rng.random((n, 6, 1)) < 0.6
    walks = np.cumsum(rng.normal(0, 0.12, (n, 6, n_weeks)), axis=2)
    return rng.poisson(np.clip(busy * there * np.exp(walks), 0, 6))


def _truth(kind: Kind, calm: np.ndarray) -> dict[str, float]:
    """Return effects: an event of week -a acts on the weeks -a + 1 to -a + MEMORY."""
    weeks = np.mean([max(0, MEMORY - a + 1) for a in range(1, 13)])
    margin = calm.mean() * ORDER
    both = {"partner.visit": kind.visit, "user.active": kind.breadth}
    return {name: share * margin * weeks for name, share in both.items() if share}


def _rows(rng: np.random.Generator, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return who and when of each event."""
    who, week = np.nonzero(counts)
    n = counts[who, week]
    who, week = np.repeat(who, n), np.repeat(week, n)
    return who, START + week * WEEK + (rng.random(len(who)) * 604_799).astype("timedelta64[s]")


def _events(rng: np.random.Generator, counts: dict[str, np.ndarray], prefix: str) -> pd.DataFrame:
    parts = []
    for name, each in counts.items():
        who, when = _rows(rng, each)
        ids = np.char.add(prefix, who.astype(str))
        parts.append(pd.DataFrame({"customer_id": ids, "timestamp": when, "event_type": name}))
    return pd.concat(parts, ignore_index=True)


def _links(
    partner: np.ndarray, swapped: np.ndarray, moved_at: np.ndarray, n_weeks: int
) -> pd.DataFrame:
    customer = np.char.add("c", np.arange(len(partner)).astype(str))
    moved = moved_at < n_weeks
    at = pd.Series(START + moved_at * WEEK)
    before, after = (np.char.add("p", each.astype(str)) for each in (partner, swapped))
    first = pd.DataFrame({"actor_id": before, "customer_id": customer, "to": at.where(moved)})
    second = pd.DataFrame({"actor_id": after, "customer_id": customer, "from": at})[moved]
    links = pd.concat([first, second], ignore_index=True).assign(role="partner")
    return links.astype({"from": "datetime64[us]", "to": "datetime64[us]"})


def _user_tables(rng: np.random.Generator, users: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    n, most, n_weeks = users.shape
    who, when = _rows(rng, users.reshape(n * most, n_weeks))
    ids = np.char.add("u", who.astype(str))
    events = pd.DataFrame({"customer_id": ids, "timestamp": when, "event_type": "login"})
    everyone = np.unique(who)
    links = pd.DataFrame(
        {
            "actor_id": np.char.add("u", everyone.astype(str)),
            "customer_id": np.char.add("c", (everyone // most).astype(str)),
            "role": "user",
        }
    )
    return links, events


def _transactions(rng: np.random.Generator, orders: np.ndarray) -> pd.DataFrame:
    who, when = _rows(rng, orders)
    amounts = rng.gamma(4.0, ORDER / 4.0, len(who)).round(2)
    ids = np.char.add("c", who.astype(str))
    return pd.DataFrame({"customer_id": ids, "timestamp": when, "margin": amounts})
