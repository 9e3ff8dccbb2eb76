"""Ground truth of a daily simulation, by intervening in it with all else held fixed.

One event of a behaviour is added at a random day of the observation window on which the customer
was present. Everything that behaviours and policies do stays as it was. The margin of the outcome
window is an expectation over orders, baskets and (for subscribers) decisions to leave, so that
its only error is the choice of days, of which each customer and cutoff gets its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery.daily.mechanism import acts_of, factor, margin_per_order
from benchmarks.recovery.daily.simulate import History
from benchmarks.recovery.daily.spec import BURN, WINDOW, Array, Plan

MIN_EFFECT = 0.01  # smallest effect of interest: share of mean margin per standard deviation
NO_EFFECT = frozenset({"vanity", "inert", "unverifiable"})
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DailyTruth:
    """The estimands that methods are judged by.

    Attributes
    ----------
    verdicts : behaviour → driver, harmful, vanity, consequence or inert
    accepted : behaviour → verdicts that count as correct
    optional : behaviours whose selection is neither right nor wrong
    effect : behaviour → currency per event, over the outcome window
    std : behaviour → standard deviation of the logged window count
    mean_margin : mean margin of an outcome window
    unmeasured : behaviours whose effect per logged event is not defined, since tracking loses or
        repeats events
    optimum : behaviour → events per observation window at which a turning response peaks
    segment_effect, segment_optimum : behaviour → value of the segment → effect or optimum
    curve : behaviour → (events per observation window, change of margin against none)
    """

    verdicts: dict[str, str]
    accepted: dict[str, frozenset[str]]
    optional: frozenset[str]
    effect: dict[str, float]
    std: dict[str, float]
    mean_margin: float
    identifiable: bool = True
    unmeasured: frozenset[str] = frozenset()
    optimum: dict[str, float] = field(default_factory=dict)
    segment_effect: dict[str, dict[str, float]] = field(default_factory=dict)
    segment_optimum: dict[str, dict[str, float]] = field(default_factory=dict)
    curve: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    @property
    def drivers(self) -> frozenset[str]:
        return frozenset(b for b, v in self.verdicts.items() if v == "driver")

    @property
    def shares(self) -> dict[str, float]:
        """Driver → effect × std, normalised to a sum of 1."""
        margin = {b: self.effect[b] * self.std[b] for b in sorted(self.drivers)}
        total = sum(margin.values())
        return {b: m / total for b, m in margin.items()} if total > 0 else {}

    @property
    def standardised_effects(self) -> dict[str, float]:
        """Effect of one standard deviation as a share of mean margin."""
        return {b: self.effect[b] * self.std[b] / self.mean_margin for b in self.effect}


def cutoffs_of(n_days: int, every: int) -> list[int]:
    """Return days, counted from the start of the simulation, at which outcome windows begin."""
    return list(range(n_days - WINDOW, BURN + WINDOW - 1, -every))[::-1]


def some_cutoffs(n_days: int, at_most: int = 6) -> list[int]:
    """Return a few cutoffs, evenly spaced."""
    cutoffs = cutoffs_of(n_days, 7)
    chosen = np.linspace(0, len(cutoffs) - 1, min(at_most, len(cutoffs))).round().astype(int)
    return [cutoffs[i] for i in chosen]


def added_day(plan: Plan, cutoff: int, number: int) -> NDArray[np.int64]:
    """Return the day of the added event of each customer, spread evenly over the window."""
    n = plan.entry.size
    span = np.clip(cutoff - np.maximum(plan.entry, BURN), 1, WINDOW)
    return np.asarray(cutoff - 1 - (np.arange(n) * 37 + 29 * number) % span)


def expected_margin(history: History, stocks: dict[tuple[int, int], Array], first: int) -> Floats:
    """Return expected daily margin (days, n) from `first` on, given the stocks of these days.

    Decisions to leave are those of customers who are present a window after `first`.
    """
    plan, o = history.plan, history.plan.orders
    length = next(iter(stocks.values())).shape[0]
    days = slice(first, first + length)
    base = history.base_rate[days].astype(np.float64)
    rate = base * factor(plan, stocks, "orders")
    if history.habit is not None and o.habit_kernel is not None:
        rate = _with_habit(rate, o.habit * o.habit_kernel)
    if plan.planned is not None:
        rate = rate + plan.planned[days] * (np.arange(days.start, days.stop)[:, None] >= plan.entry)
    margin = rate * margin_per_order(plan, stocks, history.size)
    if o.fee:
        due = (np.arange(days.start, days.stop)[:, None] - plan.entry) % 28 == 0
        margin = margin + due * (o.fee * o.ratio / o.basket) * history.size
    if history.base_hazard is not None:
        hazard = history.base_hazard[days] * factor(plan, stocks, "hazard")
        margin = margin * _survival(history, hazard.astype(np.float64))
    return np.asarray(margin, dtype=np.float64)


def _with_habit(rate: Floats, kernel: Array) -> Floats:
    """Add the orders that orders cause; linear in orders, so that expectations are exact."""
    total = rate.copy()
    for day in range(1, rate.shape[0]):
        length = min(kernel.size, day)
        total[day] += kernel[:length][::-1] @ total[day - length : day]
    return total


def _survival(history: History, hazard: Floats) -> Floats:
    """Return the chance of being present on each day, given presence after the first window."""
    notice, days = history.notice, np.arange(hazard.shape[0])[:, None]
    # a customer who is present at the cutoff had not decided before the notice period began
    counted = days >= WINDOW - notice - 1
    log_stay = np.cumsum(np.where(counted, np.log1p(-np.minimum(hazard, 0.9)), 0.0), axis=0)
    last = days - notice - 1
    reached = np.take_along_axis(log_stay, np.maximum(last, 0), axis=0)
    return np.exp(np.where(last >= 0, reached, 0.0))


def changes_per_event(
    history: History, behaviour: int, cutoff: int, number: int, repeats: int = 3
) -> Floats:
    """Return the change of each customer's expected margin in the outcome window.

    It is the mean over `repeats` days of the added event.
    """
    plan, last = history.plan, cutoff + WINDOW
    # without habit and hazard, only what stands in the stocks later matters
    first = cutoff - WINDOW if plan.orders.habit or plan.orders.hazard else cutoff
    before = {key: stock[first:last] for key, stock in history.stocks.items()}
    without = expected_margin(history, before, first)[-WINDOW:].sum(axis=0)
    total = np.zeros(plan.entry.size)
    for repeat in range(repeats):
        after = dict(before)
        age = np.arange(first, last)[:, None] - added_day(plan, cutoff, number + 11 * repeat) - 1
        for key, act in acts_of(plan).items():
            if key[0] == behaviour:
                inside = (age >= 0) & (age < act.kernel.size)
                weight = np.where(inside, act.kernel[np.where(inside, age, 0)], 0)
                after[key] = before[key] + weight
        total += expected_margin(history, after, first)[-WINDOW:].sum(axis=0) - without
    return total / repeats


def present_at(history: History, cutoff: int) -> NDArray[np.bool_]:
    """Return who had entered and not left before a cutoff."""
    return np.asarray((history.plan.entry < cutoff) & (history.leave >= cutoff))


def effects(history: History, behaviour: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return changes per event of all customers and cutoffs, and the customers."""
    if not history.plan.behaviours[behaviour].acts:
        n = history.plan.entry.size
        return np.zeros(n), np.arange(n)
    changes, customers = [], []
    for number, cutoff in enumerate(some_cutoffs(history.plan.n_days)):
        who = np.flatnonzero(present_at(history, cutoff))
        changes.append(changes_per_event(history, behaviour, cutoff, number)[who])
        customers.append(who)
    return np.concatenate(changes), np.concatenate(customers)


def verdict_of(role: str, standardised: float) -> tuple[str, frozenset[str], bool]:
    """Return the true verdict, the accepted ones, and whether a selection is optional."""
    if role not in ("driver", "harmful"):
        return role, NO_EFFECT | {role}, False
    verdict = "driver" if standardised >= MIN_EFFECT else "harmful"
    if abs(standardised) < MIN_EFFECT:
        verdict = "inert"
    by_sign = "driver" if standardised > 0 else "harmful"
    if abs(standardised) < MIN_EFFECT / 2:
        return verdict, NO_EFFECT, False
    if abs(standardised) < 1.5 * MIN_EFFECT:
        return verdict, NO_EFFECT | {by_sign}, True
    return verdict, frozenset({verdict}), False
