"""What a scorecard holds: plain, frozen values that the page, the files and notebooks read.

Values of measures are in the measure's unit: a percentage is from 0 to 100. Numbers are None where
there is no data; the note beside says why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["met", "warning", "missed", "no data", "no target"]
LinkKind = Literal[
    "linked", "harmful", "vanity", "consequence", "no effect", "unverifiable", "mixed", "none"
]
"""``mixed``: its behaviours have different verdicts, which `Link.sentence` names. ``none``: the
measure is made of no behaviour and no survey, so no verdict says anything of it."""


@dataclass(frozen=True)
class Value:
    """A number with its 95% interval; `n` is the people behind it."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    numerator: float | None = None
    denominator: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Trend:
    """Theil-Sen slope in the measure's unit per period; None with fewer than 4 periods.

    `direction` is ``up`` or ``down`` only if the interval excludes 0, else ``flat``; `good` says
    whether that is the better direction, None if flat or if the measure has no direction.
    """

    slope: float | None = None
    low: float | None = None
    high: float | None = None
    periods: int = 0
    direction: Literal["up", "down", "flat", "unknown"] = "unknown"
    good: bool | None = None


@dataclass(frozen=True)
class Link:
    """What a measure has to do with margin.

    `behaviours` maps each event type or survey value that it is made of to its verdict; `sentence`
    says it to people and, where the data cannot tell, what would.
    """

    kind: LinkKind = "none"
    behaviours: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""


@dataclass(frozen=True)
class Benchmark:
    """A value from outside."""

    value: float
    source: str
    date: dt.date


@dataclass(frozen=True)
class MeasureCard:
    """One measure on the scorecard.

    Attributes
    ----------
    name, title, unit, formula : str
    better : {"more", "less"} or None
    stage, owner : str or None
    period : str or None
        Label of the last period with a value.
    latest : Value
        In that period, all customers.
    series : mapping of period label to Value
    touchpoints : mapping of touchpoint to Value
        In the last period.
    segments : mapping of segment column to mapping of group to Value
        In the last period.
    target, warning : float or None
    target_source : str
        Where the target comes from, such as the name of a preset; empty if configured.
    status : Status
    trend : Trend
    link : Link
    benchmarks : tuple of Benchmark
    absent : str or None
        What the tables lack: completes "needs …".
    notes : tuple of str
    """

    name: str
    title: str
    unit: str
    formula: str = ""
    better: str | None = None
    stage: str | None = None
    owner: str | None = None
    period: str | None = None
    latest: Value = Value()
    series: Mapping[str, Value] = field(default_factory=dict)
    touchpoints: Mapping[str, Value] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    target: float | None = None
    warning: float | None = None
    target_source: str = ""
    status: Status = "no target"
    trend: Trend = Trend()
    link: Link = Link()
    benchmarks: tuple[Benchmark, ...] = ()
    absent: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScoreCard:
    """The engagement metric on the scorecard.

    `series` is the mean score of customers by period; `margin` is the margin per customer that
    goes with the change of the metric since the period before, None if there is no metric;
    `reason` says why there is none. `behaviours` maps names to weights.
    """

    name: str
    evidence: str
    behaviours: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Value] = field(default_factory=dict)
    trend: Trend = Trend()
    margin: Value = Value()
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
    ``verdict`` and ``sentence``.
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
    actions: tuple[Action, ...] = ()
    contestants: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    version: str = ""

    def measure(self, name: str) -> MeasureCard:
        """Return a measure by its name."""
        return next(each for each in self.measures if each.name == name)
