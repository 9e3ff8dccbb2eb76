"""What customers, history and variation allow: the smallest effect that training would find."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.formatting import percent, plural

Z_POWER = 0.84
"""Quantile of the normal distribution for a power of 80%."""
LIMIT = THRESHOLDS.min_z + Z_POWER
"""Standard errors in the smallest effect that four of five runs find."""
MODEL_FACTOR = 1.3
"""Intervals after training relative to those of the plain regression: the median of two shops.

Responses of drivers are nonlinear, and corrections and model errors widen intervals.
"""
LARGEST_SHARE = 0.5
"""Effect of one standard deviation, as a share of mean margin, that no behaviour will exceed."""


@dataclass(frozen=True)
class BehaviourVariation:
    """What training can find out about one behaviour.

    Attributes
    ----------
    behaviour, role : str
    events : int
        Usable events.
    customers_share : float or None
        Share of the customers with at least one event; None if it was not measured.
    varying_share : float or None
        Share of the customers whose count differs between observation windows that do not overlap.
    deviation : float
        Standard deviation of the count per observation window.
    standard_error : float or None
        Predicted standard error of the effect of one event, in currency; None if there is no
        variation within customers.
    smallest_effect : float or None
        Smallest effect of one event that is found in four of five runs, in currency.
    smallest_share : float or None
        The same for one standard deviation, as a share of mean margin per outcome window.
    reachable : bool
        Whether an effect of a size that occurs can reach the verdict ``driver`` or ``harmful``.
    advice : str
        What would make it reachable, or let it find what is worth finding; empty if nothing is
        needed.
    """

    behaviour: str
    role: str
    events: int
    customers_share: float | None
    varying_share: float | None
    deviation: float
    standard_error: float | None
    smallest_effect: float | None
    smallest_share: float | None
    reachable: bool
    advice: str


@dataclass(frozen=True)
class Variation:
    """The variation within customers, and what it allows.

    Attributes
    ----------
    customers : int
        All customers with an event or a transaction, or known from their sign-up.
    trained_on : int
        Those that training would use; see ``sample.customers``.
    measured_on : int
        Those whose variation was measured; 0 if it was approximated from a sample of rows.
    buyers, repeat_buyers : int or None
        Of these, customers with margin in a period, and in several.
    periods, period_days : int
        Number of periods for fitting, and their length.
    mean_margin : float
        Mean margin per customer and outcome window, in currency.
    smallest_interest : float
        ``select.smallest_effect`` in currency: for one standard deviation of a count.
    obstacle : str or None
        Why no effect can be estimated.
    churned : int or None
        Customers with the churn event, if churn is an event.
    hazard_ratio : float or None
        Smallest hazard ratio of churn per standard deviation that is found, if churn is an event.
    behaviours : tuple of BehaviourVariation
    """

    customers: int
    trained_on: int
    measured_on: int
    buyers: int | None
    repeat_buyers: int | None
    periods: int
    period_days: int
    mean_margin: float
    smallest_interest: float
    obstacle: str | None
    churned: int | None
    hazard_ratio: float | None
    behaviours: tuple[BehaviourVariation, ...]


def advice_on(share: float | None, fitted: bool, measurable: bool, config: PipelineConfig) -> str:
    """Return what a verdict needs; a standard error falls with the root of the customers."""
    if not fitted:
        return ""
    if not measurable:
        return "its count does not change within customers; record it more finely, or test it"
    if share is None:
        return ""
    many = plural(config.entity)
    if share > LARGEST_SHARE:
        times = (share / LARGEST_SHARE) ** 2
        return (
            f"only an effect above {percent(share)} of mean margin would be found; about "
            f"{_times(times)} the {many} in training or the history, or a randomised test, "
            "would reach a verdict"
        )
    interest = config.select.smallest_effect
    if interest and share > interest:
        times = (share / interest) ** 2
        return (
            f"effects between {percent(interest, 1)} and {percent(share, 1)} of mean margin stay "
            f"unverifiable; {_times(times)} the {many} or history would find them"
        )
    return ""


def _times(factor: float) -> str:
    return f"{factor:.1f} times" if factor < 10 else f"{factor:,.0f} times"
