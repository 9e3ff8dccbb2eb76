"""Specification of a simulated data set: behaviours, causal effects and customer traits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Via = Literal["orders", "basket", "additive", "ratio", "returns", "empty", "renewal"]
Source = Literal["own", "orders", "lapse", "part"]


@dataclass(frozen=True)
class Act:
    """One causal path from a behaviour to margin.

    Attributes
    ----------
    via : the quantity that the behaviour changes
    kernel : weight of an event by its age in weeks; the weighted sum of counts is the stock
    strength : change per unit of stock
    saturation : scale of an exponential saturation, in multiples of the mean stock; None is linear
    until : the effect ends after this share of the history
    segment : index of the only segment in which the effect exists
    partner : the behaviour without which there is no effect (interaction)
    """

    via: Via
    kernel: tuple[float, ...]
    strength: float = 1.0
    saturation: float | None = None
    until: float | None = None
    segment: int | None = None
    partner: str | None = None


@dataclass(frozen=True)
class Behaviour:
    """One event type: its rate, its causes, its effects and its true verdict.

    Attributes
    ----------
    truth : the true verdict
    rate : mean events per week
    affinity, season, interest : loadings on the log rate
    level_std : standard deviation of the customer's constant log level
    wave_std, wave_persistence : standard deviation and AR(1) coefficient of the customer's
        variation over time, which is independent of purchases
    source : "own" (the customer), "orders" (follows purchases), "lapse" (follows their absence)
        or "part" (a share of the events of `parent`)
    feedback : relative increase of the rate per recent order
    standardised_effect : target effect of one standard deviation of the window count, as a signed
        share of mean margin
    cost_ratio : cost of serving an event, as a multiple of its gross effect
    """

    name: str
    truth: str
    rate: float
    affinity: float = 0.0
    level_std: float = 0.5
    wave_std: float = 0.6
    wave_persistence: float = 0.9
    season: float = 0.0
    interest: float = 0.0
    source: Source = "own"
    parent: str | None = None
    feedback: float = 0.0
    acts: tuple[Act, ...] = ()
    standardised_effect: float = 0.0
    cost_ratio: float = 0.0


@dataclass(frozen=True)
class Spec:
    """Parameters of one simulation; amounts in currency, rates per week, windows in weeks."""

    behaviours: tuple[Behaviour, ...]
    order_rate: float = 0.4
    basket: float = 60.0
    basket_sigma: float = 0.6
    size_sigma: float = 0.4
    affinity_orders: float = 0.5
    affinity_basket: float = 0.2
    ratio: float = 0.35
    ratio_sigma: float = 0.0
    order_cost: float = 0.0
    return_share: float = 0.04
    return_loss: float = 0.45
    season: float = 0.15
    local_season: bool = False
    interest: float = 0.0
    interest_persistence: float = 0.93
    habit: float = 0.0
    habit_persistence: float = 0.75
    missing_share: float = 0.0
    late_entry_share: float = 0.4
    segments: tuple[str, ...] = ("north", "south", "west")
    segment_column: str = "region"
    subscription: bool = False
    fee: float = 20.0
    churn: float = 0.10
    affinity_churn: float = 0.6
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
    """Customer traits, and the seasonal and latent components of demand."""

    affinity: Array
    size: Array
    ratio: Array
    segment: NDArray[np.int64]
    entry: NDArray[np.int64]
    season: Array  # (n, T), log scale
    interest: Array  # (n, T), log scale; zero without latent interest
