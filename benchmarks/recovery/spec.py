"""What a world is made of: behaviours, how they act, what stays with a customer."""

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
