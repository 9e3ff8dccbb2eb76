"""Specification of a daily simulation: behaviours, effects, policies and orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Path = Literal["orders", "basket", "ratio", "hazard"]
Reaction = Literal["inactive", "busy", "decline"]

WINDOW = 84  # days of the observation window, and of the outcome window
BURN = 84  # days that are simulated before the data start, so that states are stationary
AHEAD = 60  # days of hidden states after the end, for behaviours that precede them


@dataclass(frozen=True, eq=False)
class Act:
    """One effect of a behaviour.

    Attributes
    ----------
    path : what it changes: order rate, basket, margin ratio or hazard of leaving
    kernel : weight of an event by its age, from one day on; the weighted sum is the stock
    strength : relative change per unit of stock, one number or one per customer
    curvature : minus the coefficient of the squared stock; above 0 the response turns
    """

    path: Path
    kernel: Array
    strength: float | Array
    curvature: float | Array | None = None


@dataclass(frozen=True)
class Ride:
    """Loading of a log rate on a hidden state, `lead` days ahead of it."""

    state: int
    loading: float
    lead: int = 0


@dataclass(frozen=True)
class Policy:
    """Daily chance that the company acts on a customer who is in a state.

    Attributes
    ----------
    on : `inactive` for 21 days, `busy` (visits within a week), or in `decline` (a hidden state)
    chance : per day, while in the state
    pause : days without another action
    watched : behaviours that count as activity or visits
    limit : visits within a week from which a customer is busy
    state : hidden state of a decline
    """

    on: Reaction
    chance: float
    pause: int = 14
    watched: tuple[int, ...] = ()
    limit: int = 5
    state: int = 0


@dataclass(frozen=True, eq=False)
class Behaviour:
    """One event type.

    Attributes
    ----------
    role : the verdict if its effects exist: driver, harmful, vanity, inert or consequence
    rate : mean events per day
    shape : shape of the gamma distribution of individual rates
    affinity, season : loadings of the log rate
    wave_std, wave_memory : its own variation within customers, and the memory of that in days
    rides : loadings on hidden states
    share : share of customers who use it at all
    per_order, order_lag : events that follow an order, and their mean delay in days
    feedback : relative increase of the rate per recent order
    parent, per_parent, parent_kernel : events that follow those of another behaviour
    policy : the company's rule that creates the events
    outbound : whether the company is the one who acts
    tracked : share of events that are logged, (T,) or (T, n); above 1, events are logged twice
    """

    name: str
    role: str
    rate: float
    shape: float = 1.5
    affinity: float = 0.0
    season: float = 0.3
    wave_std: float = 0.5
    wave_memory: float = 20.0
    rides: tuple[Ride, ...] = ()
    share: float = 1.0
    per_order: float = 0.0
    order_lag: float = 1.5
    feedback: float = 0.0
    parent: int | None = None
    per_parent: float = 0.0
    parent_kernel: Array | None = None
    policy: Policy | None = None
    outbound: bool = False
    tracked: Array | None = None
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True)
class Orders:
    """Orders, baskets, margins and, for subscribers, the hazard of leaving.

    Rates and hazards are per day, amounts in currency. A `habit` is the number of later orders that
    an order causes. `notice` is the range of days between the
    decision to leave and the end; without a `hazard`, nobody leaves.
    """

    rate: float = 0.05
    shape: float = 2.0
    affinity: float = 0.5
    season: float = 1.0
    rides: tuple[Ride, ...] = ()
    basket: float = 60.0
    basket_sigma: float = 0.6
    size_sigma: float = 0.4
    ratio: float = 0.35
    return_share: float = 0.05
    return_loss: float = 0.8
    habit: float = 0.0
    habit_kernel: Array | None = None
    fee: float = 0.0
    hazard: float = 0.0
    hazard_affinity: float = 0.5
    hazard_rides: tuple[Ride, ...] = ()
    notice: tuple[int, int] = (0, 0)
    fading: float = 1.0  # share of the usual activity at the end of the notice period


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is fixed before the first day."""

    behaviours: tuple[Behaviour, ...]
    orders: Orders
    affinity: Array  # (n,)
    entry: NDArray[np.int64]  # (n,) day, counted from the start of the simulation
    season: Array  # (T,) log scale
    hidden: tuple[Array, ...]  # (T + AHEAD, n) each
    planned: Array | None  # (T, n) orders that come anyway
    order_scale: Array | None  # (T, n) or (T, 1) factor on the order rate
    segments: dict[str, NDArray[np.object_]]
    declared_segments: tuple[str, ...]
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    unmeasured: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(b.name for b in self.behaviours)

    @property
    def n_days(self) -> int:
        """Simulated days, those before the data included."""
        return int(self.season.size)
