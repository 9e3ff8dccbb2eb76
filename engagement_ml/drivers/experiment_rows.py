"""Typed rows of randomised tests: planned ones, and the results of those that were run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedTest:
    """Sample size of a randomised test with 80% power for one more event each."""

    behaviour: str
    label: str
    effect: float
    sd: float
    increase: float
    n_per_arm: int
    total: int


@dataclass(frozen=True)
class ExperimentSegment:
    """A randomised test's lift in one segment, and its difference from the rest."""

    segment: str
    value: str
    n_treated: int
    n_control: int
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p_value: float | None


@dataclass(frozen=True)
class ExperimentRow:
    """A randomised test, the verdict it led to, and what observation had said."""

    behaviour: str
    name: str
    source: str | None
    days: int
    n_treated: int
    n_control: int
    mean_control: float | None
    lift: float
    lift_low: float | None
    lift_high: float | None
    p_value: float | None
    events: float | None
    events_low: float | None
    events_high: float | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    by_segment: tuple[ExperimentSegment, ...]
    same_in_segments: Mapping[str, float | None]
    label: str
    cost_per_event: float
    verdict: str
    observed_verdict: str
    observed_effect: float | None
    observed_effect_low: float | None
    observed_effect_high: float | None


@dataclass(frozen=True)
class Experiments:
    """Randomised tests that are still to be run, and results of those that were."""

    plan: tuple[PlannedTest, ...] = ()
    results: tuple[ExperimentRow, ...] = ()
