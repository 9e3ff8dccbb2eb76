"""The day loop: behaviours, policies, orders, their consequences, and leaving."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery.daily.mechanism import acts_of, factor, stock_on
from benchmarks.recovery.daily.spec import BURN, Array, Behaviour, Plan

Rng = np.random.Generator
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FOREVER = 10**6
MAX_PER_DAY = 2  # events that follow a customer's orders of a day, if they act on orders in turn
# log weekday factors of two kinds of behaviour and of orders, from Monday on
WEEKDAYS = np.array([
    [0.10, 0.10, 0.05, 0.05, -0.05, -0.15, -0.15],
    [-0.10, -0.10, -0.05, 0.00, 0.05, 0.15, 0.10],
])  # fmt: skip


@dataclass(eq=False)
class History:
    """One simulated history; days count from the start of the simulation.

    Attributes
    ----------
    counts : (T, n, B) events that behaviours cause on their own, as if nobody left
    followed : (customer, moment, behaviour) of events that follow orders
    stocks : act → its stock (T, n), as if nobody left
    base_rate : (T, n) order rate without effects and habit
    base_hazard : (T, n) hazard of the decision to leave without effects
    habit : (T, n) stock of past orders
    orders : (customer, moment, revenue, margin) of orders, fees and returns
    size : (n,) mean basket
    decided, leave : (n,) days of the decision and of leaving
    """

    plan: Plan
    counts: NDArray[np.uint8]
    base_rate: Array
    base_hazard: Array | None
    size: Array
    notice: Ints
    leave: Ints
    decided: Ints
    habit: Array | None = None
    stocks: dict[tuple[int, int], Array] = field(default_factory=dict)
    followed: list[tuple[Ints, Floats, Ints]] = field(default_factory=list)
    orders: list[tuple[Ints, Floats, Floats, Floats]] = field(default_factory=list)


def moments(rng: Rng, days: Ints | int, size: int) -> Floats:
    """Return moments within the day, more of them in the afternoon."""
    return np.asarray(days + rng.beta(4.0, 3.0, size) * 0.7 + 0.25)


def levels(plan: Plan, rng: Rng) -> Array:
    """Return individual log rates (n, B)."""
    n = plan.affinity.size
    columns = []
    for b in plan.behaviours:
        individual = np.log(np.maximum(rng.gamma(b.shape, 1 / b.shape, n), 1e-4))
        level = np.log(max(b.rate, 1e-9)) + individual + b.affinity * plan.affinity
        level -= (b.affinity**2 + b.wave_std**2) / 2
        if b.share < 1:
            level = np.where(rng.random(n) < b.share, level - np.log(b.share), -30.0)
        columns.append(level)
    return np.stack(columns, axis=1).astype(np.float32)


def limited(number: Ints, who: Ints) -> Ints:
    """Return the numbers of events after each order, at most `MAX_PER_DAY` for a customer and day.

    Without a limit, customers with many orders would get more and more of both without end.
    """
    order = np.argsort(who, kind="stable")
    total = np.cumsum(number[order])
    first = np.searchsorted(who[order], who[order])
    before = total - number[order] - (total - number[order])[first]
    kept = np.empty_like(number)
    kept[order] = np.clip(MAX_PER_DAY - before, 0, number[order])
    return kept


def base_rates(plan: Plan, rng: Rng) -> tuple[Array, Array | None]:
    """Return order rates, and hazards of leaving, without the effects of behaviours."""
    o, n, days = plan.orders, plan.affinity.size, plan.n_days
    individual = np.log(np.maximum(rng.gamma(o.shape, 1 / o.shape, n), 1e-3))
    level = np.log(o.rate) + individual + o.affinity * plan.affinity - o.affinity**2 / 2
    log_rate = level + o.season * plan.season[:, None] + WEEKDAYS[1][np.arange(days) % 7][:, None]
    for ride in o.rides:
        log_rate += ride.loading * plan.hidden[ride.state][ride.lead : ride.lead + days]
    rate = np.exp(np.minimum(log_rate, 1.0)).astype(np.float32)
    if plan.order_scale is not None:
        rate *= plan.order_scale
    rate *= np.arange(days)[:, None] >= plan.entry
    if not o.hazard:
        return rate, None
    log_hazard = np.log(o.hazard) - o.hazard_affinity * plan.affinity - o.hazard_affinity**2 / 2
    log_hazard = np.broadcast_to(log_hazard, (days, n)).copy()
    for ride in o.hazard_rides:
        log_hazard += ride.loading * plan.hidden[ride.state][ride.lead : ride.lead + days]
    hazard = np.exp(np.minimum(log_hazard, -1.5)).astype(np.float32)
    return rate, hazard * (np.arange(days)[:, None] > np.maximum(plan.entry, BURN - 42))


def simulate(plan: Plan, rng: Rng) -> History:
    """Simulate all days."""
    n, days, o = plan.affinity.size, plan.n_days, plan.orders
    rate, hazard = base_rates(plan, rng)
    size = o.basket * np.exp(o.size_sigma * rng.standard_normal(n) - o.size_sigma**2 / 2)
    history = History(
        plan=plan,
        counts=np.zeros((days, n, len(plan.behaviours)), dtype=np.uint8),
        base_rate=rate,
        base_hazard=hazard,
        size=size.astype(np.float32),
        notice=rng.integers(o.notice[0], o.notice[1] + 1, n),
        leave=np.full(n, FOREVER),
        decided=np.full(n, FOREVER),
        habit=np.zeros((days, n), dtype=np.float32) if o.habit else None,
        stocks={key: np.zeros((days, n), dtype=np.float32) for key in acts_of(plan)},
    )
    loop = _Loop(history, rng, levels(plan, rng))
    for day in range(days):
        loop.step(day)
    return history


class _Loop:
    """State that is carried from day to day."""

    def __init__(self, history: History, rng: Rng, level: Array) -> None:
        self.history, self.rng, self.level = history, rng, level
        plan = history.plan
        n, n_behaviours = level.shape
        self.memory = np.array([np.exp(-1 / b.wave_memory) for b in plan.behaviours], np.float32)
        self.std = np.array([b.wave_std for b in plan.behaviours], dtype=np.float32)
        self.wave = rng.standard_normal((n, n_behaviours), dtype=np.float32)
        self.weekday = WEEKDAYS[np.arange(n_behaviours) % 2].T.astype(np.float32)
        self.season = np.array([b.season for b in plan.behaviours], dtype=np.float32)
        parents = {b.parent for b in plan.behaviours if b.parent is not None}
        acting = {j for j, _ in acts_of(plan)} | parents
        shape = (plan.n_days, n)
        self.series = {j: np.zeros(shape, dtype=np.float32) for j in sorted(acting)}
        self.order_counts = np.zeros(shape, dtype=np.float32) if plan.orders.habit else None
        self.recent = np.zeros(n, dtype=np.float32)
        self.last_seen = plan.entry.copy()
        self.last_action = np.full((n, n_behaviours), -FOREVER)

    def step(self, day: int) -> None:
        """Simulate one day."""
        counts = self.rng.poisson(self.rates(day))
        for j, b in enumerate(self.history.plan.behaviours):
            if b.policy is not None:
                counts[:, j] += self.acted_on(day, j, b)
        np.minimum(counts, 250, out=counts)
        self.history.counts[day] = counts
        for j, series in self.series.items():
            series[day] += counts[:, j]  # beside those that followed earlier orders
        self.orders(day)
        self.leaving(day)

    def rates(self, day: int) -> Floats:
        """Return the rates of the day (n, B)."""
        plan = self.history.plan
        scale = np.sqrt(1 - self.memory**2)
        noise = self.rng.standard_normal(self.wave.shape, dtype=np.float32)
        self.wave = (self.memory * self.wave + scale * noise).astype(np.float32)
        log_rate = self.level + self.std * self.wave
        log_rate += self.season * plan.season[day] + self.weekday[day % 7]
        for j, b in enumerate(plan.behaviours):
            for ride in b.rides:
                log_rate[:, j] += ride.loading * plan.hidden[ride.state][day + ride.lead]
        rates = np.exp(np.minimum(log_rate, 3.5)).astype(np.float64)
        for j, b in enumerate(plan.behaviours):
            if b.feedback:
                rates[:, j] *= 1 + b.feedback * np.minimum(self.recent, 3.0)
            if b.parent is not None and b.parent_kernel is not None:
                stock = stock_on(self.series[b.parent], b.parent_kernel, day)
                rates[:, j] += b.per_parent * stock * (self.level[:, j] > -20)
            if b.policy is not None:
                rates[:, j] = 0.1 * b.rate  # few are sent outside of the rule
        return rates * (plan.entry <= day)[:, None]

    def acted_on(self, day: int, j: int, b: Behaviour) -> NDArray[np.bool_]:
        """Return the customers on whom the company acts today."""
        plan, policy, counts = self.history.plan, b.policy, self.history.counts
        assert policy is not None
        if policy.watched and day:
            seen = counts[day - 1][:, list(policy.watched)].sum(axis=1) > 0
            self.last_seen[seen] = day - 1
        if policy.on == "inactive":
            due = day - self.last_seen >= 21
        elif policy.on == "busy":
            week = counts[max(day - 7, 0) : day][:, :, list(policy.watched)]
            due = week.sum(axis=(0, 2), dtype=np.int64) >= policy.limit
        else:
            due = plan.hidden[policy.state][day] > 0.8
        due &= (day - self.last_action[:, j] >= policy.pause) & (plan.entry <= day)
        chosen = due & (self.rng.random(due.size) < policy.chance)
        self.last_action[chosen, j] = day
        return chosen

    def orders(self, day: int) -> None:
        """Draw the orders of the day, their margins, returns and consequences."""
        h, plan, rng, o = self.history, self.history.plan, self.rng, self.history.plan.orders
        stocks = {}
        for (j, k), act in acts_of(plan).items():
            h.stocks[j, k][day] = stock_on(self.series[j], act.kernel, day)
            stocks[j, k] = h.stocks[j, k][day]
        rate = h.base_rate[day] * factor(plan, stocks, "orders")
        if h.habit is not None and self.order_counts is not None and o.habit_kernel is not None:
            h.habit[day] = stock_on(self.order_counts, o.habit_kernel, day)
            rate = rate + o.habit * h.habit[day]
        here = (plan.entry <= day) & (h.leave > day)
        number = rng.poisson(rate * here)
        if plan.planned is not None:
            number = number + (plan.planned[day] * here).astype(np.int64)
        if self.order_counts is not None:
            self.order_counts[day] = number
        self.recent = np.float32(0.9) * self.recent + number.astype(np.float32)
        self.last_seen[number > 0] = day
        who = np.repeat(np.arange(number.size), number)
        when = moments(rng, day, who.size)
        noise = np.exp(o.basket_sigma * rng.standard_normal(who.size) - o.basket_sigma**2 / 2)
        revenue = (h.size * factor(plan, stocks, "basket"))[who] * noise
        margin = revenue * (o.ratio * factor(plan, stocks, "ratio") * np.ones(h.size.size))[who]
        h.orders.append((who, when, revenue, margin))
        back = rng.random(who.size) < o.return_share
        later = when[back] + rng.gamma(2.0, 4.0, int(back.sum())) + 0.5
        refund = (who[back], later, -o.return_loss * revenue[back], -o.return_loss * margin[back])
        h.orders.append(refund)
        self.consequences(who, when)
        if o.fee:
            self.fees(day, here)

    def consequences(self, who: Ints, when: Floats) -> None:
        """Draw the events that follow orders, hours to days later."""
        for j, b in enumerate(self.history.plan.behaviours):
            if b.per_order:
                number = self.rng.poisson(b.per_order, who.size)
                if b.acts:
                    number = limited(number, who)
                delay = self.rng.exponential(b.order_lag, int(number.sum())) + 0.02
                customer = np.repeat(who, number)
                moment = np.repeat(when, number) + delay
                self.history.followed.append((customer, moment, np.full(customer.size, j)))
                if j in self.series:
                    day = moment.astype(np.int64)
                    soon = day < self.history.plan.n_days
                    np.add.at(self.series[j], (day[soon], customer[soon]), 1)

    def fees(self, day: int, here: NDArray[np.bool_]) -> None:
        """Book the fee of subscribers, every four weeks from their entry on."""
        plan, o = self.history.plan, self.history.plan.orders
        who = np.flatnonzero(here & ((day - plan.entry) % 28 == 0))
        amount = o.fee * self.history.size[who] / o.basket
        when = np.full(who.size, day + 0.02)
        self.history.orders.append((who, when, amount, amount * o.ratio))

    def leaving(self, day: int) -> None:
        """Draw the decisions to leave; the customer is gone after the notice period."""
        h = self.history
        if h.base_hazard is None:
            return
        stocks = {key: stock[day] for key, stock in h.stocks.items()}
        hazard = h.base_hazard[day] * factor(h.plan, stocks, "hazard")
        decides = (self.rng.random(hazard.size) < hazard) & (h.decided == FOREVER)
        h.decided[decides] = day
        h.leave[decides] = day + h.notice[decides] + 1
