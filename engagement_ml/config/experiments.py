"""Configuration of randomised experiments and their results."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from engagement_ml.config.frozen import Frozen

Number = Annotated[float, Field(allow_inf_nan=False)]
Arm = str | int | float | bool

_SUMMARY = ("treated", "control", "lift", "low", "high", "standard_error")
_TABLE = (
    "arm_column", "treated_arm", "control_arm", "outcome_column", "events_column", "segments",
)  # fmt: skip


class ExperimentConfig(Frozen):
    """Randomised experiment on one behaviour: its summary, or its table with a row per customer.

    A summary has `treated`, `control`, `lift` and its interval or standard error. A table has
    `arm_column`, `treated_arm`, `control_arm` and `outcome_column`.
    """

    behaviour: str = Field(
        min_length=1,
        description="Event type that the treatment was to change. The events must have it, and "
        "its role must not be ignore.",
    )
    name: str | None = Field(
        default=None,
        description="Name of the experiment in the report; null is test 1, test 2 and so on.",
    )
    days: int | None = Field(
        default=None,
        ge=1,
        description="Days of margin that were measured; null is windows.outcome_days.",
    )
    events_per_entity: Number | None = Field(
        default=None,
        description="Additional events of the behaviour per treated customer compared with the "
        "control, on average; negative if the treatment reduced events. The lift is divided by "
        "it, without an allowance for its own error. null is 1, or the value from events_column.",
    )
    treated: int | None = Field(
        default=None, ge=2, description="Customers in the treated arm (summary)."
    )
    control: int | None = Field(
        default=None, ge=2, description="Customers in the control arm (summary)."
    )
    lift: Number | None = Field(
        default=None,
        description="Mean margin of the treated minus mean margin of the control, in currency per "
        "customer (summary).",
    )
    low: Number | None = Field(
        default=None,
        description="Lower end of the 95% interval of the lift, in currency per customer.",
    )
    high: Number | None = Field(
        default=None,
        description="Upper end of the 95% interval of the lift, in currency per customer.",
    )
    standard_error: Number | None = Field(
        default=None,
        gt=0,
        description="Standard error of the lift in currency per customer; replaces low and high.",
    )
    table: str | None = Field(
        default=None,
        description="Source with one row per customer, in the same forms as the input tables.",
    )
    arm_column: str | None = Field(
        default=None, description="Column of the table that holds the arm of each customer."
    )
    treated_arm: Arm | None = Field(
        default=None, description="Value of arm_column for the treated arm."
    )
    control_arm: Arm | None = Field(
        default=None,
        description="Value of arm_column for the control arm; rows of other arms are left out.",
    )
    outcome_column: str | None = Field(
        default=None,
        description="Column of the table with the margin of each customer during the experiment, "
        "in currency; 0 without margin, never empty.",
    )
    events_column: str | None = Field(
        default=None,
        description="Column of the table with the events of the behaviour per customer, instead "
        "of events_per_entity; the error of their difference then counts too.",
    )
    segments: tuple[str, ...] = Field(
        default=(),
        description="Columns of the table to compare lifts by, with at most 50 values each.",
    )

    @model_validator(mode="after")
    def _is_a_complete_summary_or_table(self) -> Self:
        given = [key for key in (*_SUMMARY, *_TABLE) if getattr(self, key) not in (None, ())]
        misplaced = [key for key in given if (key in _SUMMARY) == (self.table is not None)]
        if self.table is not None:
            if misplaced:
                raise ValueError(
                    f"'{misplaced[0]}' cannot be combined with 'table', whose rows give the result"
                )
            self._require("table", "arm_column", "treated_arm", "control_arm", "outcome_column")
            if self.treated_arm == self.control_arm:
                raise ValueError(f"treated_arm and control_arm are the same, {self.control_arm!r}")
            if self.events_column is not None and self.events_per_entity is not None:
                raise ValueError("'events_per_entity' cannot be combined with 'events_column'")
        elif self.lift is None:
            raise ValueError(
                "give the result: 'lift' with 'treated', 'control', 'low' and 'high', "
                "or 'table' with a row per customer"
            )
        elif misplaced:
            raise ValueError(f"'{misplaced[0]}' needs the key 'table'")
        else:
            self._require("lift", "treated", "control")
            self._check_interval(self.lift)
        if self.events_per_entity == 0:
            raise ValueError("events_per_entity is 0: the experiment did not change the behaviour")
        return self

    def _require(self, key_given: str, *keys: str) -> None:
        for key in keys:
            if getattr(self, key) is None:
                raise ValueError(f"'{key_given}' also needs the key '{key}'")

    def _check_interval(self, lift: float) -> None:
        low, high = self.low, self.high
        if self.standard_error is not None:
            if low is not None or high is not None:
                raise ValueError("give 'low' and 'high', or 'standard_error', not both")
            return
        if low is None or high is None:
            raise ValueError("'lift' needs 'low' and 'high', its 95% interval, or 'standard_error'")
        if low >= high:
            raise ValueError(f"low is {low:g} and high {high:g}; low must be below high")
        if not low <= lift <= high:
            raise ValueError(f"lift {lift:g} lies outside its interval, {low:g} to {high:g}")
