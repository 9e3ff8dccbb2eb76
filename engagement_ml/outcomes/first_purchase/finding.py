"""The evidence on one behaviour's effect on the first purchase: numbers, no text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.outcomes.first_purchase.timing import Rise

FailedCheck = Literal[
    "placebo series", "negative controls", "flexible controls", "persistence", "long before"
]


@dataclass(frozen=True)
class Naive:
    """A count's association with buying between prospects.

    Attributes
    ----------
    slope : float
        Log hazard ratio per event, given age and calendar time only.
    z : float
    """

    slope: float
    z: float


@dataclass(frozen=True)
class Finding:
    """The evidence on one behaviour.

    Attributes
    ----------
    size : WindowEffect
        Percentage points of the chance to buy within the outcome window, for one more event.
    z : float
        Of events before the days of preparation, without the common state.
    uncorrected_z : float
        The same with it.
    half_z : (float, float)
        In random halves of the prospects.
    close : (float, float)
        Mean log hazard ratio of events in the days of preparation, and its standard error.
    largest : float
        Largest log hazard ratio of an event before these days.
    ratio : (float, float, float)
        Hazard ratio of one event, mean of its four weeks, with its interval.
    rises : (Rise, Rise)
        Of the chance to buy before an event, as the other behaviours predict it, and as all do.
    loading : float or None
        On the common state; None if there is none.
    frequency : float
        Share of bootstrap samples in which it passes.
    naive : Naive
    std : float
        Standard deviation of the count over all lags.
    n_others : int
        Other behaviours that are there.
    min_effect : float
        Smallest effect of interest of one standard deviation, in percentage points.
    failed : tuple of str
        Checks that object.
    converged : bool
    """

    behaviour: str
    role: str
    size: WindowEffect
    z: float
    uncorrected_z: float
    half_z: tuple[float, float]
    close: tuple[float, float]
    largest: float
    ratio: tuple[float, float, float]
    rises: tuple[Rise, Rise]
    loading: float | None
    frequency: float
    naive: Naive
    std: float
    n_others: int
    min_effect: float
    failed: tuple[FailedCheck, ...] = ()
    converged: bool = True

    @property
    def close_z(self) -> float:
        """The z of the events in the days of preparation."""
        return self.close[0] / self.close[1] if self.close[1] > 0 else 0.0
