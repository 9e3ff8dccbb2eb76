"""Sections of a pipeline's configuration: tables, windows, behaviours, selection, tracking."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from engagement_ml.config.frozen import Frozen
from engagement_ml.usable_rows import EARLIEST

Role = Literal["behaviour", "consequence", "mediator", "confounder", "negative_control", "ignore"]
MOST_DAYS = 36_500
"""Longest window: a hundred years."""
TABLE_NAMES = ("events", "transactions", "customers", "surveys", "identities", "links")


class SourcesConfig(Frozen):
    """Paths of the input tables: files, folders, globs, sheets, and tables of DuckDB files.

    Paths are relative to the configuration's file. Any table can be given as a frame from Python
    instead.
    """

    events: str | None = Field(
        default=None, description="Path of the events table: one row per event. Required."
    )
    transactions: str | None = Field(
        default=None,
        description="Path of the transactions table: one row per purchase, return or credit, with "
        "its margin. Required.",
    )
    customers: str | None = Field(
        default=None,
        description="Path of the customers table: one row per customer, with covariates.",
    )
    surveys: str | None = Field(
        default=None,
        description="Path of the surveys table: one row per survey or answer.",
    )
    identities: str | None = Field(
        default=None,
        description="Path of the identities table: the customer of each anonymous_id of events.",
    )
    links: str | None = Field(
        default=None,
        description="Path of the links table: which actor, such as a partner or a sales person, "
        "serves which customer.",
    )


class WindowsConfig(Frozen):
    """Lengths of the observation window, the gap and the outcome window, and the cutoffs."""

    observation_days: int = Field(
        default=84,
        ge=1,
        le=MOST_DAYS,
        description="Length of the observation window in days: behaviours are counted in it, up "
        "to the cutoff.",
    )
    outcome_days: int = Field(
        default=84,
        ge=1,
        le=MOST_DAYS,
        description="Length of the outcome window in days: margin is summed in it, after the "
        "cutoff and the gap.",
    )
    gap_days: int = Field(
        default=0,
        ge=0,
        le=MOST_DAYS,
        description="Days between the cutoff and the outcome window, such as the lead time of a "
        "campaign.",
    )
    every_days: int = Field(
        default=28,
        ge=1,
        le=MOST_DAYS,
        description="Days from one cutoff to the next, counted back from the last cutoff with a "
        "complete outcome window.",
    )
    cutoffs: tuple[dt.date, ...] | None = Field(
        default=None, description="Exact dates of the cutoffs, instead of every_days."
    )

    @field_validator("cutoffs")
    @classmethod
    def _sorted_unique(cls, value: tuple[dt.date, ...] | None) -> tuple[dt.date, ...] | None:
        if value is not None and not value:
            raise ValueError("is empty; give at least one date, or null for every_days")
        return tuple(sorted(set(value))) if value is not None else None


class HistoryConfig(Frozen):
    """Days that the history may cover, and how old the events of a score may be."""

    earliest: dt.date = Field(
        default=EARLIEST,
        description="First plausible day; earlier rows are dropped and counted. Unset clocks and "
        "empty fields often read 1970-01-01 or 0001-01-01.",
    )
    latest: dt.date | None = Field(
        default=None,
        description="Last plausible day; later rows are dropped and counted. null stops the run at "
        "a timestamp in the future.",
    )
    drop_distant: bool = Field(
        default=True,
        description="Whether rows far from all others are dropped and counted: at most 1% of a "
        "table, beyond more than 28 days without rows. The history has no more days than the rest.",
    )
    stale_days: int = Field(
        default=7,
        ge=0,
        description="Days after the last event from which score warns that the events are old.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.latest is not None and self.latest < self.earliest:
            raise ValueError(f"'latest' ({self.latest}) is before 'earliest' ({self.earliest})")
        return self


class BehaviourConfig(Frozen):
    """Prior knowledge about one event type."""

    stage: str | None = Field(
        default=None,
        description="Stage of the customer journey; shown, not used in estimation.",
    )
    cost_per_event: float = Field(
        default=0.0,
        ge=0.0,
        allow_inf_nan=False,
        description="Cost of serving one event, in currency; subtracted from its effect.",
    )
    role: Role = Field(
        default="behaviour",
        description="behaviour: a candidate for the metric. consequence: follows from purchases, "
        "never a driver. mediator: lies between another behaviour and margin. confounder: "
        "adjusted for, never selected. negative_control: known not to act; what it seems to do "
        "shows hidden causes. ignore: left out.",
    )
    direction: Literal["inbound", "outbound"] | None = Field(
        default=None,
        description="inbound: an act of the customer. outbound: an act of the company, such as a "
        "mail or a call, which cannot be preparation of a purchase but may be sent to whom the "
        "company picks. null is treated as inbound.",
    )
    unit: str | None = Field(
        default=None,
        description="Unit that people read; null is 'events in N days' with N the length of the "
        "observation window.",
    )
    label: str | None = Field(
        default=None, description="Name that people read; null is the event type."
    )


class ChurnConfig(Frozen):
    """Definition of churn: no transaction in the outcome window, or an explicit event."""

    kind: Literal["no_transaction", "event"] = Field(
        default="no_transaction",
        description="no_transaction: a customer churns without a transaction in the outcome "
        "window. event: a customer churns with an event of event_type.",
    )
    event_type: str | None = Field(
        default=None,
        description="Event type that marks churn, with kind: event; it is not a behaviour.",
    )
    notice_days: int | None = Field(
        default=None,
        ge=0,
        le=MOST_DAYS,
        description="Days between the decision to leave and the churn event, with kind: event; "
        "counts in them are no evidence. Rounded up to whole periods. null looks for such a notice "
        "period in the data; 0 takes it that there is none.",
    )

    @model_validator(mode="after")
    def _event_type_needs_kind(self) -> Self:
        if (self.kind == "event") != (self.event_type is not None):
            raise ValueError("'event_type' and 'kind: event' need each other")
        if self.kind != "event" and self.notice_days is not None:
            raise ValueError("'notice_days' needs 'kind: event'")
        return self


class SampleConfig(Frozen):
    """Sample of customers for training and evaluation; features and scores cover all customers.

    ``sample: 50000`` is short for ``sample: {customers: 50000}``, and ``sample: null`` for all.
    """

    customers: int | None = Field(
        default=20_000,
        ge=100,
        le=2**53,
        description="Size of the stratified sample, in customers, if there are more; null uses "
        "all customers.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return {"customers": value}
        if isinstance(value, dict | SampleConfig):
            return value
        raise ValueError(
            "give a number of customers, null for all, or keys such as 'customers: 50000'"
        )


class SelectConfig(Frozen):
    """Selection of behaviours: how many, on which evidence, and the smallest effect of interest."""

    at_most: int = Field(
        default=3, ge=1, le=10, description="Largest number of behaviours in the metric."
    )
    require: Literal["driver", "indicator"] = Field(
        default="driver",
        description="Evidence for a behaviour. driver: its changes are followed by changes of the "
        "customer's margin; without any driver there is no metric. indicator: it predicts margin, "
        "with no claim that raising it raises margin.",
    )
    smallest_effect: float = Field(
        default=0.01,
        ge=0.0,
        lt=1.0,
        description="Smallest effect of interest, as a share of mean margin per outcome window, "
        "for one standard deviation of the behaviour's count.",
    )


class TrackingConfig(Frozen):
    """Tracking of runs with MLflow, and registration of the metric."""

    uri: str | None = Field(
        default="sqlite:///mlruns/mlflow.db",
        description="URI of MLflow's tracking store; null switches tracking off. ${NAME} is an "
        "environment variable, for a password.",
    )
    experiment: str | None = Field(
        default=None, description="Name of the MLflow experiment; null is the pipeline's name."
    )
    register_: bool = Field(
        default=True,
        alias="register",
        description="Whether the metric becomes a version of the registered model that has the "
        "pipeline's name.",
    )

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )
