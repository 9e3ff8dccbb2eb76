"""Section of the configuration: what a version of the metric must show to become champion."""

from __future__ import annotations

from pydantic import Field, field_validator

from engagement_ml.config.frozen import Frozen

ANY = "any"
"""Value of a required tag that any text satisfies."""


class GateConfig(Frozen):
    """What a version of the metric must show before it becomes the champion.

    null switches a check off. What is asked for and was not measured fails.
    """

    min_customers: int | None = Field(
        default=500,
        ge=1,
        description="Least number of customers that the metric is measured on, out of time.",
    )
    max_dropped_share: float | None = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        description="Largest share of a table's rows that may have been dropped.",
    )
    min_correlation: float | None = Field(
        default=0.0,
        ge=-1.0,
        lt=1.0,
        description="What the lower bound of the metric's rank correlation must exceed: with the "
        "change of margin within customers; for an indicator, with margin between customers.",
    )
    min_gain_on_vanity: float | None = Field(
        default=0.0,
        ge=-1.0,
        lt=1.0,
        description="What the lower bound of its gain on total events, and on each vanity "
        "behaviour, in that correlation must exceed.",
    )
    min_gain_on_purchases: float | None = Field(
        default=0.0,
        ge=-1.0,
        lt=1.0,
        description="For an indicator: what the lower bound of its correlation with margin between "
        "customers minus that of recency-frequency-monetary must exceed.",
    )
    max_loss_between: float | None = Field(
        default=0.03,
        ge=0.0,
        le=2.0,
        description="How far the lower bound of the difference to the champion may lie below 0, in "
        "rank correlation with margin between customers.",
    )
    max_loss_within: float | None = Field(
        default=0.03,
        ge=0.0,
        le=2.0,
        description="The same, with the change of margin within customers.",
    )
    keep_evidence: bool = Field(
        default=True,
        description="Whether a champion that is made of drivers can be replaced only by drivers.",
    )
    min_selection_frequency: float | None = Field(
        default=0.9,
        ge=0.0,
        le=1.0,
        description="Share of resampled customers that must lead to each chosen behaviour again; "
        "the checks of stability and of separate halves must have passed, too.",
    )
    placebos: bool = Field(
        default=True,
        description="Whether placebo checks must have been run and passed, for drivers by "
        "observation.",
    )
    allow_failed: tuple[str, ...] = Field(
        default=(),
        description="Names of robustness checks that may have failed.",
    )
    max_moved_share: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Largest share of customers whose rank may move by a tenth of all customers or "
        "more.",
    )
    require_tag: dict[str, str] = Field(
        default_factory=dict,
        description="Tags that the version must have in the registry, such as approved_by, with "
        "their value; 'any' accepts every value.",
    )

    @field_validator("require_tag")
    @classmethod
    def _tags_have_names(cls, value: dict[str, str]) -> dict[str, str]:
        for tag, wanted in value.items():
            if not tag.strip() or not wanted.strip():
                raise ValueError("a tag and its value must not be empty; 'any' accepts any value")
        return value
