"""Simulation of the shop: events and orders drawn one by one from the model equations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml.datasets._shop_model import (
    BEHAVIOURS,
    COST_RECOVERED,
    COST_SHARE,
    EFFECTS,
    FULFILMENT,
    RETURN_LAG_PROBABILITY,
    RETURN_PROBABILITY,
    Behaviour,
    Economics,
    Floats,
    Ints,
    ShopState,
    economics,
)

DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS
NO_SESSION = -1
SESSIONS_PER_WEEK = 3
SESSION_SECONDS = 1_200
WAVE_MEMORY = 0.9
TUTORIAL_DIFFICULTY = 0.7
TRACKING_PER_ORDER = 1.3
LAPSED_WEEKS = 6
WINBACK_PAUSE_WEEKS = 4
WINBACK_PROBABILITY = 0.6


@dataclass(frozen=True, eq=False)
class Log:
    """Events of one behaviour.

    Attributes
    ----------
    behaviour : str
    customer : array of int
        Row of the customer in the state.
    second : array of int
        Seconds since the start of the burn-in.
    session : array of int
        Number of the session; `NO_SESSION` outside of sessions.
    """

    behaviour: str
    customer: Ints
    second: Ints
    session: Ints


@dataclass(frozen=True, eq=False)
class Orders:
    """Orders, and returns with negative amounts, one row each; `second` as in `Log`."""

    customer: Ints
    second: Ints
    revenue: Floats
    cost: Floats
    is_return: Ints


class Clock:
    """Draws times within a week: in sessions that events share, or at any time of day."""

    def __init__(self, rng: np.random.Generator, n: int, weeks: int) -> None:
        self._rng = rng
        self._weeks = weeks
        self._sessions = _moment(rng, n * weeks * SESSIONS_PER_WEEK).reshape(n, weeks, -1)

    def in_sessions(self, customer: Ints, week: Ints) -> tuple[Ints, Ints]:
        """Draw (second, session number) for each customer and week."""
        slot = self._rng.integers(0, SESSIONS_PER_WEEK, len(customer), dtype=np.int32)
        within = self._rng.integers(0, SESSION_SECONDS, len(customer), dtype=np.int32)
        second = week * WEEK_SECONDS + self._sessions[customer, week, slot] + within
        session = (customer * self._weeks + week) * SESSIONS_PER_WEEK + slot
        return second, session

    def any_time(self, week: Ints) -> Ints:
        """Draw a second in each week."""
        return np.asarray(week * WEEK_SECONDS + _moment(self._rng, len(week)))


def _moment(rng: np.random.Generator, size: int) -> Ints:
    day = rng.integers(0, 7, size, dtype=np.int32)
    # Triangular between 7:00 and 23:00, with its mode at 15:00.
    of_day = 25_200 + 28_800 * (rng.random(size, np.float32) + rng.random(size, np.float32))
    return day * DAY_SECONDS + of_day.astype(np.int32)


def simulate(rng: np.random.Generator, state: ShopState) -> tuple[ShopState, list[Log], Orders]:
    """Draw events and orders; the returned state has the counts of behaviours with an effect."""
    clock = Clock(rng, len(state.affinity), state.weeks)
    logs: list[Log] = []
    counts: dict[str, Floats] = {}
    for behaviour in BEHAVIOURS:
        if behaviour.per_week > 0:
            drawn = _draw_counts(rng, behaviour, state)
            log = _scatter(rng, clock, behaviour, drawn)
        elif behaviour.name == "tutorial_done":
            log = _finish_tutorials(rng, logs[-1], state)
            drawn = _count_by_week(log, state)
        else:
            continue
        logs.append(log)
        if behaviour.name in EFFECTS:
            counts[behaviour.name] = drawn.astype(np.float32)
    state = replace(state, counts=counts)
    memories = {name: state.memory(name) for name in EFFECTS}
    orders, extra = _draw_orders(rng, clock, state, economics(state, memories))
    return state, logs + extra, orders


def _draw_counts(rng: np.random.Generator, behaviour: Behaviour, state: ShopState) -> Ints:
    deviation = behaviour.level_std * rng.standard_normal(len(state.affinity))
    level = np.log(behaviour.per_week) + behaviour.affinity * state.affinity + deviation
    rate = np.exp(level[:, None] + behaviour.wave_std * _waves(rng, state)) * state.active
    return np.asarray(rng.poisson(rate * state.season**behaviour.season))


def _waves(rng: np.random.Generator, state: ShopState) -> Floats:
    """Draw an AR(1) process over the weeks for each customer, with mean 0 and variance 1."""
    wave = rng.standard_normal((state.weeks, len(state.affinity)), dtype=np.float32)
    innovation_std = np.float32(np.sqrt(1 - WAVE_MEMORY**2))
    for week in range(1, state.weeks):
        wave[week] = np.float32(WAVE_MEMORY) * wave[week - 1] + innovation_std * wave[week]
    return wave.T


def _scatter(rng: np.random.Generator, clock: Clock, behaviour: Behaviour, counts: Ints) -> Log:
    n, weeks = counts.shape
    cell = np.repeat(np.arange(n * weeks, dtype=np.int64), counts.ravel())
    customer, week = cell // weeks, cell % weeks
    if behaviour.in_session:
        second, session = clock.in_sessions(customer, week)
        return Log(behaviour.name, customer, second, session)
    return _outside_sessions(behaviour.name, customer, clock.any_time(week))


def _outside_sessions(behaviour: str, customer: Ints, second: Ints) -> Log:
    return Log(behaviour, customer, second, np.full(len(second), NO_SESSION))


def _finish_tutorials(rng: np.random.Generator, started: Log, state: ShopState) -> Log:
    patience = _waves(rng, state)[started.customer, started.second // WEEK_SECONDS]
    done = rng.random(len(patience)) < 1 / (1 + np.exp(TUTORIAL_DIFFICULTY - patience))
    n = int(done.sum())
    soon = rng.integers(600, 1_800, n)
    later = rng.integers(DAY_SECONDS, 5 * DAY_SECONDS, n)
    immediate = rng.random(n) < 0.7
    second = started.second[done] + np.where(immediate, soon, later)
    kept = second < state.weeks * WEEK_SECONDS
    session = np.where(immediate, started.session[done], NO_SESSION)
    return Log("tutorial_done", started.customer[done][kept], second[kept], session[kept])


def _count_by_week(log: Log, state: ShopState) -> Ints:
    n = len(state.affinity)
    cell = log.customer * state.weeks + log.second // WEEK_SECONDS
    return np.bincount(cell, minlength=n * state.weeks).reshape(n, state.weeks)


def _draw_orders(
    rng: np.random.Generator, clock: Clock, state: ShopState, market: Economics
) -> tuple[Orders, list[Log]]:
    n, weeks = market.rate.shape
    placed = rng.poisson(market.rate)
    cell = np.repeat(np.arange(n * weeks, dtype=np.int64), placed.ravel())
    customer, week = cell // weeks, cell % weeks
    second = clock.any_time(week)
    basket = state.basket[customer] * np.exp(0.5 * rng.standard_normal(len(cell)) - 0.125)
    revenue = basket * (1 - market.discount.ravel()[cell])
    goods = basket * COST_SHARE

    lags, chances = zip(*RETURN_LAG_PROBABILITY.items(), strict=True)
    back = np.flatnonzero(rng.random(len(cell)) < RETURN_PROBABILITY)
    back_second = clock.any_time(week[back] + rng.choice(lags, len(back), p=chances))
    share = rng.uniform(0.2, 0.8, len(back))
    label = second[back] + (share * (back_second - second[back])).astype(np.int64)
    looked = np.repeat(np.arange(len(cell)), rng.poisson(TRACKING_PER_ORDER, len(cell)))
    tracked = second[looked] + rng.integers(3_600, 5 * DAY_SECONDS, len(looked))
    orders = Orders(
        customer=np.concatenate([customer, customer[back]]),
        second=np.concatenate([second, back_second]),
        revenue=np.concatenate([revenue, -revenue[back]]),
        cost=np.concatenate([goods + FULFILMENT, -COST_RECOVERED * goods[back]]),
        is_return=np.repeat([0, 1], [len(cell), len(back)]),
    )
    return orders, [
        _outside_sessions("order_tracking", customer[looked], tracked),
        _outside_sessions("return_label", customer[back], label),
        _win_back(rng, placed),
    ]


def _win_back(rng: np.random.Generator, placed: Ints) -> Log:
    n, weeks = placed.shape
    last_order = np.full(n, weeks)
    last_mail = np.full(n, -weeks)
    customers: list[Ints] = []
    mail_weeks: list[Ints] = []
    for week in range(weeks):
        lapsed = (week - last_order >= LAPSED_WEEKS) & (week - last_mail >= WINBACK_PAUSE_WEEKS)
        mailed = np.flatnonzero(lapsed & (rng.random(n) < WINBACK_PROBABILITY))
        last_mail[mailed] = week
        last_order[placed[:, week] > 0] = week
        customers.append(mailed)
        mail_weeks.append(np.full(len(mailed), week))
    # Early on Monday, before the first orders of the week.
    n_mails = sum(map(len, customers))
    second = np.concatenate(mail_weeks) * WEEK_SECONDS + rng.integers(14_400, 25_200, n_mails)
    return _outside_sessions("winback_email_received", np.concatenate(customers), second)
