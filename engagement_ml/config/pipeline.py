"""Configuration of a pipeline: all sections together, typed and immutable."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from engagement_ml.column_names import fold
from engagement_ml.config.actions import ActConfig, AttributionConfig, ContactConfig
from engagement_ml.config.covariates import CovariatesConfig
from engagement_ml.config.engine import KINDS, EngineConfig
from engagement_ml.config.event_types import EventTypesConfig
from engagement_ml.config.experiments import ExperimentConfig
from engagement_ml.config.features import FeaturesConfig
from engagement_ml.config.frozen import Frozen, also_accepts
from engagement_ml.config.gate import GateConfig
from engagement_ml.config.monitor import MonitorConfig
from engagement_ml.config.outcomes import (
    MARGIN,
    LinksConfig,
    OutcomeConfig,
    SequenceConfig,
    as_outcomes,
    check_outcomes,
)
from engagement_ml.config.scorecard import (
    BenchmarkConfig,
    GoalConfig,
    MeasureConfig,
    ScorecardConfig,
    StageConfig,
)
from engagement_ml.config.secrets import without_secrets
from engagement_ml.config.sections import (
    TABLE_NAMES,
    BehaviourConfig,
    ChurnConfig,
    HistoryConfig,
    SampleConfig,
    SelectConfig,
    SourcesConfig,
    TrackingConfig,
    WindowsConfig,
)
from engagement_ml.config.sequences import behaviour_of_sequence, check_sequences
from engagement_ml.config.shape import TableShape, check_shapes
from engagement_ml.errors import nearest

SCORES = ("scores",)
"""Tables that are no source of the pipeline, and whose columns may be mapped."""


class PipelineConfig(Frozen):
    """Configuration of one pipeline; see ``docs/reference/configuration.md`` for each key.

    Examples
    --------
    >>> config = PipelineConfig(name="shop-engagement")
    >>> config.windows.observation_days, config.select.at_most
    (84, 3)
    """

    name: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.\-]*$",
        description="Name of the pipeline, and of the registered model. Required.",
    )
    sources: SourcesConfig = Field(
        default=SourcesConfig(), description="Paths of the input tables."
    )
    entity: str = Field(
        default="customer",
        description="Singular noun for a customer in the report, such as partner or employee.",
    )
    currency: str = Field(default="EUR", description="Currency of all amounts.")
    columns: dict[str, dict[str, str | None]] = Field(
        default_factory=dict,
        description="Column mapping by table: the column's name here, and its name in the source; "
        "null leaves the source's column of that name out.",
    )
    shape: dict[str, TableShape] = Field(
        default_factory=dict,
        description="How the sources are written and become tables, by table.",
    )
    windows: WindowsConfig = Field(
        default=WindowsConfig(), description="Windows around the cutoffs, in days."
    )
    history: HistoryConfig = Field(
        default=HistoryConfig(), description="Days that the history may cover."
    )
    behaviours: dict[str, BehaviourConfig] = Field(
        default_factory=dict,
        description="Prior knowledge by event type; event types without an entry are candidates.",
    )
    event_types: EventTypesConfig = Field(
        default=EventTypesConfig(), description="Event types that are behaviours of their own."
    )
    covariates: CovariatesConfig = Field(
        default=CovariatesConfig(), description="Columns of the customers table for models."
    )
    features: FeaturesConfig = Field(default=FeaturesConfig(), description="Optional features.")
    churn: ChurnConfig = Field(default=ChurnConfig(), description="Definition of churn.")
    sample: SampleConfig = Field(
        default=SampleConfig(),
        description="Sample of customers for training and evaluation.",
        json_schema_extra=also_accepts({"type": "integer", "minimum": 100}, {"type": "null"}),
    )
    select: SelectConfig = Field(
        default=SelectConfig(), description="Selection of the metric's behaviours."
    )
    segments: tuple[str, ...] = Field(
        default=(),
        description="Columns of the customers table that split customers into segments.",
    )
    outcomes: dict[str, OutcomeConfig] = Field(
        default_factory=lambda: {MARGIN: OutcomeConfig()},
        description="Outcomes that behaviours are judged by, beside margin: first_purchase, churn, "
        "and parts of margin.",
        json_schema_extra=also_accepts({"type": "array", "items": {"type": "string"}}),
    )
    links: LinksConfig = Field(
        default=LinksConfig(), description="What the links between actors and customers mean."
    )
    sequences: tuple[SequenceConfig, ...] = Field(
        default=(), description="Sequences of two event types that are candidate behaviours."
    )
    contact: ContactConfig | None = Field(
        default=None, description="How much contact is too much; null leaves it out."
    )
    attribution: AttributionConfig | None = Field(
        default=None, description="Credit of touchpoints for conversions; null leaves it out."
    )
    act: ActConfig = Field(default=ActConfig(), description="Whom to act on, and whom to leave.")
    experiments: tuple[ExperimentConfig, ...] = Field(
        default=(), description="Randomised experiments, whose results replace estimates."
    )
    gate: GateConfig = Field(
        default=GateConfig(), description="What a version must show to become champion."
    )
    monitor: MonitorConfig = Field(
        default=MonitorConfig(), description="Thresholds of monitor, and its alarms."
    )
    measures: dict[str, MeasureConfig] = Field(
        default_factory=dict,
        description="Settings of built-in measures, and measures of your own, by name.",
    )
    journey: dict[str, StageConfig] = Field(
        default_factory=dict, description="Stages of the customer journey, in their order."
    )
    goals: tuple[GoalConfig, ...] = Field(
        default=(), description="Goals of the business and of campaigns."
    )
    benchmarks: tuple[BenchmarkConfig, ...] = Field(
        default=(), description="Values from outside, shown beside the measures."
    )
    scorecard: ScorecardConfig = Field(
        default=ScorecardConfig(), description="Periods and parts of the scorecard."
    )
    tracking: TrackingConfig = Field(default=TrackingConfig(), description="Tracking with MLflow.")
    engine: EngineConfig = Field(
        default=EngineConfig(),
        description="Engine that holds the data, and its limits.",
        json_schema_extra=also_accepts({"enum": list(KINDS)}),
    )
    random_seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        description="Seed of all random numbers; the same seed and data give the same results.",
    )

    @field_validator("columns", "shape")
    @classmethod
    def _tables_are_known(cls, value: dict[str, Any]) -> dict[str, Any]:
        for table in value:
            if table not in (*TABLE_NAMES, *SCORES):
                raise ValueError(
                    f"'{table}' is not a table{nearest(table, TABLE_NAMES)}; "
                    f"the tables are {', '.join(TABLE_NAMES)}"
                )
        return value

    @field_validator("columns")
    @classmethod
    def _columns_are_mapped_once(
        cls, value: dict[str, dict[str, str]]
    ) -> dict[str, dict[str, str]]:
        for table, mapping in value.items():
            seen: dict[str, str] = {}
            for column in mapping:
                if (other := seen.setdefault(fold(column), column)) != column:
                    raise ValueError(
                        f"'{other}' and '{column}' of '{table}' are the same column, as case does "
                        "not matter; keep one"
                    )
        return value

    @field_validator("outcomes", mode="before")
    @classmethod
    def _outcomes_as_mapping(cls, value: Any) -> Any:
        return as_outcomes(value)

    @field_validator("outcomes")
    @classmethod
    def _outcomes_are_known(cls, value: dict[str, OutcomeConfig]) -> dict[str, OutcomeConfig]:
        check_outcomes(value)
        return {MARGIN: OutcomeConfig()} | value

    @model_validator(mode="after")
    def _columns_are_given_once(self) -> Self:
        check_shapes(self.shape, self.columns)
        return self

    @model_validator(mode="after")
    def _named_event_types_are_behaviours(self) -> Self:
        named = [
            (f"experiments.{place}.behaviour", experiment.behaviour)
            for place, experiment in enumerate(self.experiments)
        ]
        for key, name in (*named, *self.features.named()):
            if name == self.churn.event_type:
                raise ValueError(f"key '{key}': '{name}' is the churn event, not a behaviour")
            if self.behaviour(name).role == "ignore":
                raise ValueError(f"key '{key}': '{name}' has 'role: ignore'; remove that role")
        return self

    @model_validator(mode="after")
    def _sequences_are_of_behaviours(self) -> Self:
        check_sequences(self.sequences, self.churn.event_type, self.behaviour)
        return self

    @model_validator(mode="after")
    def _stages_are_known(self) -> Self:
        named = [(f"measures.{name}.stage", m.stage) for name, m in self.measures.items()]
        named += [(f"journey.{name}.leads_to", s.leads_to) for name, s in self.journey.items()]
        for key, stage in named:
            if self.journey and stage is not None and stage not in self.journey:
                raise ValueError(
                    f"key '{key}': '{stage}' is no stage of the journey"
                    f"{nearest(stage, self.journey)}; the stages are {', '.join(self.journey)}"
                )
        return self

    def shape_of(self, table: str) -> TableShape:
        """Return the shape of a table's source, or the defaults."""
        return self.shape.get(table, TableShape())

    def behaviour(self, event_type: str) -> BehaviourConfig:
        """Return the configuration of an event type, or the defaults."""
        if self.event_types.keep is not None and event_type == self.event_types.others:
            return BehaviourConfig(role="confounder", label="All other event types")
        if event_type not in self.behaviours and (found := self.sequence(event_type)):
            return behaviour_of_sequence(found, self.behaviour)
        return self.behaviours.get(event_type, BehaviourConfig())

    def sequence(self, name: str) -> SequenceConfig | None:
        """Return the sequence of that name; None if there is none."""
        return next((each for each in self.sequences if each.name == name), None)

    def label(self, event_type: str) -> str:
        """Return the name that people read for an event type."""
        return self.behaviour(event_type).label or event_type

    @property
    def reads_extra(self) -> bool:
        """Whether training needs the optional columns that otherwise only measures read."""
        parts = any(outcome.where for outcome in self.outcomes.values())
        return parts or self.contact is not None or self.attribution is not None

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment."""
        return self.tracking.experiment or self.name

    def to_dict(self, *, secrets: bool = False) -> dict[str, Any]:
        """Return plain JSON types, which ``parse_config`` reads.

        Parameters
        ----------
        secrets : bool, default False
            Whether passwords and keys are kept. By default they are ``***``, so that the result
            can be written anywhere; references to environment variables stay.
        """
        values: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        return values if secrets else without_secrets(values)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the configuration without secrets, independent of the order of its keys."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
