"""Configuration of a pipeline: one YAML file, typed and immutable; unknown keys are errors."""

from __future__ import annotations

from engagement_ml.config.actions import ActConfig, AttributionConfig, ContactConfig
from engagement_ml.config.covariates import CovariatesConfig
from engagement_ml.config.engine import EngineConfig, EngineKind
from engagement_ml.config.event_types import EventTypesConfig
from engagement_ml.config.experiments import ExperimentConfig
from engagement_ml.config.features import FeaturesConfig, RatioConfig, SessionsConfig
from engagement_ml.config.gate import GateConfig
from engagement_ml.config.monitor import FailOn, MonitorConfig
from engagement_ml.config.outcomes import LinksConfig, OutcomeConfig, SequenceConfig
from engagement_ml.config.pipeline import PipelineConfig
from engagement_ml.config.reading import is_uri, parse_config, read_config
from engagement_ml.config.scorecard import (
    BenchmarkConfig,
    GoalConfig,
    MeasureConfig,
    ScorecardConfig,
    StageConfig,
)
from engagement_ml.config.sections import (
    TABLE_NAMES,
    BehaviourConfig,
    ChurnConfig,
    HistoryConfig,
    Role,
    SampleConfig,
    SelectConfig,
    SourcesConfig,
    TrackingConfig,
    WindowsConfig,
)
from engagement_ml.config.shape import TableShape, UnrollConfig

__all__ = [
    "TABLE_NAMES",
    "ActConfig",
    "AttributionConfig",
    "BehaviourConfig",
    "BenchmarkConfig",
    "ChurnConfig",
    "ContactConfig",
    "CovariatesConfig",
    "EngineConfig",
    "EngineKind",
    "EventTypesConfig",
    "ExperimentConfig",
    "FailOn",
    "FeaturesConfig",
    "GateConfig",
    "GoalConfig",
    "HistoryConfig",
    "LinksConfig",
    "MeasureConfig",
    "MonitorConfig",
    "OutcomeConfig",
    "PipelineConfig",
    "RatioConfig",
    "Role",
    "SampleConfig",
    "ScorecardConfig",
    "SelectConfig",
    "SequenceConfig",
    "SessionsConfig",
    "SourcesConfig",
    "StageConfig",
    "TableShape",
    "TrackingConfig",
    "UnrollConfig",
    "WindowsConfig",
    "is_uri",
    "parse_config",
    "read_config",
]
