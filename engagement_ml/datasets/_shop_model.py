"""Model equations of the simulated shop: customers, behaviours, orders and margin."""

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
    """Effect of one behaviour on orders: ``strength · g(memory)`` is added to their log rate.

    Attributes
    ----------
    strength : float
        Coefficient on the log rate of orders.
    kept_weekly : float
        Share of the memory that remains after a week, 0 to 1 (geometric decay).
    saturation : float
        Limit of the response, in events.
    """

    strength: float
    kept_weekly: float
    saturation: float

    def response(self, memory: Floats) -> Floats:
        """Return ``g(m) = s (1 - exp(-m / s))``: slope 1 at 0, bounded by ``s``."""
        return np.asarray(-self.saturation * np.expm1(-memory / self.saturation))


@dataclass(frozen=True)
class Behaviour:
    """Rate of one behaviour, and the columns of its events.

    Attributes
    ----------
    name, role : str
    per_week : float
        Events per week of an average customer; 0 for events that follow from others.
    affinity, season : float
        Exponents of the customer's affinity and of the season's factor.
    level_std, wave_std : float
        Standard deviations on the log scale of the customer's level and of its slow waves.
    effect : Effect or None
        None if the behaviour does not act on orders.
    channel, direction : str
    value, seconds : float or None
        Typical value (EUR) and duration of an event.
    in_session : bool
        Whether events are parts of sessions.
    """

    name: str
    role: str
    per_week: float
    affinity: float = 0.3
    level_std: float = 0.4
    wave_std: float = 0.4
    season: float = 0.0
    effect: Effect | None = None
    channel: str = "web"
    direction: str = "inbound"
    value: float | None = None
    seconds: float | None = None
    in_session: bool = True


BEHAVIOURS: tuple[Behaviour, ...] = (
    Behaviour("page_view", "vanity", 2.0, affinity=0.9, level_std=0.25, season=0.4, seconds=45.0),
    Behaviour("social_like", "vanity", 0.6, affinity=1.0, level_std=0.3, channel="app"),
    Behaviour("email_open", "vanity", 0.55, affinity=0.8, level_std=0.3, channel="email"),
    Behaviour(
        "wishlist_add",
        "driver",
        0.15,
        wave_std=0.6,
        effect=Effect(strength=0.36, kept_weekly=0.85, saturation=2.5),
        value=35.0,
    ),
    Behaviour("tutorial_start", "inert", 0.18, wave_std=0.5, seconds=240.0),
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
        affinity=0.2,
        wave_std=0.7,
        effect=Effect(strength=0.42, kept_weekly=0.90, saturation=4.0),
        channel="phone",
        seconds=540.0,
        in_session=False,
    ),
    Behaviour(
        "coupon_use",
        "harmful",
        0.055,
        affinity=0.2,
        wave_std=0.6,
        effect=Effect(strength=0.52, kept_weekly=0.80, saturation=1.5),
        value=8.0,
    ),
    Behaviour("gift_guide_view", "inert", 0.16, affinity=0.2, season=2.0, seconds=90.0),
    Behaviour("faq_view", "inert", 0.25, affinity=0.0, seconds=60.0),
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
class ShopState:
    """Hidden state of a simulated shop: `n` customers × (burn-in + `n_weeks`) weeks.

    Attributes
    ----------
    start : date
        First day after the burn-in.
    n_weeks : int
        Weeks after the burn-in.
    effects : bool
        Whether behaviours act on orders and prices.
    affinity, income : array of float, shape (n,)
        Hidden traits, standard normal and constant.
    order_rate : array of float, shape (n,)
        Orders per week without season and without effects.
    basket : array of float, shape (n,)
        Mean basket at full price, in EUR.
    season : array of float, shape (weeks,)
        Factor of the rate of orders.
    entry : array of int, shape (n,)
        First active week.
    counts : dict of behaviour to array of float32, shape (n, weeks)
        Events per week of the behaviours with an effect.
    """

    start: dt.date
    n_weeks: int
    effects: bool
    affinity: Floats
    income: Floats
    order_rate: Floats
    basket: Floats
    season: Floats
    entry: Ints
    counts: dict[str, Floats] = field(repr=False)

    @property
    def weeks(self) -> int:
        """Simulated weeks, burn-in included."""
        return BURN_IN_WEEKS + self.n_weeks

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Whether each customer is active in each week, shape (n, weeks)."""
        return np.asarray(np.arange(self.weeks)[None, :] >= self.entry[:, None])

    def memory(self, behaviour: str) -> Floats:
        """Return the decayed sum of past events: ``m[w] = kept · m[w-1] + x[w-1]``."""
        counts = self.counts[behaviour]
        kept = EFFECTS[behaviour].kept_weekly
        memory = np.zeros(counts.shape)
        for week in range(1, counts.shape[1]):
            memory[:, week] = kept * memory[:, week - 1] + counts[:, week - 1]
        return memory


def season_of(start: dt.date, weeks: int, burn_in: int = BURN_IN_WEEKS) -> Floats:
    """Return the seasonal factor per week: a yearly wave, a summer sale and Christmas."""
    middles = [start + dt.timedelta(days=7 * (w - burn_in) + 3) for w in range(weeks)]
    day = np.array([m.timetuple().tm_yday for m in middles], dtype=float)

    def peak(at: float, width: float) -> Floats:
        distance = np.abs(day - at)
        distance = np.minimum(distance, 365.25 - distance)
        return np.exp(-0.5 * (distance / width) ** 2)

    wave = 1 + 0.12 * np.cos(2 * np.pi * (day - 330) / 365.25)
    return np.asarray(wave + 0.25 * peak(185, 12) + 0.8 * peak(346, 14))


def draw_state(
    rng: np.random.Generator, n_customers: int, n_weeks: int, start: dt.date, effects: bool
) -> ShopState:
    """Draw the customers; their `counts` are still empty."""
    affinity, income = rng.standard_normal(n_customers), rng.standard_normal(n_customers)
    noise = rng.standard_normal((2, n_customers))
    is_new = rng.random(n_customers) < SIGN_UP_SHARE
    arrival = BURN_IN_WEEKS + rng.integers(0, max(1, (3 * n_weeks) // 4), n_customers)
    return ShopState(
        start=start,
        n_weeks=n_weeks,
        effects=effects,
        affinity=affinity,
        income=income,
        order_rate=ORDERS_PER_WEEK * np.exp(0.6 * affinity + 0.15 * income + 0.25 * noise[0] - 0.2),
        basket=BASKET * np.exp(0.3 * income + 0.15 * noise[1] - 0.056),
        season=season_of(start, BURN_IN_WEEKS + n_weeks),
        entry=np.where(is_new, arrival, 0),
        counts={},
    )


@dataclass(frozen=True, eq=False)
class Economics:
    """Rate of orders and discount, each of shape (n, weeks)."""

    rate: Floats
    discount: Floats

    def revenue(self, basket: Floats) -> Floats:
        """Return expected revenue per week in EUR, net of returns in that week."""
        return _with_returns(
            self.rate * basket[:, None] * (1 - self.discount),
            -self.rate * basket[:, None] * (1 - self.discount),
        )

    def margin(self, basket: Floats) -> Floats:
        """Return expected margin per week in EUR, net of returns in that week."""
        baskets = self.rate * basket[:, None]
        sold = baskets * (1 - self.discount - COST_SHARE) - self.rate * FULFILMENT
        returned = baskets * (COST_RECOVERED * COST_SHARE - (1 - self.discount))
        return _with_returns(sold, returned)


def _with_returns(sold: Floats, returned: Floats) -> Floats:
    total = sold.copy()
    for lag, probability in RETURN_LAG_PROBABILITY.items():
        total[:, lag:] += RETURN_PROBABILITY * probability * returned[:, :-lag]
    return total


def economics(state: ShopState, memories: dict[str, Floats]) -> Economics:
    """Return the rate of orders and their discount, given the memories of behaviours."""
    shape = next(iter(memories.values())).shape
    log_rate = np.zeros(shape)
    discount = np.zeros(shape)
    if state.effects:
        for name, effect in EFFECTS.items():
            response = effect.response(memories[name])
            log_rate += effect.strength * response
            if name == "coupon_use":
                discount += DISCOUNT * response
    rate = state.order_rate[:, None] * state.season[None, :] * np.exp(log_rate) * state.active
    return Economics(rate=rate, discount=discount)
