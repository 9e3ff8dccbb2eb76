"""Daily simulated shops in which messages help up to a load and harm beyond it, with the truth.

The daily margin is multiplied by a response to L, the messages of the last `memory` days; other
kinds have responses that do not turn, or a hidden interest behind messages and orders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
START = pd.Timestamp("2023-01-02")
WINDOW = 84
BEHAVIOURS = ("mail", "search", "page", "like", "app_open", "track")


def hump(load: Array) -> Array:
    """Return 1 + 0.10 L − 0.0125 L², at least 0.02: best at 4, used up at 8."""
    return np.maximum(1.0 + 0.10 * load - 0.0125 * load**2, 0.02)


def wide_hump(load: Array) -> Array:
    """Return a response that is best at 8 and used up at 16."""
    return np.maximum(1.0 + 0.10 * load - 0.00625 * load**2, 0.02)


@dataclass(frozen=True)
class TurningKind:
    """One kind of simulated shop.

    Attributes
    ----------
    response : function of the load
    mails : mean messages per week
    memory : days of the load
    interest : loading of messages, pages and orders on a hidden interest that comes and goes
    second : response of the second half of customers, segment "plus"
    """

    response: Callable[[Array], Array]
    mails: float = 0.5
    memory: int = 28
    interest: float = 0.0
    second: Callable[[Array], Array] | None = None

    @property
    def turns(self) -> bool:
        """Whether the response turns."""
        return self.response in (hump, wide_hump)


KINDS: dict[str, TurningKind] = {
    "turning": TurningKind(hump),
    "turning, twice": TurningKind(hump, mails=1.25),
    "turning, 14 days": TurningKind(hump, mails=1.2, memory=14),
    "turning, segments": TurningKind(hump, mails=0.7, second=wide_hump),
    "saturating": TurningKind(lambda load: 1.0 + 0.8 * (1.0 - np.exp(-load / 3.0)), mails=1.0),
    "step": TurningKind(lambda load: 1.0 + 0.4 * (load >= 2.0)),
    "linear": TurningKind(lambda load: 1.0 + 0.08 * load),
    "harmful": TurningKind(lambda load: np.exp(-0.05 * load)),
    "nothing": TurningKind(np.ones_like),
    "nothing, interest": TurningKind(np.ones_like, interest=0.6),
}


@dataclass(frozen=True)
class TurningShop:
    """Tables of one simulated shop, and the truth by intervening on the load.

    Attributes
    ----------
    events, transactions, customers : DataFrame
    effect : float
        Margin over 84 days of one more message at a random time of the 84 days before.
    optimum : dict of plan to float
        Messages in 84 days at which margin is largest; empty if the response does not turn.
    """

    events: pd.DataFrame
    transactions: pd.DataFrame
    customers: pd.DataFrame
    effect: float
    optimum: dict[str, float]


def make_turning_shop(kind: str, n: int, weeks: int, seed: int) -> TurningShop:
    """Simulate a shop of one of KINDS, day by day."""
    spec, days = KINDS[kind], 7 * weeks
    rng = np.random.default_rng([seed, *kind.encode()])
    affinity = rng.standard_normal((n, 1))
    interest = np.repeat(_wave(rng, n, weeks, 0.85, 1.0), 7, axis=1)

    def behaviour(rate: float, loading: float, level: float, wave: float, hidden: float) -> Array:
        own = np.repeat(_wave(rng, n, weeks, 0.9, wave), 7, axis=1)
        log_rate = loading * affinity + level * rng.standard_normal((n, 1)) + own
        log_rate = log_rate + hidden * interest
        log_rate -= (loading**2 + level**2 + wave**2 + hidden**2) / 2
        return rng.poisson(rate / 7 * np.exp(log_rate)).astype(float)

    counts = {
        "mail": behaviour(spec.mails, 0.2, 0.3, 0.5, spec.interest),
        "search": behaviour(0.5, 0.3, 0.5, 0.6, 0.0),
        "page": behaviour(1.2, 0.9, 0.5, 0.6, spec.interest),
        "like": behaviour(0.5, 0.8, 0.5, 0.6, 0.0),
        "app_open": behaviour(0.8, 0.5, 0.5, 0.6, 0.0),
    }
    plus = rng.random((n, 1)) < 0.5
    second = spec.second or spec.response

    def response(load: Array) -> Array:
        return np.where(plus, second(load), spec.response(load))

    load = _trailing(counts["mail"], spec.memory)
    season = 1.0 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 365)
    size = np.exp(0.4 * rng.standard_normal((n, 1)))
    rate = 0.4 / 7 * np.exp(0.5 * affinity - 0.125 + spec.interest * interest) * season
    rate = rate * (1.0 + 0.17 * _trailing(counts["search"], 21))
    orders = rng.poisson(rate * response(load))
    counts["track"] = _follow(rng, orders)
    settled = slice(WINDOW, None)
    gain = 21.0 * size * rate * (response(load + 1.0) - response(load))
    # an event a days before the cutoff is in the load on memory − a days of the outcome window
    effect = float(gain[:, settled].mean()) * spec.memory * (spec.memory - 1) / 2 / WINDOW
    best = {hump: 4.0, wide_hump: 8.0}
    optimum = (
        {
            name: best[f] * WINDOW / spec.memory
            for name, f in (("basic", spec.response), ("plus", second))
        }
        if spec.turns
        else {}
    )
    customers = pd.DataFrame(
        {"customer_id": _ids(np.arange(n)), "plan": np.where(plus[:, 0], "plus", "basic")}
    )
    return TurningShop(
        _events(rng, counts), _transactions(rng, orders, size), customers, effect, optimum
    )


def _wave(rng: np.random.Generator, n: int, weeks: int, persistence: float, std: float) -> Array:
    """Return an AR(1) process per customer, shape (n, weeks)."""
    wave = np.zeros((n, weeks))
    wave[:, 0] = std * rng.standard_normal(n)
    for t in range(1, weeks):
        shock = std * np.sqrt(1 - persistence**2) * rng.standard_normal(n)
        wave[:, t] = persistence * wave[:, t - 1] + shock
    return wave


def _trailing(counts: Array, days: int) -> Array:
    """Return the sum of the last `days` days, today included."""
    total = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1)
    today = np.arange(counts.shape[1])
    return total[:, today + 1] - total[:, np.maximum(today + 1 - days, 0)]


def _follow(rng: np.random.Generator, orders: NDArray[np.int64]) -> Array:
    """Return order tracking: up to three looks per order over the ten days after it."""
    track = np.zeros(orders.shape)
    for delay, share in ((0, 0.3), (2, 0.6), (5, 0.6), (9, 0.3)):
        track[:, delay:] += rng.binomial(orders[:, : orders.shape[1] - delay], share)
    return track


def _ids(codes: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.array([f"c{code:06d}" for code in codes], dtype=object)


def _times(rng: np.random.Generator, day: NDArray[np.int64]) -> pd.Series:
    seconds = day * 86_400 + rng.integers(0, 86_400, day.size)
    return START + pd.to_timedelta(seconds, unit="s")


def _events(rng: np.random.Generator, counts: dict[str, Array]) -> pd.DataFrame:
    frames = []
    for name, values in counts.items():
        customer, day = np.nonzero(values)
        repeats = values[customer, day].astype(int)
        customer, day = np.repeat(customer, repeats), np.repeat(day, repeats)
        frames.append(
            pd.DataFrame(
                {"customer_id": _ids(customer), "timestamp": _times(rng, day), "event_type": name}
            )
        )
    return pd.concat(frames, ignore_index=True)


def _transactions(rng: np.random.Generator, orders: NDArray[np.int64], size: Array) -> pd.DataFrame:
    customer, day = np.nonzero(orders)
    repeats = orders[customer, day]
    customer, day = np.repeat(customer, repeats), np.repeat(day, repeats)
    margin = 21.0 * size[customer, 0] * np.exp(0.6 * rng.standard_normal(customer.size) - 0.18)
    return pd.DataFrame(
        {"customer_id": _ids(customer), "timestamp": _times(rng, day), "margin": margin.round(2)}
    )
