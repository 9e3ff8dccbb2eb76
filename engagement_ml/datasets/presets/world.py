"""Hidden state of a preset's simulation: customers, their behaviours by week, and the money."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from engagement_ml.datasets.presets.description import (
    Behaviour,
    Counts,
    Description,
    Floats,
    Ints,
    Purchases,
    Subscription,
)

BURN_IN_WEEKS = 16
DAY = 86_400
WEEK = 7 * DAY
WEEKS_OF_YEAR = 52.18
SESSIONS_PER_WEEK = 2
SESSION_SECONDS = 1_500
NEWCOMER_WEEKS = 8


@dataclass(frozen=True, eq=False)
class World:
    """Hidden state: `n` customers × (burn-in + `n_weeks`) weeks.

    Attributes
    ----------
    description : Description
    start : date
        First day after the burn-in.
    n_weeks : int
        Weeks after the burn-in.
    rng : Generator
        For what follows from the state.
    affinity, level : array of float, shape (n,)
        Hidden affinity, standard normal, and the log of the customer's own level of spending.
    entry, leave : array of int, shape (n,)
        First active week, and the first week after the last active one.
    entry_second, leave_second : array of int, shape (n,)
        The moments of entry and of leaving.
    pays_from : array of int, shape (n,)
        First week in which a customer pays; `leave` for a trial that became no subscription.
    plan : array of int, shape (n,)
        Place of the plan of a subscription; 0 without plans.
    potential : dict of behaviour to array, shape (n, weeks)
        Events by week, if the customer were active all the time.
    """

    description: Description
    start: dt.date
    n_weeks: int
    rng: np.random.Generator = field(repr=False)
    affinity: Floats
    level: Floats
    entry: Ints
    leave: Ints
    entry_second: Ints
    leave_second: Ints
    pays_from: Ints
    plan: Ints
    potential: Counts = field(repr=False)

    @property
    def n(self) -> int:
        """Number of customers."""
        return len(self.entry)

    @property
    def weeks(self) -> int:
        """Simulated weeks, burn-in included."""
        return BURN_IN_WEEKS + self.n_weeks

    @cached_property
    def active(self) -> Ints:
        """1 where a customer is active, shape (n, weeks)."""
        week = np.arange(self.weeks)[None, :]
        return ((week >= self.entry[:, None]) & (week < self.leave[:, None])).astype(np.int64)

    @cached_property
    def sessions(self) -> Ints:
        """Second within the week of each session, shape (n, weeks, SESSIONS_PER_WEEK)."""
        shape = (self.n, self.weeks, SESSIONS_PER_WEEK)
        return moments(self.rng, int(np.prod(shape))).reshape(shape)

    def counts(self, behaviour: str) -> Ints:
        """Return the events by week of active customers, shape (n, weeks)."""
        return np.asarray(self.potential[behaviour] * self.active)

    def inside(self, customer: Ints, second: Ints) -> Ints:
        """Return the places of moments at which their customers are active."""
        begin, end = self.entry_second[customer], self.leave_second[customer]
        return np.flatnonzero((second >= begin) & (second < end))

    def chance(self, logit: float, affinity: float) -> Floats:
        """Return a probability for each customer that rises with affinity, shape (n,)."""
        return np.asarray(1.0 / (1.0 + np.exp(-logit - affinity * self.affinity)))


def moments(rng: np.random.Generator, size: int) -> Ints:
    """Draw seconds within a week: any day, with most of them in the afternoon."""
    day = rng.choice(7, size, p=[0.17, 0.17, 0.17, 0.16, 0.15, 0.09, 0.09])
    # Triangular between 7:00 and 23:00, with its mode at 15:00.
    of_day = 25_200 + 28_800 * (rng.random(size) + rng.random(size))
    return np.asarray(day * DAY + of_day.astype(np.int64))


def draw_world(
    description: Description, n_customers: int, n_weeks: int, seed: int, start: dt.date
) -> World:
    """Draw customers, their behaviours and how long they stay."""
    rng, later = (np.random.default_rng([seed, part]) for part in range(2))
    weeks = BURN_IN_WEEKS + n_weeks
    affinity, noise = rng.standard_normal(n_customers), rng.standard_normal(n_customers)
    is_new = rng.random(n_customers) < description.newcomers
    arrival = BURN_IN_WEEKS + rng.integers(0, n_weeks, n_customers)
    entry = np.where(is_new, arrival, 0)
    potential = {
        behaviour.name: _draw_counts(rng, behaviour, description, affinity, entry, weeks)
        for behaviour in description.behaviours
    }
    pays_from: Ints = entry
    leave: Ints = np.full(n_customers, weeks)
    plan: Ints = np.zeros(n_customers, dtype=np.int64)
    if isinstance(description.economy, Subscription):
        pays_from, leave, plan = _subscriptions(rng, description, affinity, entry, potential)
    entry_second = np.where(is_new, entry * WEEK + moments(rng, n_customers), 0)
    leave_second = np.where(
        leave >= weeks,
        weeks * WEEK,
        # A trial ends some whole weeks after entry; who cancels does so during the last week.
        np.where(
            pays_from >= leave,
            entry_second + (leave - entry) * WEEK,
            (leave - 1) * WEEK + moments(rng, n_customers),
        ),
    )
    return World(
        description, start, n_weeks, later, affinity, 0.2 * noise, entry, leave, entry_second,
        leave_second, pays_from, plan, potential,
    )  # fmt: skip


def _draw_counts(
    rng: np.random.Generator,
    b: Behaviour,
    of: Description,
    affinity: Floats,
    entry: Ints,
    weeks: int,
) -> Ints:
    n = len(affinity)
    level = np.log(b.per_week) + b.affinity * affinity + b.level_std * rng.standard_normal(n)
    week = np.arange(weeks)
    years = (week - BURN_IN_WEEKS) / WEEKS_OF_YEAR
    rate = np.exp(
        level[:, None] + b.growth * years[None, :] + b.wave_std * _waves(rng, n, weeks, of)
    )
    tenure = week[None, :] - entry[:, None]
    early = (tenure >= 0) & (tenure < NEWCOMER_WEEKS) & (entry > 0)[:, None]
    return np.asarray(rng.poisson(np.where(early, b.newcomers, 1.0) * rate))


def _waves(rng: np.random.Generator, n: int, weeks: int, of: Description) -> Floats:
    """Draw an AR(1) process over the weeks for each customer, with mean 0 and variance 1."""
    wave = rng.standard_normal((weeks, n))
    kept = of.wave_memory
    for week in range(1, weeks):
        wave[week] = kept * wave[week - 1] + np.sqrt(1 - kept**2) * wave[week]
    return wave.T


def memory(counts: Floats | Ints, kept_weekly: float) -> Floats:
    """Return the decayed sum of past events: ``m[w] = kept · m[w−1] + x[w−1]``, (n, weeks)."""
    result = np.zeros(counts.shape)
    for week in range(1, counts.shape[1]):
        result[:, week] = kept_weekly * result[:, week - 1] + counts[:, week - 1]
    return result


def responses(description: Description, counts: Counts) -> tuple[Floats, Floats]:
    """Return the sum of all effects on the log scale, and the discount, shapes (n, weeks)."""
    shape = next(iter(counts.values())).shape
    log_effect, discount = np.zeros(shape), np.zeros(shape)
    for behaviour in description.behaviours:
        if behaviour.effect is not None:
            effect = behaviour.effect
            response = effect.response(memory(counts[behaviour.name], effect.kept_weekly))
            log_effect += effect.strength * response
            discount += effect.discount * response
    return log_effect, discount


def _subscriptions(
    rng: np.random.Generator,
    of: Description,
    affinity: Floats,
    entry: Ints,
    counts: Counts,
) -> tuple[Ints, Ints, Ints]:
    """Draw the first week of paying, the end and the plan of each subscription."""
    economy = of.economy
    assert isinstance(economy, Subscription)  # the caller has checked it
    n, weeks = len(entry), next(iter(counts.values())).shape[1]
    shares = np.array(list(economy.plan_shares.values()))
    # Customers with a high affinity choose the later, dearer plans.
    rank = np.argsort(np.argsort(1.2 * affinity + rng.standard_normal(n))) / n
    plan = np.searchsorted(np.cumsum(shares / shares.sum()), rank, side="right")
    plan = np.minimum(plan, len(shares) - 1)
    is_trial = (entry > 0) & (economy.trial_weeks > 0)
    converts = rng.random(n) < 1 / (1 + np.exp(-economy.trial_logit - 0.5 * affinity))
    pays_from = np.where(is_trial, entry + economy.trial_weeks, entry)
    hazard = hazards(of, affinity, counts)
    week = np.arange(weeks)[None, :]
    # No customer cancels before the history begins: those on board are those who stayed.
    may_cancel = (week > pays_from[:, None]) & (week >= BURN_IN_WEEKS)
    cancels = (rng.random((n, weeks)) < hazard) & may_cancel
    first = np.where(cancels.any(axis=1), cancels.argmax(axis=1) + 1, weeks)
    lapses = is_trial & ~converts
    leave = np.where(lapses, np.minimum(pays_from, weeks), first)
    return np.where(lapses, leave, pays_from), leave, plan


def hazards(description: Description, affinity: Floats, counts: Counts) -> Floats:
    """Return the probability of cancelling in each week, shape (n, weeks)."""
    economy = description.economy
    assert isinstance(economy, Subscription)
    log_effect, _ = responses(description, counts)
    return np.asarray(
        np.minimum(economy.hazard * np.exp(-economy.affinity * affinity[:, None] - log_effect), 0.5)
    )


def purchase_rates(world: World, counts: Counts) -> tuple[Floats, Floats]:
    """Return the rate of purchases and the discount by week, shapes (n, weeks)."""
    economy = world.description.economy
    assert isinstance(economy, Purchases)
    log_effect, discount = responses(world.description, counts)
    base = np.log(economy.per_week) + economy.affinity * world.affinity + world.level
    return np.exp(base[:, None] + log_effect) * world.active, discount
