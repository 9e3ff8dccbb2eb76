"""Simulated weekly behaviour of customers, with season, growth, sign-up waves and holidays.

Shares no code with the product: customers, their weeks and their aggregation are made here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
FIRST_MONDAY = dt.date(2019, 1, 7)


@dataclass(frozen=True)
class World:
    """One kind of simulated company; rates are per customer and week, noises are of logarithms."""

    name: str
    customers: int = 1500
    types: int = 13
    rate: float = 0.5
    rate_spread: float = 0.8
    weekly_growth: float = 0.0
    weekly_churn: float = 0.01
    waves_per_year: float = 0.0
    wave_size: float = 6.0
    onboarding_types: int = 0
    common_season: float = 0.0
    own_season: float = 0.0
    holidays: bool = False
    common_noise: float = 0.03
    own_noise: float = 0.04
    noise_memory: float = 0.3
    random_walk: float = 0.0
    student_noise: bool = False
    heavy_customers: bool = False
    batches: int = 0
    campaigns_per_year: float = 0.0
    weekday_start: int = 0


WORLDS: tuple[World, ...] = (
    World("plain"),
    World("season", common_season=0.4, own_season=0.3),
    World("growth", weekly_growth=0.012, customers=600),
    World("sign-up waves", waves_per_year=5, onboarding_types=3),
    World("holidays", holidays=True),
    World(
        "all of these",
        customers=800,
        common_season=0.3,
        own_season=0.25,
        weekly_growth=0.005,
        waves_per_year=4,
        onboarding_types=2,
        holidays=True,
    ),
    World("three types", types=3, rate=1.0, holidays=True, common_season=0.3),
    World("one type", types=1, rate=3.0, holidays=True, common_season=0.3),
    World("sixty types", types=60, rate=0.25, holidays=True, own_season=0.3, waves_per_year=3),
    World("small counts", customers=150, types=10, rate=0.08, common_season=0.3),
    World("heavy tails", student_noise=True, heavy_customers=True, own_noise=0.08),
    World("batches", batches=3, holidays=True),
    World("campaigns", campaigns_per_year=4, holidays=True),
    World("drift", random_walk=0.03, common_noise=0.06),
    World("moving together", common_noise=0.2, noise_memory=0.6, waves_per_year=4),
)


@dataclass(frozen=True)
class Simulated:
    """Counts of a world: per week, an array of shape (customers, types), and known weeks."""

    world: World
    starts: tuple[dt.date, ...]
    names: tuple[str, ...]
    counts: list[Array]
    """Per week, shape (customers, types)."""
    known_since: Array
    """Week of the sign-up per customer; negative before the history."""

    def first_seen(self) -> Array:
        """Return each customer's first week; who is seen in the first four was there before."""
        first = np.full(self.known_since.size, 10**6)
        for week in reversed(range(len(self.counts))):
            first[self.counts[week].any(1)] = week
        return np.where(first < 4, -1000, first)

    def totals(self) -> tuple[Array, Array]:
        """Return events (weeks, tenure groups, types) and active customers (weeks, groups)."""
        first = self.first_seen()
        parts = [week_totals(counts, week - first) for week, counts in enumerate(self.counts)]
        return np.array([events for events, _ in parts]), np.array([on for _, on in parts])


def week_totals(counts: Array, tenure: Array) -> tuple[Array, Array]:
    """Return events (groups, types) and active customers (groups) of one week."""
    on = np.flatnonzero(counts.any(1))
    group = np.digitize(tenure[on], [1, 4, 12])
    events = np.stack([counts[on][group == g].sum(0) for g in range(4)])
    return events.astype(float), np.bincount(group, minlength=4)[:4].astype(float)


def simulate(world: World, weeks: int, seed: int) -> Simulated:
    """Simulate a world."""
    rng = np.random.default_rng([seed, 77])
    first = FIRST_MONDAY + dt.timedelta(days=world.weekday_start)
    starts = tuple(first + dt.timedelta(weeks=week) for week in range(weeks))
    signup, leaves = _customers(world, weeks, rng)
    n, kinds = signup.size, world.types
    base = world.rate * np.exp(world.rate_spread * rng.standard_normal(kinds))
    affinity = _affinity(world, n, rng)
    liking = affinity[:, None] * rng.gamma(2.0, 0.5, (n, kinds))
    log_rates = _weekly_log_rates(world, starts, rng)
    counts = []
    for week in range(weeks):
        there = (signup <= week) & (week < leaves)
        rates = liking[there] * base * np.exp(log_rates[week])
        if world.onboarding_types:
            young = np.exp(-(week - signup[there]) / 3.0)
            rates[:, : world.onboarding_types] *= 0.3 + 4 * young[:, None]
        drawn = np.zeros((n, kinds), np.uint16)
        drawn[there] = np.minimum(rng.poisson(rates), 60000)
        counts.append(drawn)
    names = tuple(f"type_{kind:02d}" for kind in range(kinds))
    return Simulated(world, starts, names, counts, signup)


def _customers(world: World, weeks: int, rng: np.random.Generator) -> tuple[Array, Array]:
    level = world.customers * np.exp(world.weekly_growth * np.arange(weeks))
    arrivals = level * world.weekly_churn + np.diff(level, prepend=level[0])
    factor = np.ones(weeks)
    waves = rng.random(weeks) < world.waves_per_year / 52
    for week in np.flatnonzero(waves):
        length = rng.integers(1, 4)
        factor[week : week + length] = world.wave_size * rng.uniform(0.5, 1.5)
    new = rng.poisson(np.maximum(arrivals, 0) * factor)
    age = rng.geometric(max(world.weekly_churn, 1e-3), world.customers)
    signup = np.concatenate([-age, np.repeat(np.arange(weeks), new)])
    stays = rng.geometric(max(world.weekly_churn, 1e-3), signup.size)
    leaves = np.where(signup < 0, 0, signup) + stays
    return signup, leaves


def _affinity(world: World, n: int, rng: np.random.Generator) -> Array:
    if world.heavy_customers:
        return np.minimum(0.4 * (1 + rng.pareto(1.6, n)), 150)
    return rng.gamma(1.5, 1 / 1.5, n)


def _weekly_log_rates(world: World, starts: tuple[dt.date, ...], rng: np.random.Generator) -> Array:
    weeks, kinds = len(starts), world.types
    day = np.array([start.timetuple().tm_yday for start in starts])
    angle = 2 * np.pi * day / 365.25
    loading = rng.uniform(0.6, 1.4, kinds)
    rates = loading * _noise(world, weeks, 1, world.common_noise, rng)
    rates = rates + _noise(world, weeks, kinds, world.own_noise, rng)
    rates += world.common_season * np.cos(angle)[:, None] * rng.uniform(0.7, 1.3, kinds)
    phase = rng.uniform(0, 2 * np.pi, kinds)
    rates += world.own_season * np.cos(angle[:, None] + phase)
    if world.random_walk:
        rates += np.cumsum(world.random_walk * rng.standard_normal((weeks, kinds)), axis=0)
    if world.holidays:
        rates += _holidays(starts, kinds, rng)
    for kind in range(min(world.batches, kinds)):
        rates[:, kind] += _batch(starts, kind)
    spikes = rng.random((weeks, kinds)) < world.campaigns_per_year / 52
    rates += spikes * rng.uniform(0.2, 1.0, (weeks, kinds))
    return rates


def _noise(world: World, weeks: int, kinds: int, size: float, rng: np.random.Generator) -> Array:
    shocks = rng.standard_normal((weeks, kinds))
    if world.student_noise:
        shocks = rng.standard_t(3, (weeks, kinds)) / np.sqrt(3)
    series = np.zeros((weeks, kinds))
    memory = world.noise_memory
    for week in range(weeks):
        before = series[week - 1] if week else 0
        series[week] = memory * before + size * np.sqrt(1 - memory**2) * shocks[week]
    return series


def _holidays(starts: tuple[dt.date, ...], kinds: int, rng: np.random.Generator) -> Array:
    """Christmas, Black Friday, and a movable feast; each moves each event type in its own way."""
    effects = rng.normal([-0.7, 0.6, -0.25], [0.25, 0.3, 0.15], (kinds, 3))
    rates = np.zeros((len(starts), kinds))
    for week, start in enumerate(starts):
        days = [start + dt.timedelta(days=i) for i in range(7)]
        christmas = sum(
            (d.month == 12 and d.day >= 24) or (d.month == 1 and d.day == 1) for d in days
        )
        friday = sum(d.month == 11 and d.weekday() == 4 and 23 <= d.day <= 29 for d in days)
        easter = sum(_easter(d.year) - dt.timedelta(days=2) <= d <= _easter(d.year) for d in days)
        rates[week] = effects @ (np.array([christmas / 6, friday, easter / 3]))
    return rates


def _easter(year: int) -> dt.date:
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return dt.date(year, month, day + 1)


def _batch(starts: tuple[dt.date, ...], kind: int) -> Array:
    """Monthly, two-weekly, or weekly: most events lie in the week of the batch."""
    series = np.full(len(starts), -3.0)
    for week, start in enumerate(starts):
        days = [start + dt.timedelta(days=i) for i in range(7)]
        if kind % 3 == 0 and any(d.day == 1 for d in days):
            series[week] = 1.2
        if kind % 3 == 1 and week % 2 == 0:
            series[week] = 0.6
        if kind % 3 == 2:
            series[week] = 0.0
    return series


def with_fault(counts: Array, fault: str, kind: int, rng: np.random.Generator) -> Array:
    """Return a week's counts with a fault, of the event type `kind` or of all."""
    changed = counts.copy()
    if fault == "halved":
        changed[:, kind] = rng.binomial(changed[:, kind], 0.5)
    elif fault.startswith("doubled"):
        changed[:, kind] *= 2
    elif fault == "vanished":
        changed[:, kind] = 0
    return changed


Shares = dict[tuple[str, str], Array]


def duplicate_shares(simulated: Simulated, seed: int) -> tuple[Shares, Shares]:
    """Return shares of identical rows by type, of one second and of one customer, and rows.

    Clients that send again make about one row in 200 identical to another, and more in some weeks.
    """
    rng = np.random.default_rng([seed, 5])
    weeks = len(simulated.counts)
    shares: Shares = {}
    rows: Shares = {}
    by_type = np.array([counts.sum(0) for counts in simulated.counts]).astype(int)
    for kind, name in enumerate(simulated.names):
        level = 0.005 * np.exp(0.5 * rng.standard_normal(weeks))
        total = np.maximum(by_type[:, kind], 1)
        shares["identical_rows", name] = rng.binomial(total, np.minimum(level, 0.5)) / total
        rows["identical_rows", name] = total.astype(float)
    total = np.maximum(by_type.sum(1), 1)
    largest = np.array([counts.sum(1, dtype=int).max() for counts in simulated.counts])
    shares["few_customers", "all events"] = largest / total
    shares["same_second", "all events"] = (1 + rng.poisson(1, weeks)) / total
    for key in (("few_customers", "all events"), ("same_second", "all events")):
        rows[key] = total.astype(float)
    return shares, rows


def window_classes(simulated: Simulated) -> dict[str, Array]:
    """Return customers per class of the last twelve weeks' counts and score, at each week's end."""
    kinds = [0, len(simulated.names) // 2, len(simulated.names) - 1]
    kinds = list(dict.fromkeys(kinds))
    weeks = len(simulated.counts)
    edges = [1, 2, 3, 4, 6, 9, 14, 21, 41]
    classes = {simulated.names[kind]: np.zeros((weeks, 10)) for kind in kinds}
    classes["score"] = np.zeros((weeks, 21))
    rolling = np.zeros((simulated.known_since.size, len(kinds)), int)
    anything = np.zeros(simulated.known_since.size, int)
    cap = None
    for week, counts in enumerate(simulated.counts):
        rolling += counts[:, kinds]
        anything += counts.any(1)
        if week >= 12:
            rolling -= simulated.counts[week - 12][:, kinds]
            anything -= simulated.counts[week - 12].any(1)
        if week < 11:
            continue
        active = rolling[anything > 0]
        if cap is None:
            cap = np.maximum(np.quantile(active, 0.9, axis=0), 1)
        for place, kind in enumerate(kinds):
            into = np.digitize(active[:, place], edges)
            classes[simulated.names[kind]][week] = np.bincount(into, minlength=10)
        score = 100 * np.minimum(active / cap, 1).mean(1)
        classes["score"][week] = np.bincount((score // 5).astype(int), minlength=21)
    return classes
