"""What one more event of each driver would bring in all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OpportunityRow:
    """What it would bring to raise one driver by one event where it pays.

    Attributes
    ----------
    n_entities : int
        Customers for whom one more event has a positive gain on the response curve, below its
        saturation point and optimum.
    n_best : int
        Those for whom no other driver has a larger gain.
    gain, low, high : float
        In currency over the outcome window, net of the cost of serving, with its 95% interval.
    evidence : {"observational", "experiment"}
    sentence : str
    """

    behaviour: str
    label: str
    n_entities: int
    n_best: int
    gain: float
    low: float
    high: float
    evidence: str
    sentence: str


@dataclass(frozen=True)
class Opportunity:
    """The drivers, the largest gain first; and the gain of the best one for each customer.

    Attributes
    ----------
    n_entities : int
        Customers there were at `as_of`.
    n_acted : int
        Customers for whom one more event of a driver has a gain.
    gain, low, high : float or None
        If each of them does one more event of the own best driver.
    as_of : str
        The day before which events were counted, ISO 8601.
    counted : int or None
        Customers whose events were counted, if these are a sample that was scaled to all.
    sentence : str
    """

    n_entities: int
    rows: tuple[OpportunityRow, ...] = ()
    n_acted: int = 0
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    notes: tuple[str, ...] = ()
    as_of: str = ""
    counted: int | None = None
    sentence: str = ""
