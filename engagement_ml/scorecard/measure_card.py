"""One measure on the scorecard: its values, trend, link and benchmarks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
