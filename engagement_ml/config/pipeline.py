"""The keys of a pipeline's configuration, typed and frozen."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from engagement_ml.config.engine import EngineConfig
from engagement_ml.config.experiments import ExperimentConfig
from engagement_ml.config.features import FeaturesConfig
from engagement_ml.config.frozen import Frozen
from engagement_ml.errors import nearest

Role = Literal["behaviour", "consequence", "mediator", "confounder", "ignore"]
TABLE_NAMES = ("events", "transactions", "customers", "surveys")


class SourcesConfig(Frozen):
    """Where the tables are: a Parquet file, folder or glob, a CSV file, or ``file.duckdb::table``.

    Paths are relative to the configuration's file. Either table may be left out here and given
    as a frame from Python.
    """

    events: str | None = None
    transactions: str | None = None
    customers: str | None = None
    surveys: str | None = None


class WindowsConfig(Frozen):
    """Lengths in days of the observation window, the gap, the outcome window; and the cutoffs."""

    observation_days: int = Field(default=84, ge=1)
    outcome_days: int = Field(default=84, ge=1)
    gap_days: int = Field(default=0, ge=0)
    every_days: int = Field(default=28, ge=1)
    cutoffs: tuple[dt.date, ...] | None = None

    @field_validator("cutoffs")
    @classmethod
    def _sorted_unique(cls, value: tuple[dt.date, ...] | None) -> tuple[dt.date, ...] | None:
        if value is not None and not value:
            raise ValueError("is empty; give at least one date, or null for every_days")
        return tuple(sorted(set(value))) if value is not None else None


class BehaviourConfig(Frozen):
    """What is known of one event type beforehand.

    Attributes
    ----------
    stage : str or None
        The stage of the customer journey it belongs to; shown, not used in estimation.
    cost_per_event : float, default 0
        What serving one event costs, in currency; subtracted from its effect.
    role : {"behaviour", "consequence", "mediator", "confounder", "ignore"}
        `behaviour` is a candidate; `consequence` follows from purchases; `mediator` lies between
        another behaviour and margin; `confounder` is adjusted for, never chosen; `ignore` is left
        out altogether.
    unit, label : str or None
        How people read it; by default ``"events in N days"`` and the event type itself.
    """

    stage: str | None = None
    cost_per_event: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    role: Role = "behaviour"
    unit: str | None = None
    label: str | None = None


class ChurnConfig(Frozen):
    """What counts as churn: no transaction in the outcome window, or an event that says so."""

    kind: Literal["no_transaction", "event"] = "no_transaction"
    event_type: str | None = None

    @model_validator(mode="after")
    def _event_type_goes_with_kind(self) -> Self:
        if (self.kind == "event") != (self.event_type is not None):
            raise ValueError("event_type goes with kind: event, and kind: event needs event_type")
        return self


class SampleConfig(Frozen):
    """How many entities training and evaluation learn from; features and scores cover everybody.

    ``sample: 50000`` in place of keys says how many, ``sample: null`` everybody.

    Attributes
    ----------
    customers : int or None, default 20,000
        Where there are more, so many are drawn by strata; null takes everybody.
    """

    customers: int | None = Field(default=20_000, ge=100)

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_how_many(cls, value: Any) -> Any:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return {"customers": value}
        if isinstance(value, dict | SampleConfig):
            return value
        raise ValueError("give how many, null for everybody, or keys such as 'customers: 50000'")


class SelectConfig(Frozen):
    """How many behaviours to choose, on which evidence, and what effect is worth having.

    `smallest_effect` is a share of mean margin per outcome window, for one standard deviation
    of the behaviour's count.
    """

    at_most: int = Field(default=3, ge=1, le=10)
    require: Literal["driver", "indicator"] = "driver"
    smallest_effect: float = Field(default=0.01, ge=0.0, lt=1.0)


class TrackingConfig(Frozen):
    """Where MLflow keeps runs, and whether the models are registered.

    `uri` null switches tracking off; `experiment` null means the pipeline's name.
    """

    uri: str | None = "sqlite:///mlruns/mlflow.db"
    experiment: str | None = None
    register_: bool = Field(default=True, alias="register")

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )


class PipelineConfig(Frozen):
    """Everything one pipeline is told; see ``docs/reference/configuration.md`` for each key.

    Examples
    --------
    >>> config = PipelineConfig(name="shop-engagement")
    >>> config.windows.observation_days, config.select.at_most
    (84, 3)
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.\-]*$")
    sources: SourcesConfig = SourcesConfig()
    entity: str = "customer"
    currency: str = "EUR"
    columns: dict[str, dict[str, str]] = Field(default_factory=dict)
    windows: WindowsConfig = WindowsConfig()
    behaviours: dict[str, BehaviourConfig] = Field(default_factory=dict)
    features: FeaturesConfig = FeaturesConfig()
    churn: ChurnConfig = ChurnConfig()
    sample: SampleConfig = SampleConfig()
    select: SelectConfig = SelectConfig()
    segments: tuple[str, ...] = ()
    experiments: tuple[ExperimentConfig, ...] = ()
    tracking: TrackingConfig = TrackingConfig()
    engine: EngineConfig = EngineConfig()
    random_seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @field_validator("columns")
    @classmethod
    def _columns_of_known_tables(
        cls, value: dict[str, dict[str, str]]
    ) -> dict[str, dict[str, str]]:
        for table in value:
            if table not in TABLE_NAMES:
                raise ValueError(
                    f"'{table}' is not a table{nearest(table, TABLE_NAMES)}; "
                    f"the tables are {', '.join(TABLE_NAMES)}"
                )
        return value

    @model_validator(mode="after")
    def _only_behaviours_are_named(self) -> Self:
        named = [
            (f"experiments.{place}.behaviour", test.behaviour)
            for place, test in enumerate(self.experiments)
        ]
        for key, name in (*named, *self.features.named()):
            if name == self.churn.event_type:
                raise ValueError(f"key '{key}': '{name}' is the churn event, no behaviour")
            if self.behaviour(name).role == "ignore":
                raise ValueError(f"key '{key}': '{name}' has 'role: ignore'; take that away")
        return self

    def behaviour(self, event_type: str) -> BehaviourConfig:
        """Return what is configured for `event_type`, or the defaults."""
        return self.behaviours.get(event_type, BehaviourConfig())

    def label(self, event_type: str) -> str:
        """Return the name people read for `event_type`."""
        return self.behaviour(event_type).label or event_type

    @property
    def experiment(self) -> str:
        """The MLflow experiment's name."""
        return self.tracking.experiment or self.name

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; ``parse_config`` reads them back to an equal configuration."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the configuration says, whatever the order of its keys."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
