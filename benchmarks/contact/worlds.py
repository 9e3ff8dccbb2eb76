"""Simulated companies whose contacts help, harm, do nothing or are targeted, with the truth.

Day by day: a mail, a push message and a call by the company are contacts; a customer's own call is
none. The daily order rate is multiplied by a response to L, the contacts of the last `memory`
days. Nothing here is shared with the estimation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Response = Callable[[Array], Array]
START = pd.Timestamp("2023-01-02")
WINDOW = 84
ORDER_MARGIN = 22.0
CHANNELS = ("mail", "push", "call")
SHARES = (0.6, 0.3, 0.1)


def parabola(best: float, gain: float) -> Response:
    """Return exp of a parabola that is largest, by the log of `gain`, at the load `best`."""
    return lambda load: np.exp(gain * (2 * load / best - (load / best) ** 2))


def hump(best: float, gain: float) -> Response:
    """Return ``exp(gain u e^(1−u))`` with u = L/best: it rises fast and falls slowly."""
    return lambda load: np.exp(gain * load / best * np.exp(1 - load / best))


def tent(best: float, gain: float) -> Response:
    """Return two straight lines with a corner at `best`; never below a tenth."""
    return lambda load: np.maximum(1 + gain * (best - np.abs(load - best)) / best, 0.1)


@dataclass(frozen=True)
class Kind:
    """One kind of company.

    Attributes
    ----------
    responses : one response for all, or one for each plan
    best : loads at which they are largest; None if they do not turn
    verdicts : verdicts that are true of all customers
    memory : days of the load
    weekly : mean contacts per week
    lapse, reward : how strongly contacts follow the absence, and the presence, of recent orders
    interest : loading of contacts and orders on an interest that comes and goes
    blasts : share of contacts sent to all on the same days
    """

    responses: tuple[Response, ...]
    best: tuple[float | None, ...]
    verdicts: tuple[str, ...]
    memory: int = 28
    weekly: float = 1.2
    lapse: float = 0.0
    reward: float = 0.0
    interest: float = 0.0
    blasts: float = 0.0
    unseen: bool = False


NONE: Response = np.ones_like
NULL = ("inert", "vanity", "unverifiable")
KINDS: dict[str, Kind] = {
    "one optimum": Kind((parabola(5, 0.35),), (5,), ("turns",)),
    "two optima": Kind((parabola(4, 0.35), parabola(8, 0.5)), (4, 8), ("turns",)),
    "long fatigue": Kind((parabola(12, 0.4),), (12,), ("turns",), memory=70),
    "positive": Kind((lambda load: 1 + 0.06 * load,), (None,), ("driver",)),
    "no effect": Kind((NONE,), (None,), NULL),
    "harmful": Kind((lambda load: np.exp(-0.05 * load),), (None,), ("harmful",)),
    "lapse-triggered": Kind((NONE,), (None,), NULL, lapse=1.2),
    "best customers": Kind((NONE,), (None,), NULL, reward=0.5),
    "one of two": Kind((parabola(5, 0.45), NONE), (5, None), ("turns", *NULL, "driver")),
    "skewed hump": Kind((hump(4, 0.4),), (4,), ("turns",), unseen=True),
    "tent": Kind((tent(5, 0.4),), (5,), ("turns",), unseen=True),
    "weak lapse": Kind((NONE,), (None,), NULL, lapse=0.3, unseen=True),
    "interest": Kind((NONE,), (None,), NULL, interest=0.5, unseen=True),
    "blasts": Kind((parabola(5, 0.35),), (5,), ("turns",), blasts=0.5, unseen=True),
    "opposite": Kind(
        (lambda load: 1 + 0.06 * load, lambda load: np.exp(-0.06 * load)), (None, None),
        ("driver", "harmful", *NULL), unseen=True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Company:
    """Tables of one simulated company, and the truth by intervening on the load.

    Attributes
    ----------
    effect : float
        Margin over 84 days of one more contact at a random time of the 84 days before.
    best : dict of plan to float or None
        Contacts in 84 days at which margin is largest.
    """

    events: pd.DataFrame
    transactions: pd.DataFrame
    customers: pd.DataFrame
    effect: float
    best: dict[str, float | None] = field(default_factory=dict)


def make_company(name: str, n: int, weeks: int, seed: int) -> Company:
    """Simulate a company of one of KINDS."""
    kind, days = KINDS[name], 7 * weeks
    rng = np.random.default_rng([seed, 77, *name.encode()])
    affinity = rng.standard_normal(n)
    plan = rng.integers(0, 2, n)
    interest = _wave(rng, n, weeks, 0.8, 1.0)
    base = {
        "search": _counts(rng, n, weeks, 0.5, 0.3 * affinity, 0.6),
        "page": _counts(rng, n, weeks, 1.3, 0.9 * affinity, 0.6, kind.interest * interest),
        "like": _counts(rng, n, weeks, 0.5, 0.8 * affinity, 0.6),
        "login": _counts(rng, n, weeks, 0.8, 0.5 * affinity, 0.6),
        "own_call": _counts(rng, n, weeks, 0.1, 0.2 * affinity, 0.4),
    }
    willing = np.exp(0.3 * rng.standard_normal(n) - 0.045)
    planned = np.repeat(np.exp(_wave(rng, n, weeks, 0.85, 0.7) - 0.245), 7, axis=1)
    planned = planned * np.repeat(np.exp(kind.interest * interest - kind.interest**2 / 2), 7, 1)
    blast = rng.random(days) < 0.2
    size = np.exp(0.4 * rng.standard_normal(n))
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 365)
    contacts, orders = np.zeros((n, days)), np.zeros((n, days), dtype=np.int64)
    rates, loads = np.zeros((n, days)), np.zeros((n, days))
    driver = _sum_of_last(base["search"], 21)
    load, recent = np.zeros(n), np.zeros(n)
    wave = np.repeat(kind.interest * interest - kind.interest**2 / 2, 7, axis=1)
    for day in range(days):
        rate = kind.weekly / 7 * willing * planned[:, day]
        rate = rate * (1 - kind.blasts + kind.blasts * blast[day] / 0.2)
        rate = rate * np.exp(kind.lapse * (recent == 0) - kind.reward * 0.8)
        rate = rate * np.exp(kind.reward * np.minimum(recent, 3))
        contacts[:, day] = rng.poisson(rate)
        load += contacts[:, day] - (contacts[:, day - kind.memory] if day >= kind.memory else 0)
        rates[:, day] = (
            0.45 / 7 * np.exp(0.5 * affinity - 0.125 + wave[:, day]) * season[day]
            * (1 + 0.17 * driver[:, day])
        )  # fmt: skip
        loads[:, day] = load
        orders[:, day] = rng.poisson(rates[:, day] * _response(kind, plan, load))
        recent += orders[:, day] - (orders[:, day - 35] if day >= 35 else 0)
    more = _response(kind, plan, loads + 1) - _response(kind, plan, loads)
    gain = float((ORDER_MARGIN * size[:, None] * rates * more)[:, WINDOW:].mean())
    best = kind.best * (2 if len(kind.best) == 1 else 1)
    base["track"] = _after(rng, orders)
    return Company(
        _events(rng, base, contacts),
        _transactions(rng, orders, size),
        pd.DataFrame(
            {"customer_id": _ids(np.arange(n)), "plan": np.array(["basic", "plus"])[plan]}
        ),
        gain * kind.memory * (kind.memory - 1) / 2 / WINDOW,
        {
            name: None if load is None else load * WINDOW / kind.memory
            for name, load in zip(("basic", "plus"), best, strict=True)
        },
    )


def _response(kind: Kind, plan: NDArray[np.int64], load: Array) -> Array:
    if len(kind.responses) == 1:
        return kind.responses[0](load)
    second = plan.reshape(-1, *[1] * (load.ndim - 1)) == 1
    return np.where(second, kind.responses[1](load), kind.responses[0](load))


def _wave(rng: np.random.Generator, n: int, weeks: int, keep: float, std: float) -> Array:
    """Return an AR(1) process per customer, shape (n, weeks)."""
    wave = np.empty((n, weeks))
    wave[:, 0] = std * rng.standard_normal(n)
    for week in range(1, weeks):
        shock = std * np.sqrt(1 - keep**2) * rng.standard_normal(n)
        wave[:, week] = keep * wave[:, week - 1] + shock
    return wave


def _counts(
    rng: np.random.Generator, n: int, weeks: int, weekly: float, level: Array, std: float,
    hidden: Array | float = 0.0,
) -> Array:  # fmt: skip
    """Return daily counts of one behaviour with a wave of its own, shape (n, days)."""
    log_rate = level[:, None] + _wave(rng, n, weeks, 0.9, std) + hidden
    rate = np.exp(log_rate)
    return rng.poisson(np.repeat(weekly / 7 * rate / rate.mean(), 7, axis=1)).astype(float)


def _sum_of_last(counts: Array, days: int) -> Array:
    total = np.cumsum(counts, axis=1)
    earlier = np.zeros_like(total)
    earlier[:, days:] = total[:, :-days]
    return total - earlier


def _after(rng: np.random.Generator, orders: NDArray[np.int64]) -> Array:
    """Return tracking of orders over the ten days after them."""
    track = np.zeros(orders.shape)
    for delay, share in ((0, 0.3), (2, 0.6), (5, 0.6), (9, 0.3)):
        track[:, delay:] += rng.binomial(orders[:, : orders.shape[1] - delay], share)
    return track


def _ids(codes: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.array([f"c{code:06d}" for code in codes], dtype=object)


def _times(rng: np.random.Generator, day: NDArray[np.int64]) -> pd.Series:
    return START + pd.to_timedelta(day * 86_400 + rng.integers(0, 86_400, day.size), unit="s")


def _rows(values: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    customer, day = np.nonzero(values)
    repeats = values[customer, day].astype(int)
    return np.repeat(customer, repeats), np.repeat(day, repeats)


def _events(rng: np.random.Generator, base: dict[str, Array], contacts: Array) -> pd.DataFrame:
    frames = []
    for name, values in base.items():
        customer, day = _rows(values)
        frames.append(pd.DataFrame({
            "customer_id": _ids(customer), "timestamp": _times(rng, day),
            "event_type": "call" if name == "own_call" else name, "direction": "inbound",
        }))  # fmt: skip
    customer, day = _rows(contacts)
    frames.append(pd.DataFrame({
        "customer_id": _ids(customer), "timestamp": _times(rng, day),
        "event_type": np.array(CHANNELS)[rng.choice(3, customer.size, p=SHARES)],
        "direction": "outbound",
    }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _transactions(rng: np.random.Generator, orders: NDArray[np.int64], size: Array) -> pd.DataFrame:
    customer, day = _rows(orders)
    noise = np.exp(0.6 * rng.standard_normal(customer.size) - 0.18)
    margin = (ORDER_MARGIN * size[customer] * noise).round(2)
    return pd.DataFrame(
        {"customer_id": _ids(customer), "timestamp": _times(rng, day), "margin": margin}
    )
