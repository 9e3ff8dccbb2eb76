"""Results of randomised tests, as the configuration gives them."""

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
    """One randomised test of one behaviour: its summary, or its table with a row per entity.

    Attributes
    ----------
    behaviour : str
        The event type that the treated were brought to do more of, or less.
    name : str or None
        What people call the test.
    days : int or None
        Length of the outcome that was measured; None means ``windows.outcome_days``.
    events_per_entity : float or None
        How many more events of the behaviour the treated did than the control, on average;
        negative where they did fewer. None means 1, or what `events_column` says.
    treated, control : int or None
        Entities in each arm.
    lift : float or None
        Mean margin of the treated less that of the control, in currency per entity.
    low, high : float or None
        The lift's 95% interval.
    standard_error : float or None
        The lift's, in place of `low` and `high`.
    table : str or None
        A source like those of the tables, one row per entity.
    arm_column, treated_arm, control_arm : str or None
        The column that says which arm a row belongs to, and the two arms to compare.
    outcome_column : str or None
        Margin per entity over the test's outcome.
    events_column : str or None
        Events of the behaviour per entity during the test.
    segments : tuple of str
        Columns of the table by which lifts are compared.
    """

    behaviour: str = Field(min_length=1)
    name: str | None = None
    days: int | None = Field(default=None, ge=1)
    events_per_entity: Number | None = None
    treated: int | None = Field(default=None, ge=2)
    control: int | None = Field(default=None, ge=2)
    lift: Number | None = None
    low: Number | None = None
    high: Number | None = None
    standard_error: Number | None = Field(default=None, gt=0)
    table: str | None = None
    arm_column: str | None = None
    treated_arm: Arm | None = None
    control_arm: Arm | None = None
    outcome_column: str | None = None
    events_column: str | None = None
    segments: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind_and_all_of_it(self) -> Self:
        given = [key for key in (*_SUMMARY, *_TABLE) if getattr(self, key) not in (None, ())]
        wrong = [key for key in given if (key in _SUMMARY) == (self.table is not None)]
        if self.table is not None:
            if wrong:
                raise ValueError(f"'{wrong[0]}' does not go with 'table': its rows say it")
            self._need("table", "arm_column", "treated_arm", "control_arm", "outcome_column")
            if self.treated_arm == self.control_arm:
                raise ValueError(f"treated_arm and control_arm are the same, {self.control_arm!r}")
            if self.events_column is not None and self.events_per_entity is not None:
                raise ValueError("'events_per_entity' does not go with 'events_column'")
        elif self.lift is None:
            raise ValueError(
                "give the result: 'lift' with 'treated', 'control', 'low' and 'high', "
                "or 'table' with a row per entity"
            )
        elif wrong:
            raise ValueError(f"'{wrong[0]}' goes with 'table', and there is none")
        else:
            self._need("lift", "treated", "control")
            self._check_interval(self.lift)
        if self.events_per_entity == 0:
            raise ValueError("events_per_entity is 0: such a test says nothing of the behaviour")
        return self

    def _need(self, which: str, *keys: str) -> None:
        for key in keys:
            if getattr(self, key) is None:
                raise ValueError(f"'{which}' needs the key '{key}' beside it")

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
