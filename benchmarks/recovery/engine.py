"""The event-level generator: who customers are, what they do each week, what they buy.

Nothing here comes from the package under test, so that truth and estimate cannot share a mistake.

A week t runs over days [7t, 7t + 7). An event ``lag`` weeks ago adds ``kernel[lag]`` to the stock
of its behaviour; stocks move the order rate, the basket, the margin ratio, the returns or the
chance to cancel. Expected margin given all behaviours is closed-form (``Mechanism.expected``), and
orders are drawn from stored uniform numbers, so an intervention can be repeated with all else
as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Via = Literal["orders", "basket", "additive", "ratio", "returns", "empty", "renewal"]
Source = Literal["own", "orders", "lapse", "part"]

RETURN_LAG = 1  # a return is booked seven days after its order


@dataclass(frozen=True)
class Act:
    """One way a behaviour moves margin.

    `strength` is per unit of stock; `saturates` in multiples of the mean stock (None: linear);
    `until` a share of the history; `only` a segment's number; `partner` the behaviour without
    whose stock nothing happens.
    """

    via: Via
    kernel: tuple[float, ...]
    strength: float = 1.0
    saturates: float | None = None
    until: float | None = None
    only: int | None = None
    partner: str | None = None


@dataclass(frozen=True)
class Behaviour:
    """One event type: how often, on what it depends, how it acts, what it truly is.

    `rate` per week on average; `liking`, `season` and `interest` are loadings on the log of the
    rate; `spread` the standard deviation of a customer's own level, `wave` and `memory` those of
    the customer's own ups and downs (independent of buying). `worth` is the share of mean margin
    that one standard deviation of the window count should be worth, signed;
    `cost_ratio` what serving an event costs, as a multiple of its gross effect.
    """

    name: str
    truth: str
    rate: float
    liking: float = 0.0
    spread: float = 0.5
    wave: float = 0.6
    memory: float = 0.9
    season: float = 0.0
    interest: float = 0.0
    source: Source = "own"
    parent: str | None = None
    feedback: float = 0.0
    acts: tuple[Act, ...] = ()
    worth: float = 0.0
    cost_ratio: float = 0.0


@dataclass(frozen=True)
class Spec:
    """A world's rules; money in currency, rates per week."""

    behaviours: tuple[Behaviour, ...]
    order_rate: float = 0.4
    basket: float = 60.0
    basket_sigma: float = 0.6
    size_sigma: float = 0.4
    liking_orders: float = 0.5
    liking_basket: float = 0.2
    ratio: float = 0.35
    ratio_sigma: float = 0.0
    serve: float = 0.0
    return_share: float = 0.04
    return_loss: float = 0.45
    season: float = 0.15
    local_season: bool = False
    interest: float = 0.0
    interest_memory: float = 0.93
    habit: float = 0.0
    habit_memory: float = 0.75
    missing: float = 0.0
    staggered: float = 0.4
    segments: tuple[str, ...] = ("north", "south", "west")
    segment_column: str = "region"
    subscription: bool = False
    fee: float = 20.0
    churn: float = 0.10
    liking_churn: float = 0.6
    decide_every: int = 4
    observation: int = 12
    outcome: int = 12
    config: dict[str, object] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(b.name for b in self.behaviours)

    def index(self, name: str) -> int:
        return self.names.index(name)


@dataclass(frozen=True)
class Traits:
    """What stays with a customer, and what moves everyone or a hidden interest."""

    liking: Array
    size: Array
    ratio: Array
    segment: NDArray[np.int64]
    entry: NDArray[np.int64]
    season: Array  # (n, T), log scale
    interest: Array  # (n, T), log scale; zeros where there is none


def ar_waves(rng: np.random.Generator, shape: tuple[int, ...], memory: Array | float) -> Array:
    """Stationary AR(1) waves of unit variance along axis 1 of (n, T, ...)."""
    out = rng.standard_normal(shape, dtype=np.float32)
    memory = np.asarray(memory, dtype=np.float32)
    innovation = np.sqrt(1 - memory**2)
    for t in range(1, shape[1]):
        out[:, t] = memory * out[:, t - 1] + innovation * out[:, t]
    return out


def draw_traits(spec: Spec, n: int, n_weeks: int, rng: np.random.Generator) -> Traits:
    liking = rng.standard_normal(n)
    size = np.exp(spec.size_sigma * rng.standard_normal(n) - spec.size_sigma**2 / 2)
    ratio = spec.ratio + spec.ratio_sigma * rng.standard_normal(n)
    segment = rng.integers(0, len(spec.segments), n)
    late = rng.random(n) < spec.staggered
    last = max(int(0.6 * n_weeks), 1)
    entry = np.where(late, rng.integers(0, last, n), 0)
    weeks = np.arange(n_weeks)
    phase = rng.uniform(0, 2 * np.pi)
    shift = np.zeros(len(spec.segments))
    if spec.local_season:
        shift = np.linspace(0, 2 * np.pi, len(spec.segments), endpoint=False)
    bumps = 0.3 * spec.season * rng.standard_normal(n_weeks)
    by_segment = spec.season * np.sin(2 * np.pi * weeks / 52 + phase + shift[:, None]) + bumps
    interest = np.zeros((n, n_weeks), dtype=np.float32)
    if spec.interest:
        interest = spec.interest * ar_waves(rng, (n, n_weeks), spec.interest_memory)
    return Traits(liking, size, ratio, segment, entry, by_segment[segment], interest)


def draw_rates(spec: Spec, traits: Traits, rng: np.random.Generator) -> Array:
    """Weekly rates (n, T, B) of behaviours that come from the customer, 0 before entry."""
    n, n_weeks = traits.season.shape
    waves = ar_waves(
        rng, (n, n_weeks, len(spec.behaviours)), np.array([b.memory for b in spec.behaviours])
    )
    own = rng.standard_normal((n, len(spec.behaviours)), dtype=np.float32)
    present = np.arange(n_weeks) >= traits.entry[:, None]
    for j, b in enumerate(spec.behaviours):
        spread = b.liking * traits.liking + b.spread * own[:, j]
        level = np.log(b.rate) - (b.liking**2 + b.spread**2 + b.wave**2) / 2
        log_rate = waves[:, :, j] * np.float32(b.wave)
        log_rate += (level + spread).astype(np.float32)[:, None]
        if b.season:
            log_rate += (b.season * traits.season).astype(np.float32)
        if b.interest:
            scaled = b.interest * traits.interest
            log_rate += (scaled - np.square(b.interest * spec.interest) / 2).astype(np.float32)
        waves[:, :, j] = np.exp(log_rate) * present
    return waves


def draw_counts(spec: Spec, rates: Array, rng: np.random.Generator) -> Array:
    """Counts (n, T, B) of behaviours that do not depend on purchases; the others stay 0."""
    counts = np.zeros(rates.shape, dtype=np.float32)
    for j, b in enumerate(spec.behaviours):
        if b.source == "own":
            counts[:, :, j] = rng.poisson(rates[:, :, j])
    for j, b in enumerate(spec.behaviours):
        if b.source == "part":
            done = rng.random((rates.shape[0], 1)) * 0.3 + b.rate
            parent = counts[:, :, spec.index(str(b.parent))].astype(np.int64)
            counts[:, :, j] = rng.binomial(parent, np.clip(done, 0.05, 0.95))
    return counts


def poisson_from(uniform: Array, rate: Array) -> Array:
    """Poisson counts by inverting the distribution function: the same uniforms, the same luck."""
    out = np.zeros(uniform.shape, dtype=np.float32)
    flat, u = out.reshape(-1), uniform.reshape(-1)
    lam = np.minimum(np.asarray(rate, dtype=np.float64).reshape(-1), 600.0)
    term = np.exp(-lam)
    cumulated = term.copy()
    open_ = np.flatnonzero(u > cumulated)
    k = 0
    while open_.size and k < 2000:
        k += 1
        term[open_] *= lam[open_] / k
        cumulated[open_] += term[open_]
        flat[open_] = k
        open_ = open_[(u[open_] > cumulated[open_]) & (term[open_] > 1e-300)]
    return out


def stock_of(counts: Array, kernel: tuple[float, ...]) -> Array:
    """Sum over lags of ``kernel[lag] * counts[:, t - lag]``, (n, T)."""
    out = np.zeros(counts.shape, dtype=np.float64)
    for lag, weight in enumerate(kernel):
        if weight and lag < counts.shape[1]:
            out[:, lag:] += weight * counts[:, : counts.shape[1] - lag]
    return out


@dataclass(frozen=True)
class Mechanism:
    """From stocks to expected margin: the world's causal part, strengths included."""

    spec: Spec
    traits: Traits
    scales: dict[tuple[str, int], tuple[float, float]]  # (behaviour, act) → mean stocks

    def acts(self) -> list[tuple[str, int, Act]]:
        return [(b.name, k, a) for b in self.spec.behaviours for k, a in enumerate(b.acts)]

    def stocks(self, counts: Array) -> dict[tuple[str, str, int], Array]:
        """Stocks by (behaviour counted, behaviour owning the act, number of the act)."""
        found = {}
        for owner, k, act in self.acts():
            for name in filter(None, (owner, act.partner)):
                found[name, owner, k] = stock_of(counts[:, :, self.spec.index(name)], act.kernel)
        return found

    def dose(
        self, owner: str, k: int, act: Act, stocks: dict[tuple[str, str, int], Array], weeks: slice
    ) -> Array:
        stock = stocks[owner, owner, k]
        own, other = self.scales[owner, k]
        if act.partner is not None:
            together = 1 - np.exp(-stocks[act.partner, owner, k] / other)
            out = own * (1 - np.exp(-stock / own)) * together
        elif act.saturates is not None:
            scale = act.saturates * own
            out = scale * (1 - np.exp(-stock / scale))
        else:
            out = stock
        if act.until is not None:
            out = out * (np.arange(weeks.start, weeks.stop) < act.until * self.n_weeks)
        if act.only is not None:
            out = out * (self.traits.segment == act.only)[:, None]
        return act.strength * out

    @property
    def n_weeks(self) -> int:
        return self.traits.season.shape[1]

    def parts(self, stocks: dict[tuple[str, str, int], Array], weeks: slice) -> dict[str, Array]:
        """Order rate, basket, margin ratio, return share, additional and empty orders, (n, m)."""
        spec, traits = self.spec, self.traits
        present = np.arange(weeks.start, weeks.stop) >= traits.entry[:, None]
        level = spec.order_rate * np.exp(
            spec.liking_orders * traits.liking - spec.liking_orders**2 / 2
        )
        rate = level[:, None] * np.exp(traits.season[:, weeks] + traits.interest[:, weeks])
        basket = spec.basket * traits.size * np.exp(spec.liking_basket * traits.liking)
        out = {
            "rate": rate * present,
            "basket": np.repeat(basket[:, None], rate.shape[1], axis=1),
            "ratio": np.repeat(traits.ratio[:, None], rate.shape[1], axis=1),
            "returns": np.full(rate.shape, spec.return_share),
            "additive": np.zeros(rate.shape),
            "empty": np.zeros(rate.shape),
            "renewal": np.zeros(rate.shape),
        }
        empty = np.zeros(rate.shape)
        for owner, k, act in self.acts():
            dose = self.dose(owner, k, act, stocks, weeks)
            if act.via == "orders":
                out["rate"] = out["rate"] * (1 + dose)
            elif act.via == "basket":
                out["basket"] = out["basket"] * (1 + dose)
            elif act.via == "additive":
                out["additive"] = out["additive"] + dose
            elif act.via == "ratio":
                out["ratio"] = out["ratio"] - 1.5 * spec.ratio * (1 - np.exp(-dose / 1.5))
            elif act.via == "returns":
                out["returns"] = out["returns"] + 0.6 * (1 - np.exp(-dose / 0.6))
            elif act.via == "renewal":
                out["renewal"] = out["renewal"] + dose
            else:
                empty = empty + dose
        out["empty"] = out["rate"] * empty
        return out

    def expected(self, stocks: dict[tuple[str, str, int], Array], weeks: slice) -> Array:
        """Expected margin a week (n, m) given all behaviours.

        With habit, orders before ``weeks`` are left out: they are the same with and without an
        intervention in ``weeks``, and the difference is exact as habit is linear. A subscriber is
        taken to be there when ``weeks`` begin.
        """
        spec = self.spec
        parts = self.parts(stocks, weeks)
        if spec.subscription:
            return self._expected_fees(parts, weeks)
        rate = self._with_habit(parts["rate"])
        margin = rate * (parts["basket"] * parts["ratio"] - spec.serve)
        margin += parts["additive"] * spec.basket * spec.ratio
        back = rate * parts["basket"] * parts["returns"] * spec.return_loss
        margin[:, RETURN_LAG:] -= back[:, :-RETURN_LAG]
        return margin

    def _with_habit(self, rate: Array) -> Array:
        if not self.spec.habit:
            return rate
        rate = rate.copy()
        held = np.zeros(rate.shape[0])
        for t in range(rate.shape[1]):
            rate[:, t] += self.spec.habit * held
            held = self.spec.habit_memory * held + rate[:, t]
        return rate

    def leave_probability(self, parts: dict[str, Array], weeks: slice) -> Array:
        """Chance (n, m) to cancel at the start of a week, for one still subscribed.

        `churn` is the monthly chance at mean stocks.
        """
        spec, traits = self.spec, self.traits
        per_decision = 1 - (1 - spec.churn) ** (spec.decide_every / 4)
        logit = np.log(per_decision / (1 - per_decision)) - spec.liking_churn * traits.liking
        since = np.arange(weeks.start, weeks.stop) - traits.entry[:, None]
        due = (since > 0) & (since % spec.decide_every == 0)
        hidden = traits.season[:, weeks] + traits.interest[:, weeks]
        usual = sum(a.strength * self.scales[b, k][0] for b, k, a in self.acts())
        return due / (1 + np.exp(-(logit[:, None] - hidden - (parts["renewal"] - usual))))

    def fee_due(self, weeks: slice) -> Array:
        since = np.arange(weeks.start, weeks.stop) - self.traits.entry[:, None]
        return (since >= 0) & (since % 4 == 0)

    def _expected_fees(self, parts: dict[str, Array], weeks: slice) -> Array:
        stays = np.cumprod(1 - self.leave_probability(parts, weeks), axis=1)
        fee = self.spec.fee * self.traits.size
        return stays * self.fee_due(weeks) * fee[:, None]


def mechanism(spec: Spec, traits: Traits, counts: Array) -> Mechanism:
    """Fix the scales of saturating and paired acts at the mean stocks of these counts."""
    scales = {}
    for b in spec.behaviours:
        for k, act in enumerate(b.acts):
            own = stock_of(counts[:, :, spec.index(b.name)], act.kernel).mean()
            other = 1.0
            if act.partner is not None:
                other = stock_of(counts[:, :, spec.index(act.partner)], act.kernel).mean()
            scales[b.name, k] = (max(float(own), 1e-9), max(float(other), 1e-9))
    return Mechanism(spec, traits, scales)


def with_strength(mech: Mechanism, factors: dict[str, float]) -> Mechanism:
    """Multiply the strengths of each behaviour's acts."""
    behaviours = tuple(
        replace(
            b,
            acts=tuple(replace(a, strength=a.strength * factors.get(b.name, 1.0)) for a in b.acts),
        )
        for b in mech.spec.behaviours
    )
    return replace(mech, spec=replace(mech.spec, behaviours=behaviours))
