"""Simulated prospects with known drivers of the first purchase; shares no code with estimation.

A prospect decides on some day, by a hazard that depends on affinity, on interest that comes and
goes, on season and age, and on what drives. Between decision and purchase lie some days, in which
a prospect prepares: compares prices, opens the checkout, attends a demo.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

DAYS = 300
"""Days on record."""
OUTCOME = 56
"""Days of an outcome window."""
FOLLOWED = DAYS + OUTCOME
"""Days that a prospect's path is simulated for."""

RATES = {
    "page_view": 0.35,
    "newsletter_open": 0.12,
    "blog_read": 0.10,
    "app_open": 0.25,
    "search": 0.15,
    "social_follow": 0.03,
    "pricing_page": 0.05,
    "checkout_open": 0.012,
    "demo_attended": 0.008,
    "advisor_call": 0.022,
    "trial_extension": 0.010,
}
"""Events per day of a typical prospect."""


@dataclass(frozen=True)
class World:
    """What a simulated data set is made of.

    Attributes
    ----------
    effects : dict of behaviour to (log hazard ratio, days)
        Effect of one event right after it, and the time constant of its decay.
    interest : float
        Standard deviation of interest (log scale) that varies within prospects; 0 for none.
    memory : float
        Days after which interest has faded to a third.
    affinity : float
        Standard deviation of affinity between prospects.
    prepares : dict of behaviour to float
        Events per day between decision and purchase.
    delay : tuple of (int, int)
        Days from decision to purchase, least and most.
    follows : dict of behaviour to float
        Share of interest that a behaviour's rate follows; 1 if absent.
    end_of_trial : int or None
        Day on which a trial ends and many decide.
    hazard : float
        Of a decision per day.
    """

    effects: dict[str, tuple[float, float]] = field(default_factory=dict)
    interest: float = 0.0
    memory: float = 15.0
    affinity: float = 0.5
    prepares: dict[str, float] = field(default_factory=dict)
    delay: tuple[int, int] = (0, 0)
    follows: dict[str, float] = field(default_factory=dict)
    end_of_trial: int | None = None
    hazard: float = 0.004


_OWN = {"advisor_call": 0.0, "trial_extension": 0.4}
_PREPARES = {"pricing_page": 0.6, "checkout_open": 0.25, "search": 0.4}
_CALLS = {"advisor_call": (0.9, 14.0)}

WORLDS = {
    "nothing acts": World(),
    "vanity demos": World(
        prepares={**_PREPARES, "demo_attended": 0.12}, delay=(4, 18), follows=_OWN
    ),
    "waves": World(interest=0.8, follows={"advisor_call": 0.0}),
    "preparation": World(prepares=_PREPARES, delay=(1, 6), effects=_CALLS, follows=_OWN),
    "waves and calls": World(interest=0.8, effects=_CALLS, follows=_OWN),
    "calls and extensions": World(effects={**_CALLS, "trial_extension": (0.9, 20.0)}, follows=_OWN),
    "trial to paid": World(
        effects=_CALLS, follows=_OWN, end_of_trial=14, prepares=_PREPARES, delay=(0, 2)
    ),
    "all at once": World(
        interest=0.6,
        prepares={**_PREPARES, "demo_attended": 0.12},
        delay=(2, 14),
        effects=_CALLS,
        follows=_OWN,
    ),
}
"""Kinds looked at while the method was made."""

UNSEEN = {
    "slow waves": World(interest=0.7, memory=45.0, affinity=0.7, follows=_OWN),
    "fast waves, demos": World(
        interest=0.9,
        memory=6.0,
        prepares={"demo_attended": 0.2, "pricing_page": 0.8, "checkout_open": 0.2},
        delay=(5, 25),
        follows=_OWN,
    ),
    "newsletters act": World(
        interest=0.4,
        affinity=0.8,
        effects={"newsletter_open": (0.25, 10.0)},
        follows={**_OWN, "newsletter_open": 0.2},
    ),
    "long effect of calls": World(
        interest=0.5,
        effects={"advisor_call": (0.6, 30.0)},
        follows=_OWN,
        prepares=_PREPARES,
        delay=(1, 8),
    ),
    "trial, nothing acts": World(
        interest=0.6, end_of_trial=30, prepares=_PREPARES, delay=(0, 5), follows=_OWN
    ),
}
"""Kinds kept back until the end."""


@dataclass(frozen=True)
class Data:
    """A simulated data set.

    Attributes
    ----------
    counts : float32 array (n, DAYS, B)
        Events by prospect and day, up to the end of the record.
    entry, bought : int array (n,)
        `bought` is `DAYS` without a purchase on record.
    behaviours : tuple of str
    truth : dict of behaviour to float
        Percentage points of the chance to buy within `OUTCOME` days for one more event today, mean
        over days at risk; 0 if it does not act.
    """

    counts: np.ndarray
    entry: np.ndarray
    bought: np.ndarray
    behaviours: tuple[str, ...]
    truth: dict[str, float]


def simulate(world: World, seed: int, n: int = 3000) -> Data:
    """Draw a data set."""
    rng = np.random.default_rng([seed, 20_260])
    names = tuple(RATES)
    entry = rng.integers(0, DAYS - 30, n)
    affinity = rng.normal(0, world.affinity, n)
    interest = _waves(rng, n, world)
    season = 0.3 * np.sin(2 * np.pi * np.arange(DAYS + FOLLOWED) / 91.0)
    calendar = entry[:, None] + np.arange(FOLLOWED)[None, :]
    counts = np.zeros((n, FOLLOWED, len(names)), dtype=np.float32)
    for k, name in enumerate(names):
        follows = world.follows.get(name, 1.0)
        log_rate = np.log(RATES[name]) + affinity[:, None] * (0.3 if follows == 0 else 1.0)
        log_rate = log_rate + follows * interest + season[calendar] * 0.5
        log_rate = log_rate + 0.5 * np.exp(-np.arange(FOLLOWED) / 5.0)[None, :]
        counts[:, :, k] = rng.poisson(np.exp(log_rate))
    pushed = _pushed(counts, names, world)
    log_hazard = np.log(world.hazard) + affinity[:, None] + 1.0 * interest + season[calendar]
    age = np.arange(FOLLOWED)[None, :]
    log_hazard = log_hazard - 0.004 * np.minimum(age, 150)
    if world.end_of_trial is not None:
        log_hazard = log_hazard + 3.0 * (age == world.end_of_trial)
    hazard = 1.0 - np.exp(-np.exp(log_hazard + pushed))
    hazard = np.minimum(hazard, 0.999)
    hazard[:, 0] = 0.0
    draws = rng.random((n, FOLLOWED)) < hazard
    decided = np.where(draws.any(axis=1), draws.argmax(axis=1), FOLLOWED)
    delay = rng.integers(world.delay[0], world.delay[1] + 1, n)
    bought_age = np.where(decided < FOLLOWED, decided + delay, 10 * FOLLOWED)
    _prepare(rng, counts, names, world, decided, bought_age)
    truth = _truth(rng, world, hazard, decided, bought_age, entry, delay)
    by_day = np.zeros((n, DAYS, len(names)), dtype=np.float32)
    for i in range(n):
        length = min(FOLLOWED, DAYS - entry[i])
        by_day[i, entry[i] : entry[i] + length] = counts[i, :length]
    bought = np.minimum(entry + bought_age, DAYS)
    return Data(by_day, entry, bought, names, truth)


def _waves(rng: np.random.Generator, n: int, world: World) -> np.ndarray:
    """Draw interest: a stationary autoregressive process of each prospect."""
    keeps = np.exp(-1.0 / world.memory)
    state = rng.normal(0, 1, n)
    path = np.zeros((n, FOLLOWED))
    for t in range(FOLLOWED):
        path[:, t] = state
        state = keeps * state + np.sqrt(1 - keeps**2) * rng.normal(0, 1, n)
    return world.interest * path


def _pushed(counts: np.ndarray, names: tuple[str, ...], world: World) -> np.ndarray:
    """Return what past events add to the log hazard of each day."""
    total = np.zeros(counts.shape[:2])
    for name, (size, days) in world.effects.items():
        own = counts[:, :, names.index(name)]
        state = np.zeros(len(own))
        for t in range(1, FOLLOWED):
            state = (state + own[:, t - 1]) * np.exp(-1.0 / days)
            total[:, t] += size * np.exp(1.0 / days) * state
    return total


def _prepare(
    rng: np.random.Generator,
    counts: np.ndarray,
    names: tuple[str, ...],
    world: World,
    decided: np.ndarray,
    bought_age: np.ndarray,
) -> None:
    """Add what those who have decided do before they buy."""
    age = np.arange(FOLLOWED)[None, :]
    between = (age >= decided[:, None]) & (age <= bought_age[:, None])
    for name, rate in world.prepares.items():
        counts[:, :, names.index(name)] += rng.poisson(rate, between.shape) * between


def _truth(
    rng: np.random.Generator,
    world: World,
    hazard: np.ndarray,
    decided: np.ndarray,
    bought_age: np.ndarray,
    entry: np.ndarray,
    delay: np.ndarray,
) -> dict[str, float]:
    """Return the change of the chance to buy for one more event, by behaviour."""
    last = np.minimum(bought_age, DAYS - entry) - 1
    found = dict.fromkeys(RATES, 0.0)
    cumulative = np.cumsum(-np.log1p(-hazard), axis=1)
    for name, (size, days) in world.effects.items():
        push = np.exp(size * np.exp(-np.arange(OUTCOME) / days))
        change = n_days = 0.0
        for i in np.flatnonzero(last >= 1):
            t = rng.integers(1, last[i] + 1)
            n_days += last[i]
            use = min(OUTCOME - delay[i], FOLLOWED - t - 1)
            if t >= decided[i]:
                continue
            base = np.diff(cumulative[i, t : t + use + 1])
            change += last[i] * (np.exp(-base.sum()) - np.exp(-(base * push[:use]).sum()))
        found[name] = 100.0 * change / n_days
    return found
