"""What a preset's simulation is described by: behaviours, effects, economy and flows, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.datasets.presets.world import World

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Counts = dict[str, npt.NDArray[Any]]
"""Events by week of each behaviour, shape (n, weeks)."""


@dataclass(frozen=True)
class Effect:
    """Effect of a behaviour on purchases, or on the hazard of cancelling.

    ``strength · g(memory)`` is added to the log rate of purchases, or subtracted from the log
    hazard of cancelling, with ``g(m) = s (1 − exp(−m / s))``.

    Attributes
    ----------
    strength : float
    kept_weekly : float
        Share of the memory of past events that remains after a week, 0 to 1.
    saturation : float
        Limit s of the response, in events.
    discount : float
        Share of the price that is given away for each unit of the response.
    """

    strength: float
    kept_weekly: float = 0.88
    saturation: float = 4.0
    discount: float = 0.0

    def response(self, memory: Floats) -> Floats:
        """Return ``g(m)``: slope 1 at 0, bounded by ``s``."""
        return np.asarray(-self.saturation * np.expm1(-memory / self.saturation))


@dataclass(frozen=True)
class Behaviour:
    """Rate of one behaviour, and the columns of its events.

    Attributes
    ----------
    name, role : str
        The true role: ``driver``, ``harmful``, ``vanity`` or ``inert``.
    per_week : float
        Events per week of an average customer.
    affinity : float
        Exponent of the customer's hidden affinity.
    level_std, wave_std : float
        Standard deviations on the log scale of the customer's level and of its slow waves.
    growth : float
        Growth of the rate in a year, on the log scale, the same for all customers.
    effect : Effect or None
    channels : mapping of str to float
        Channels and their shares.
    direction : str
    objects, sections : tuple of str
        Values of the columns ``object`` and ``section``, equally likely; empty is null.
    value, seconds : float or None
        Typical value and duration of an event.
    in_session : bool
        Whether events are parts of sessions.
    newcomers : float
        Factor of the rate in the customer's first eight weeks.
    """

    name: str
    role: str
    per_week: float
    affinity: float = 0.3
    level_std: float = 0.4
    wave_std: float = 0.4
    growth: float = 0.0
    effect: Effect | None = None
    channels: Mapping[str, float] = field(default_factory=lambda: {"web": 1.0})
    direction: str = "inbound"
    objects: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    value: float | None = None
    seconds: float | None = None
    in_session: bool = True
    newcomers: float = 1.0


@dataclass(frozen=True)
class Purchases:
    """Money comes with purchases: Poisson with rate ``per_week`` of an average customer.

    Attributes
    ----------
    per_week, amount : float
        Purchases of an average customer, and their mean revenue at full price.
    cost_share, fixed_cost : float
        Cost as a share of the full price, and of each purchase.
    affinity : float
        Exponent of the hidden affinity in the rate.
    refund_share : float
        Share of purchases that are paid back two to four weeks later.
    products, channels : mapping of str to float
        Names and their shares.
    """

    per_week: float
    amount: float
    cost_share: float = 0.55
    fixed_cost: float = 2.0
    affinity: float = 0.6
    refund_share: float = 0.05
    products: Mapping[str, float] = field(default_factory=dict)
    channels: Mapping[str, float] = field(default_factory=lambda: {"web": 1.0})


@dataclass(frozen=True)
class Subscription:
    """Money comes with monthly fees until the customer cancels.

    Attributes
    ----------
    hazard : float
        Probability that an average customer without any effect cancels in a week.
    plans, plan_shares : mapping of str to float
        Monthly fee of each plan, and how likely it is.
    cost_share : float
        Cost as a share of the fee.
    affinity : float
        Exponent of the hidden affinity by which the hazard falls.
    trial_weeks : int
        Length of the trial with which a newcomer begins; 0 without trials.
    trial_logit : float
        Log odds that a trial of an average customer becomes a subscription.
    refund_share : float
        Share of fees that are paid back.
    subscribed, cancelled : str
        Event types: subscription begun and cancelled.
    started, closed : str or None
        Event types: trial started, and account closed, which follows both a trial that becomes no
        subscription and a cancellation; None without trials.
    """

    hazard: float
    plans: Mapping[str, float]
    plan_shares: Mapping[str, float]
    cost_share: float = 0.3
    affinity: float = 0.5
    trial_weeks: int = 1
    trial_logit: float = 0.3
    refund_share: float = 0.01
    subscribed: str = "subscribed"
    cancelled: str = "subscription_cancelled"
    started: str | None = "trial_started"
    closed: str | None = "account_closed"


class Flow(Protocol):
    """Events that follow from others, from purchases or from entry, and do not move margin."""

    def events(self, world: World, logs: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
        """Return a log for each event type; `logs` holds the events so far, by event type."""


@dataclass(frozen=True)
class Survey:
    """A survey: sent at regular times, or after an event, and answered by some.

    Attributes
    ----------
    name, scale : str
        Such as ``nps`` and ``0-10``.
    after : str or None
        Event type after which it is sent; None sends it every `every_weeks` weeks.
    share : float
        Share of customers, or of events, that it is sent to.
    touchpoint : str
    centre, spread, affinity, growth : float
        Mean and standard deviation of the score, and how it rises with the hidden affinity and in
        a year.
    answers : float
        Log odds that an average customer answers; it rises by half of the affinity.
    """

    name: str
    scale: str
    centre: float
    spread: float
    after: str | None = None
    every_weeks: int = 13
    share: float = 0.6
    touchpoint: str = "relationship"
    affinity: float = 0.8
    growth: float = 0.0
    answers: float = -0.4


@dataclass(frozen=True)
class Description:
    """All that a preset is simulated from.

    Attributes
    ----------
    name : str
    economy : Purchases or Subscription
    behaviours : tuple of Behaviour
    flows : tuple of Flow
    surveys : tuple of Survey
    acquired_by : mapping of str to float
        Campaigns and other ways by which customers come, and their shares.
    columns : mapping of str to mapping of str to float
        Text columns of the customers table: values and their shares.
    looks_good : tuple of str
        Measures of the preset's definition that look good and do not move margin.
    linked : tuple of str
        Measures of the preset's definition that are made of drivers.
    newcomers : float
        Share of customers who enter during the history.
    wave_memory : float
        Share of a customer's slow wave that remains after a week.
    n_customers : int
        Customers in the preset's data set.
    """

    name: str
    economy: Purchases | Subscription
    behaviours: tuple[Behaviour, ...]
    flows: tuple[Flow, ...]
    surveys: tuple[Survey, ...]
    acquired_by: Mapping[str, float]
    columns: Mapping[str, Mapping[str, float]]
    looks_good: tuple[str, ...]
    linked: tuple[str, ...]
    newcomers: float = 0.4
    wave_memory: float = 0.9
    n_customers: int = 1500
