"""Simulated customers who are touched through channels; NumPy only, no code of the package.

Each day a customer buys with a probability that depends on the customer, on whether they are in the
market (waves of some weeks, which nobody sees), and on e-mails of the last two weeks. Channels:

| channel | touches | effect |
| --- | --- | --- |
| email | sent at random | raises orders for 14 days, except in the kind ``nothing_acts`` |
| retargeting | who is about to buy: see the kind | none |
| search | the customer's own, more of them in the market | none |
| social | more by loyal customers | none |

Visits of the site have no channel. They rise in the market, before touches of retargeting do.

| kind | retargeting touches |
| --- | --- |
| ``harvest`` | customers in the market, most of them after visits |
| ``last_days`` | customers in the last three days before an order that is made anyway |
| ``after_orders`` | customers in the two weeks after an order |
| ``nothing_acts`` | as in ``harvest`` |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

KINDS = ("harvest", "last_days", "after_orders", "nothing_acts")
ACTS_FOR = 14
START = np.datetime64("2023-01-02", "s")
DAY = 86_400


@dataclass(frozen=True)
class World:
    """One simulated data set.

    Attributes
    ----------
    events, transactions : DataFrame
    truth : dict of channel to float
        Change of a customer's margin in an outcome window of `window` days for one more touch, at
        any time of the observation window of the same length.
    """

    events: pd.DataFrame
    transactions: pd.DataFrame
    truth: dict[str, float]


def simulate(
    kind: str, seed: int, customers: int = 1000, weeks: int = 70, window: int = 56
) -> World:
    """Simulate one data set."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    days = weeks * 7
    shape = (customers, days)
    loyalty = rng.gamma(3.0, 1 / 3, customers)
    market = _waves(rng, shape)
    emails = rng.poisson(rng.uniform(0.03, 0.07, (customers, 1)) * _campaigns(rng, days), shape)
    gain = 0.0 if kind == "nothing_acts" else rng.uniform(0.35, 0.6)
    # An e-mail acts from the day after it on.
    recent = _sum_of_last(emails, ACTS_FOR)
    level = 0.012 * loyalty[:, None] * np.where(market, 4.0, 1.0)
    rate = level * (1 + gain * recent)
    orders = rng.poisson(rate)
    visits = rng.poisson(np.where(market, 0.35, 0.08) * loyalty[:, None] ** 0.5)
    touches = {
        "email": emails,
        "search": rng.poisson(np.where(market, 0.15, 0.03), shape),
        "social": rng.poisson(0.06 * loyalty[:, None], shape),
        "retargeting": _retargeting(rng, kind, market, visits, orders),
    }
    margin = 40.0
    # One more e-mail u days before the cutoff acts on ACTS_FOR - u days after it.
    overlap = sum(max(0, ACTS_FOR - u) for u in range(window)) / window
    truth = dict.fromkeys(touches, 0.0) | {"email": gain * float(level.mean()) * margin * overlap}
    rows = [_events(rng, counts, "touch", name) for name, counts in touches.items()]
    events = pd.concat([*rows, _events(rng, visits, "site_visit", None)], ignore_index=True)
    return World(events, _orders(rng, orders, margin), truth)


def _waves(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return who is in the market when: waves of 10 to 25 days, about three a year."""
    market = np.zeros(shape, dtype=bool)
    starts = rng.random(shape) < 3 / 365
    for who, day in zip(*np.nonzero(starts), strict=True):
        market[who, day : day + rng.integers(10, 26)] = True
    return market


def _campaigns(rng: np.random.Generator, days: int) -> np.ndarray:
    """Return how many e-mails are sent by day, relative to the mean."""
    return np.repeat(rng.uniform(0.4, 1.6, days // 7 + 1), 7)[None, :days]


def _sum_of_last(counts: np.ndarray, n: int) -> np.ndarray:
    """Return the sum over the n days before each day."""
    total = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)[:, :-1]
    return total - np.pad(total, ((0, 0), (n, 0)))[:, : total.shape[1]]


def _retargeting(
    rng: np.random.Generator, kind: str, market: np.ndarray, visits: np.ndarray, orders: np.ndarray
) -> np.ndarray:
    if kind == "last_days":
        ahead = np.pad(orders, ((0, 0), (0, 3)))
        soon = ahead[:, 1:-2] + ahead[:, 2:-1] + ahead[:, 3:]
        return rng.poisson(0.004 + 0.4 * np.minimum(soon, 1))
    if kind == "after_orders":
        return rng.poisson(0.01 + 0.15 * np.minimum(_sum_of_last(orders, 14), 1))
    seen = _sum_of_last(visits, 3) > 0
    return rng.poisson(np.where(market & seen, 0.5, np.where(seen, 0.06, 0.005)))


def _events(
    rng: np.random.Generator, counts: np.ndarray, name: str, channel: str | None
) -> pd.DataFrame:
    who, day = np.nonzero(counts)
    n = counts[who, day]
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in np.repeat(who, n)],
            "timestamp": _moments(rng, np.repeat(day, n)),
            "event_type": name,
            "channel": channel,
        }
    )


def _orders(rng: np.random.Generator, orders: np.ndarray, margin: float) -> pd.DataFrame:
    who, day = np.nonzero(orders)
    n = orders[who, day]
    who, day = np.repeat(who, n), np.repeat(day, n)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in who],
            "timestamp": _moments(rng, day),
            "margin": rng.gamma(4.0, margin / 4, len(who)).round(2),
        }
    )


def _moments(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    return START + (day * DAY + rng.integers(0, DAY, len(day))).astype("timedelta64[s]")
