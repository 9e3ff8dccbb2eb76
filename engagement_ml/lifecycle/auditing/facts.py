"""What an audit decides on: measures of the score and of what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engagement_ml.evaluation.bootstrap import rounded


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Mapping[str, float] | None) -> Estimate | None:
        """Read an interval of ``evaluation.json``; None if it is not defined.

        Examples
        --------
        >>> Estimate.of({"value": 0.3, "low": 0.2, "high": 0.4})
        Estimate(value=0.3, low=0.2, high=0.4)
        """
        return None if interval is None else cls(**interval)

    @property
    def all(self) -> tuple[float, float, float]:
        """Value, low and high."""
        return self.value, self.low, self.high


@dataclass(frozen=True)
class Measured:
    """One score, measured; or one score minus another.

    Attributes
    ----------
    predicts : Estimate or None
        Rank correlation with future margin, between customers.
    moves : Estimate or None
        Rank correlation of a customer's change of score with the change of margin after it.
    top_margin : Estimate or None
        Mean margin of the tenth with the highest scores, in currency.
    beyond_rfm : Estimate or None
        Rank correlation with margin given recency, frequency and monetary value.
    """

    predicts: Estimate | None
    moves: Estimate | None
    top_margin: Estimate | None = None
    beyond_rfm: Estimate | None = None

    @classmethod
    def of(cls, measured: Mapping[str, Any]) -> Measured:
        """Read a contestant, a baseline or a difference of ``evaluation.json``."""
        across, within = measured["across"] or {}, measured["within"] or {}
        return cls(
            Estimate.of(across.get("spearman")),
            Estimate.of(within.get("spearman")),
            Estimate.of(across.get("top_decile_margin")),
            Estimate.of(across.get("beyond_rfm")),
        )


@dataclass(frozen=True)
class Behaviour:
    """A behaviour and what the driver search says of it.

    Attributes
    ----------
    name, label : str
        Event type, and its name for people.
    weight : float or None
        Its points in the score or the metric.
    verdict : str
        The driver search's verdict; ``""`` if the behaviour is not in the data.
    effect : Estimate or None
        What one more event is worth, in currency.
    reason : str
        The sentence behind the verdict.
    """

    name: str
    label: str
    weight: float | None
    verdict: str
    effect: Estimate | None
    reason: str


@dataclass(frozen=True)
class Facts:
    """What an audit decides on.

    Attributes
    ----------
    name : str
        The name of the score.
    entity, currency : str
    outcome_days : int
        Days of margin that count.
    customers, of : int
        Customers that are compared, and customers at these cutoffs.
    cutoffs : tuple of str
        ISO dates.
    pairs : tuple of (str, str)
        The cutoffs between which changes are measured.
    score : Measured
    others : mapping of str to Measured
        The baselines and, under ``metric``, the metric of a few behaviours.
    leads : mapping of str to Measured
        The score minus each of `others`.
    mean_margin : float or None
        Mean margin of all customers that are compared.
    score_dates : int or None
        Days with scores; None if the score is computed from events.
    age_days : float or None
        Median age of the scores at the cutoffs.
    unchanged : float or None
        The share of customers whose score is the same at all cutoffs.
    columns : mapping of str to Measured
        Parts of the score that are columns of numbers.
    column_leads : mapping of str to Measured
        Each of `columns` minus recency-frequency-monetary.
    behaviours : tuple of Behaviour
        Parts of the score that are behaviours.
    instead : tuple of Behaviour
        The behaviours of the metric.
    instead_reason : str
        Why there is no metric; ``""`` if there is one.
    indicator : bool
        Whether the metric is an indicator.
    best_single : str
        The best single behaviour; ``""`` without one.
    out_of_time : str
        A sentence on whether the outcomes had been seen.
    notes : tuple of str
        What was dropped or assumed.
    """

    name: str
    entity: str
    currency: str
    outcome_days: int
    customers: int
    of: int
    cutoffs: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    score: Measured
    others: Mapping[str, Measured]
    leads: Mapping[str, Measured]
    mean_margin: float | None = None
    score_dates: int | None = None
    age_days: float | None = None
    unchanged: float | None = None
    columns: Mapping[str, Measured] = field(default_factory=dict)
    column_leads: Mapping[str, Measured] = field(default_factory=dict)
    behaviours: tuple[Behaviour, ...] = ()
    instead: tuple[Behaviour, ...] = ()
    instead_reason: str = ""
    indicator: bool = False
    best_single: str = ""
    out_of_time: str = ""
    notes: tuple[str, ...] = ()


def mean_margin(across: Mapping[str, Any] | None) -> float | None:
    """Return the mean margin of all customers, from a score's top tenth and its lift.

    Examples
    --------
    >>> mean_margin({"top_decile_margin": {"value": 90.0}, "top_decile_lift": {"value": 3.0}})
    30.0
    """
    top, lift = ((across or {}).get(key) for key in ("top_decile_margin", "top_decile_lift"))
    if not top or not lift or not lift["value"]:
        return None
    return rounded(top["value"] / lift["value"])
