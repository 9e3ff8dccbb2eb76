"""The shop's equations: who the customers are, what they do, what they buy and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

BURN_IN_WEEKS = 20
ORDERS_PER_WEEK = 0.14
BASKET = 58.0
COST_SHARE = 0.62
FULFILMENT = 4.0
DISCOUNT = 0.32
RETURN_PROBABILITY = 0.07
RETURN_LAG_PROBABILITY = {2: 0.4, 3: 0.4, 4: 0.2}
COST_RECOVERED = 0.8
SIGN_UP_SHARE = 0.4


@dataclass(frozen=True)
class Effect:
    """How one behaviour acts on orders: ``strength · g(memory)`` is added to their log rate."""

    strength: float
    kept_weekly: float
    saturation: float

    def response(self, memory: Floats) -> Floats:
        """Return ``g(m) = s (1 - exp(-m / s))``: slope 1 at nothing, never above ``s``."""
        return np.asarray(-self.saturation * np.expm1(-memory / self.saturation))


@dataclass(frozen=True)
class Behaviour:
    """How often customers do something by themselves, and what its events carry.

    `liking`, `season` are exponents; `spread` and `wave` standard deviations, on the log scale, of
    the customer's own level and of its slow waves.
    """

    name: str
    role: str
    per_week: float
    liking: float = 0.3
    spread: float = 0.4
    wave: float = 0.4
    season: float = 0.0
    effect: Effect | None = None
    channel: str = "web"
    direction: str = "inbound"
    value: float | None = None
    seconds: float | None = None
    in_session: bool = True


BEHAVIOURS: tuple[Behaviour, ...] = (
    Behaviour("page_view", "vanity", 2.0, liking=0.9, spread=0.25, season=0.4, seconds=45.0),
    Behaviour("social_like", "vanity", 0.6, liking=1.0, spread=0.3, channel="app"),
    Behaviour("email_open", "vanity", 0.55, liking=0.8, spread=0.3, channel="email"),
    Behaviour(
        "wishlist_add",
        "driver",
        0.15,
        wave=0.6,
        effect=Effect(strength=0.36, kept_weekly=0.85, saturation=2.5),
        value=35.0,
    ),
    Behaviour("tutorial_start", "inert", 0.18, wave=0.5, seconds=240.0),
    Behaviour(
        "tutorial_done",
        "driver",
        0.0,
        effect=Effect(strength=0.42, kept_weekly=0.88, saturation=4.0),
        seconds=420.0,
    ),
    Behaviour(
        "advisor_call",
        "driver",
        0.05,
        liking=0.2,
        wave=0.7,
        effect=Effect(strength=0.42, kept_weekly=0.90, saturation=4.0),
        channel="phone",
        seconds=540.0,
        in_session=False,
    ),
    Behaviour(
        "coupon_use",
        "harmful",
        0.055,
        liking=0.2,
        wave=0.6,
        effect=Effect(strength=0.52, kept_weekly=0.80, saturation=1.5),
        value=8.0,
    ),
    Behaviour("gift_guide_view", "inert", 0.16, liking=0.2, season=2.0, seconds=90.0),
    Behaviour("faq_view", "inert", 0.25, liking=0.0, seconds=60.0),
    Behaviour("order_tracking", "consequence", 0.0, in_session=False),
    Behaviour("return_label", "consequence", 0.0, in_session=False),
    Behaviour(
        "winback_email_received",
        "inert",
        0.0,
        channel="email",
        direction="outbound",
        in_session=False,
    ),
)
NAMES: tuple[str, ...] = tuple(b.name for b in BEHAVIOURS)
INDEX: dict[str, int] = {name: i for i, name in enumerate(NAMES)}
EFFECTS: dict[str, Effect] = {b.name: b.effect for b in BEHAVIOURS if b.effect is not None}


@dataclass(frozen=True, eq=False)
class World:
    """The hidden state of a shop; arrays are ``n`` customers × (burn-in + ``n_weeks``) weeks.

    Attributes
    ----------
    effects : bool
        Whether behaviours act on orders and prices.
    liking, income : array of float, shape (n,)
        Hidden, standard normal, and constant.
    order_rate : array of float, shape (n,)
        Orders per week of a week without season and without any effect.
    basket : array of float, shape (n,)
        Mean basket at full price, in EUR.
    season : array of float, shape (weeks,)
        Factor on orders.
    entry : array of int, shape (n,)
        First week in which the customer does anything.
    counts : dict of behaviour to array of float32, shape (n, weeks)
        Events a week of those behaviours that act.
    """

    start: dt.date
    n_weeks: int
    effects: bool
    liking: Floats
    income: Floats
    order_rate: Floats
    basket: Floats
    season: Floats
    entry: Ints
    counts: dict[str, Floats] = field(repr=False)

    @property
    def weeks(self) -> int:
        """Weeks simulated, burn-in included."""
        return BURN_IN_WEEKS + self.n_weeks

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Who is a customer in which week, shape (n, weeks)."""
        return np.asarray(np.arange(self.weeks)[None, :] >= self.entry[:, None])

    def memory(self, behaviour: str) -> Floats:
        """Return what is left of past events: ``m[w] = kept · m[w-1] + x[w-1]``."""
        counts = self.counts[behaviour]
        kept = EFFECTS[behaviour].kept_weekly
        memory = np.zeros(counts.shape)
        for week in range(1, counts.shape[1]):
            memory[:, week] = kept * memory[:, week - 1] + counts[:, week - 1]
        return memory


def season_of(start: dt.date, weeks: int, burn_in: int = BURN_IN_WEEKS) -> Floats:
    """Return the season's factor per week: a yearly wave, a summer sale and Christmas."""
    middles = [start + dt.timedelta(days=7 * (w - burn_in) + 3) for w in range(weeks)]
    day = np.array([m.timetuple().tm_yday for m in middles], dtype=float)

    def peak(at: float, width: float) -> Floats:
        apart = np.abs(day - at)
        apart = np.minimum(apart, 365.25 - apart)
        return np.exp(-0.5 * (apart / width) ** 2)

    wave = 1 + 0.12 * np.cos(2 * np.pi * (day - 330) / 365.25)
    return np.asarray(wave + 0.25 * peak(185, 12) + 0.8 * peak(346, 14))


def draw_world(
    rng: np.random.Generator, n_customers: int, n_weeks: int, start: dt.date, effects: bool
) -> World:
    """Draw who the customers are; what they do (`counts`) is still empty."""
    liking, income = rng.standard_normal(n_customers), rng.standard_normal(n_customers)
    own = rng.standard_normal((2, n_customers))
    is_new = rng.random(n_customers) < SIGN_UP_SHARE
    arrival = BURN_IN_WEEKS + rng.integers(0, max(1, (3 * n_weeks) // 4), n_customers)
    return World(
        start=start,
        n_weeks=n_weeks,
        effects=effects,
        liking=liking,
        income=income,
        order_rate=ORDERS_PER_WEEK * np.exp(0.6 * liking + 0.15 * income + 0.25 * own[0] - 0.2),
        basket=BASKET * np.exp(0.3 * income + 0.15 * own[1] - 0.056),
        season=season_of(start, BURN_IN_WEEKS + n_weeks),
        entry=np.where(is_new, arrival, 0),
        counts={},
    )


@dataclass(frozen=True, eq=False)
class Economics:
    """What a week's orders are like: rate and discount, each of shape (n, weeks)."""

    rate: Floats
    discount: Floats

    def revenue(self, basket: Floats) -> Floats:
        """Return expected revenue a week, in EUR, net of what is sent back in that week."""
        return _with_returns(
            self.rate * basket[:, None] * (1 - self.discount),
            -self.rate * basket[:, None] * (1 - self.discount),
        )

    def margin(self, basket: Floats) -> Floats:
        """Return expected margin a week, in EUR, net of what is sent back in that week."""
        baskets = self.rate * basket[:, None]
        sold = baskets * (1 - self.discount - COST_SHARE) - self.rate * FULFILMENT
        returned = baskets * (COST_RECOVERED * COST_SHARE - (1 - self.discount))
        return _with_returns(sold, returned)


def _with_returns(sold: Floats, returned: Floats) -> Floats:
    total = sold.copy()
    for lag, probability in RETURN_LAG_PROBABILITY.items():
        total[:, lag:] += RETURN_PROBABILITY * probability * returned[:, :-lag]
    return total


def economics(world: World, memories: dict[str, Floats]) -> Economics:
    """Return the rate of orders and the discount they are sold at, given the memories."""
    shape = next(iter(memories.values())).shape
    log_rate = np.zeros(shape)
    discount = np.zeros(shape)
    if world.effects:
        for name, effect in EFFECTS.items():
            response = effect.response(memories[name])
            log_rate += effect.strength * response
            if name == "coupon_use":
                discount += DISCOUNT * response
    rate = world.order_rate[:, None] * world.season[None, :] * np.exp(log_rate) * world.active
    return Economics(rate=rate, discount=discount)
