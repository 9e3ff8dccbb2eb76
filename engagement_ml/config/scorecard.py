"""Sections of the configuration for the scorecard: measures, journey, goals, benchmarks."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from engagement_ml.config.frozen import Frozen, also_accepts

Better = Literal["more", "less"]
Every = Literal["week", "month", "quarter"]
_PERCENT = also_accepts({"type": "string", "pattern": "^-?[0-9.]+ ?%$"})


def percent_as_number(value: object) -> object:
    """Return the number of a text such as ``"80%"``; anything else unchanged."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip()[:-1])
        except ValueError:
            return value
    return value


class MeasureConfig(Frozen):
    """One measure: a built-in one with other settings, or a measure of your own.

    Which keys a measure reads stands in its entry of the catalogue; any other key is an error.
    """

    kind: str | None = Field(
        default=None,
        description="Name of the built-in measure that this one is computed as. null is the "
        "measure of the same name.",
    )
    title: str | None = Field(default=None, description="What people read instead of the name.")
    stage: str | None = Field(default=None, description="Stage of the journey.")
    owner: str | None = Field(default=None, description="Who answers for the measure.")
    unit: str | None = Field(default=None, description="Unit that people read.")
    better: Better | None = Field(
        default=None, description="Whether more or less is better; null is the built-in direction."
    )
    target: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="Target in the measure's unit; 80% and 80 are the same for a percentage.",
        json_schema_extra=_PERCENT,
    )
    warning: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="Limit up to which a missed target is a warning only. null: a target is "
        "missed if the interval excludes it.",
        json_schema_extra=_PERCENT,
    )
    target_source: str | None = Field(
        default=None,
        description="Where the target comes from, such as a publication; null is the company.",
    )
    event: str | tuple[str, ...] | None = Field(
        default=None, description="Event type or types that the measure counts."
    )
    start: str | tuple[str, ...] | None = Field(
        default=None,
        description="Event type or types with which a trial, a request or a cart begins.",
    )
    goal: str | tuple[str, ...] | None = Field(
        default=None, description="Event type or types that reach the goal."
    )
    cancelled: str | tuple[str, ...] | None = Field(
        default=None, description="Event type or types that cancel what was due."
    )
    within_days: float | None = Field(
        default=None, gt=0.0, le=3660.0, description="Days within which the goal counts."
    )
    within_hours: float | None = Field(
        default=None, gt=0.0, le=87_840.0, description="Hours within which the goal counts."
    )
    by: Literal["customer", "session", "ref"] | None = Field(
        default=None, description="What links the start to the goal."
    )
    object: str | None = Field(
        default=None, description="Value of the events' column 'object' that alone counts."
    )
    engaged_seconds: float | None = Field(
        default=None,
        ge=0.0,
        le=86_400.0,
        description="Seconds beyond which a session is engaged and no bounce; so is one with two "
        "pages or a goal. 10 is the definition of Google Analytics 4; null: every session of more "
        "than one event is none.",
    )
    survey: str | None = Field(default=None, description="Name of the survey.")
    horizon_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Longest lifetime that a value counts, in days."
    )
    discount: float | None = Field(
        default=None, ge=0.0, lt=1.0, description="Discount of a year: 0.1 is 10% a year."
    )

    _percent = field_validator("target", "warning", mode="before")(percent_as_number)

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.within_days is not None and self.within_hours is not None:
            raise ValueError("'within_days' and 'within_hours' say the same: give one of them")
        return self


class StageConfig(Frozen):
    """One stage of the customer journey."""

    title: str | None = Field(default=None, description="What people read instead of the name.")
    measures: tuple[str, ...] = Field(default=(), description="Measures of the stage.")
    warning_signs: tuple[str, ...] = Field(
        default=(), description="What shows early that the stage goes wrong, in words."
    )
    owner: str | None = Field(
        default=None, description="Who answers for measures of the stage without an owner."
    )
    leads_to: str | None = Field(
        default=None,
        description="The stage that follows; null is the next one, the last leads to the first.",
    )


class GoalConfig(Frozen):
    """A goal of the business or of a campaign: a measure, a value and a date."""

    name: str = Field(min_length=1, description="Name of the goal. Required.")
    measure: str = Field(description="The measure that tells how far it is. Required.")
    target: float = Field(
        allow_inf_nan=False,
        description="Value to reach, in the measure's unit. Required.",
        json_schema_extra=_PERCENT,
    )
    start: dt.date = Field(description="Day from which progress counts. Required.")
    end: dt.date = Field(description="Day by which the value shall be reached. Required.")
    campaign: str | None = Field(
        default=None,
        description="Campaign whose customers the goal is about; null is all customers.",
    )
    owner: str | None = Field(default=None, description="Who answers for the goal.")

    _percent = field_validator("target", mode="before")(percent_as_number)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"'end' ({self.end}) is not after 'start' ({self.start})")
        return self


class BenchmarkConfig(Frozen):
    """A value from outside, shown beside the company's own."""

    measure: str = Field(description="The measure that it compares with. Required.")
    value: float = Field(
        allow_inf_nan=False,
        description="Its value, in the measure's unit. Required.",
        json_schema_extra=_PERCENT,
    )
    source: str = Field(min_length=1, description="Where the value comes from. Required.")
    date: dt.date = Field(description="Day of which the value is. Required.")

    _percent = field_validator("value", mode="before")(percent_as_number)


class ScorecardConfig(Frozen):
    """Periods and parts of the scorecard."""

    every: Every = Field(default="month", description="Length of a period.")
    periods: int = Field(
        default=13, ge=2, le=120, description="Number of complete periods that are shown."
    )
    behaviours: int = Field(
        default=30,
        ge=0,
        le=500,
        description="Behaviours that are a measure of their own, the first of drivers.csv: their "
        "events per customer.",
    )
    engaged_from: float | None = Field(
        default=None,
        gt=0.0,
        le=100.0,
        description="Score from which a customer is engaged. null: the median of the scores in "
        "training, of those above 0 if more than half are 0.",
    )
    show: tuple[str, ...] | None = Field(
        default=None,
        description="Measures of the scorecard; null is all that the tables allow, and those that "
        "are configured.",
    )
    segments: bool = Field(
        default=True,
        description="Whether segments by behaviour are looked for, beside those of 'segments'.",
    )
    acquired_by: str | None = Field(
        default=None,
        description="Column of the customers table with the campaign that brought a customer; null "
        "is the campaign of the customer's first event that has one.",
    )
    referred_by: str = Field(
        default="referral",
        min_length=1,
        description="Value of the column 'acquired_by' or, without it, of the channel of a "
        "customer's first event, by which newcomers count as referred; case does not matter.",
    )
    cohort: Every = Field(default="month", description="Period of entry that makes a cohort.")
    weights: str | None = Field(
        default=None,
        description="YAML file of weights by hand, a score that is compared with the metric.",
    )
    scores: str | None = Field(
        default=None,
        description="Table of a score that exists already, which is compared with the metric.",
    )
    comments: int = Field(
        default=5, ge=0, le=100, description="Number of newest comments that are listed by segment."
    )
    smallest_group: int = Field(
        default=10, ge=1, le=1000, description="Customers below which a group's value is not shown."
    )
