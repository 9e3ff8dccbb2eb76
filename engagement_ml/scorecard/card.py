"""What a scorecard holds: plain, frozen values that the page, the files and notebooks read.

Values of measures are in the measure's unit: a percentage is from 0 to 100. Numbers are None where
there is no data; the note beside says why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engagement_ml.scorecard.measure_card import (
    Benchmark,
    Link,
    LinkKind,
    MeasureCard,
    Status,
    Trend,
    Value,
)
from engagement_ml.scorecard.teams import TeamCard

__all__ = [
    "Action",
    "Benchmark",
    "Change",
    "CohortTable",
    "EngagedBuying",
    "GoalCard",
    "Link",
    "LinkKind",
    "MeasureCard",
    "ScoreCard",
    "Scorecard",
    "SegmentCard",
    "StageCard",
    "Status",
    "SurveyCard",
    "TeamCard",
    "Trend",
    "Value",
]


@dataclass(frozen=True)
class ScoreCard:
    """The engagement metric on the scorecard.

    `series` is the mean score of customers by period; `margin` is what the change of the metric
    since the period before is worth in margin per customer, None if there is no metric; `reason`
    says why there is none. `behaviours` maps names to weights.
    """

    name: str
    evidence: str
    behaviours: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Value] = field(default_factory=dict)
    trend: Trend = field(default_factory=Trend)
    margin: Value = field(default_factory=Value)
    reason: str | None = None


@dataclass(frozen=True)
class EngagedBuying:
    """Customers by engaged or not × bought or not, in one period.

    `cells` has the keys ``engaged bought``, ``engaged not bought``, ``other bought`` and ``other
    not bought``, each with ``customers`` and ``margin``. `limit` is the score from which a
    customer is engaged.
    """

    period: str
    limit: float
    cells: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class GoalCard:
    """How far a goal is: `done` is the share of the way from `start` to `target`, None if unknown.

    `status` is ``reached``, ``on track``, ``behind``, ``missed``, ``not begun`` or ``no data``.
    """

    name: str
    measure: str
    target: float
    first: Value
    latest: Value
    start: dt.date
    end: dt.date
    done: float | None
    time_gone: float
    status: str
    sentence: str
    campaign: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class StageCard:
    """A stage of the journey, with the names of its measures and the stage it leads to.

    `matrix` maps measure to touchpoint to value: the row of the stage in stage × touchpoint.
    """

    name: str
    title: str
    measures: tuple[str, ...] = ()
    warning_signs: tuple[str, ...] = ()
    owner: str | None = None
    leads_to: str | None = None
    matrix: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What changed since the last review.

    `low` and `high` are the change's 95% interval. `beyond_noise` allows for the number of measures
    (Holm): an interval that excludes 0 only just is noise if many measures are looked at.
    """

    measure: str
    before: Value
    after: Value
    change: float
    low: float | None
    high: float | None
    beyond_noise: bool
    good: bool | None
    sentence: str


@dataclass(frozen=True)
class SurveyCard:
    """A survey: what its score has to do with margin, and who answers.

    Attributes
    ----------
    survey : str
    answers, people : int
    evidence : tuple of mapping
        One for each form of the score (``last``, ``change``, ``promoter``, ``detractor``): its
        ``verdict``, ``effect`` with ``low`` and ``high`` in currency, ``reason``, ``more_answers``
        (how many more people with two answers would tell; None if not known), and ``adds`` (what
        it adds to a forecast of margin beyond behaviour, with interval).
    response : mapping
        ``rate``, and ``differences``: what those who answer differ in from those who don't.
    before_detraction : tuple of mapping
        Behaviours in the weeks before a customer turned detractor, compared with the same
        customer's weeks before: ``behaviour``, ``ratio``, ``low``, ``high``, ``weeks``.
    comments : mapping of segment to tuple of mapping
        Newest first: ``customer_id``, ``date``, ``score``, ``comment``.
    notes : tuple of str
    """

    survey: str
    answers: int
    people: int
    evidence: tuple[Mapping[str, Any], ...] = ()
    response: Mapping[str, Any] = field(default_factory=dict)
    before_detraction: tuple[Mapping[str, Any], ...] = ()
    comments: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SegmentCard:
    """Segments by behaviour: each with a name, size, margin, score and what sets it apart.

    `segments` is empty and `reason` says why where resampling disagrees. Each segment has ``name``,
    ``customers``, ``share``, ``margin`` and ``score`` (`Value`), and ``apart`` (behaviour → ratio
    to the mean of all).
    """

    stability: float | None = None
    segments: tuple[Mapping[str, Any], ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class CohortTable:
    """A table of cohorts by age, for a heat map.

    `by` is ``entry`` or ``campaign``; `quantity` is ``retention`` (percent), ``margin`` (currency
    per customer of the cohort) or ``score``. `cells` has a row for each cohort, and a value for
    each age in periods; None where the age is not reached yet, or there are too few customers.
    `counts` has the customers behind each cell, `period` is the unit of age. In a cohort by
    campaign, older ages hold the earlier customers only.
    """

    by: str
    quantity: str
    cohorts: tuple[str, ...]
    sizes: tuple[int, ...]
    ages: tuple[int, ...]
    cells: tuple[tuple[float | None, ...], ...]
    counts: tuple[tuple[int, ...], ...] = ()
    period: str = "month"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    """Something for an owner to act on.

    `kind` is ``missed`` (a threshold), ``customers`` (to act on, with reasons) or ``stop``.
    `customers` has ``customer_id``, ``reason`` and other columns, at most 20 rows.
    """

    owner: str
    kind: Literal["missed", "customers", "stop"]
    title: str
    sentence: str
    measure: str | None = None
    customers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Scorecard:
    """All of a scorecard.

    `facts` are the executive's at most seven numbers: each ``title``, ``text`` (the number as
    people read it), ``sentence``, ``tone`` (``good``, ``bad`` or ``plain``). `contestants` are
    scores by hand beside the metric: ``name``, ``predicts`` and ``moves`` with intervals,
    ``verdict`` and ``sentence``. `teams` is None without a team in the table of links.
    """

    name: str
    entity: str
    currency: str
    as_of: dt.date
    periods: tuple[str, ...]
    measures: tuple[MeasureCard, ...]
    score: ScoreCard | None = None
    engaged_buying: EngagedBuying | None = None
    facts: tuple[Mapping[str, str], ...] = ()
    goals: tuple[GoalCard, ...] = ()
    stages: tuple[StageCard, ...] = ()
    since: dt.date | None = None
    changes: tuple[Change, ...] = ()
    surveys: tuple[SurveyCard, ...] = ()
    segments: SegmentCard = SegmentCard()
    cohorts: tuple[CohortTable, ...] = ()
    teams: TeamCard | None = None
    actions: tuple[Action, ...] = ()
    contestants: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    version: str = ""

    def measure(self, name: str) -> MeasureCard:
        """Return a measure by its name."""
        return next(each for each in self.measures if each.name == name)
