"""scikit-learn parameter protocol over the configuration: defaults, nested keys, merging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from pydantic import BaseModel

from engagement_ml.config import (
    ActConfig,
    AttributionConfig,
    BehaviourConfig,
    BenchmarkConfig,
    ChurnConfig,
    ContactConfig,
    CovariatesConfig,
    EngineConfig,
    EngineKind,
    EventTypesConfig,
    ExperimentConfig,
    FeaturesConfig,
    GateConfig,
    GoalConfig,
    HistoryConfig,
    LinksConfig,
    MeasureConfig,
    MonitorConfig,
    OutcomeConfig,
    PipelineConfig,
    SampleConfig,
    ScorecardConfig,
    SelectConfig,
    SequenceConfig,
    SourcesConfig,
    StageConfig,
    TableShape,
    TrackingConfig,
    WindowsConfig,
    parse_config,
)
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.workflow.settings import as_config

ConfigLike = PipelineConfig | str | Path | Mapping[str, Any]
Keys = Mapping[str, Any]
DEFAULT_NAME = "engagement"
_SHORTHAND = {"engine": "kind", "sample": "customers"}
"""The key that a value without keys stands for, as in ``sample=50_000``."""


class ConfigKeys(TypedDict, total=False):
    """Keyword arguments that replace keys of a configuration, with the types that each takes."""

    name: str | None
    sources: SourcesConfig | Keys | None
    entity: str | None
    currency: str | None
    columns: Mapping[str, Mapping[str, str]] | None
    history: HistoryConfig | Keys | None
    shape: Mapping[str, TableShape | Keys] | None
    windows: WindowsConfig | Keys | None
    behaviours: Mapping[str, BehaviourConfig | Keys] | None
    event_types: EventTypesConfig | Keys | None
    covariates: CovariatesConfig | Keys | None
    features: FeaturesConfig | Keys | None
    churn: ChurnConfig | Keys | None
    sample: SampleConfig | Keys | int | str | None
    select: SelectConfig | Keys | None
    segments: Sequence[str] | None
    outcomes: Mapping[str, OutcomeConfig | Keys] | Sequence[str] | None
    links: LinksConfig | Keys | None
    sequences: Sequence[SequenceConfig | Keys] | None
    contact: ContactConfig | Keys | None
    attribution: AttributionConfig | Keys | None
    act: ActConfig | Keys | None
    experiments: Sequence[ExperimentConfig | Keys] | None
    gate: GateConfig | Keys | None
    monitor: MonitorConfig | Keys | None
    measures: Mapping[str, MeasureConfig | Keys] | None
    journey: Mapping[str, StageConfig | Keys] | None
    goals: Sequence[GoalConfig | Keys] | None
    benchmarks: Sequence[BenchmarkConfig | Keys] | None
    scorecard: ScorecardConfig | Keys | None
    tracking: TrackingConfig | Keys | None
    engine: EngineConfig | EngineKind | Keys | None
    random_seed: int | None


def merge_config(config: ConfigLike | None, overrides: Keys, *, origin: str) -> PipelineConfig:
    """Return a configuration with keys replaced.

    Parameters
    ----------
    config : PipelineConfig, path, mapping or None
        None stands for all defaults and the name ``engagement``.
    overrides : mapping
        Top-level keys. None keeps the value of `config`, except for ``sample``, for which None
        means all customers and ``"auto"`` keeps the value. A mapping replaces only the keys that
        it names; any other value replaces the whole key.
    origin : str
        What error messages call the result.

    Raises
    ------
    ConfigError
        If a key is not known or a value does not fit.

    Examples
    --------
    >>> base = {"name": "shop", "windows": {"observation_days": 56}}
    >>> merge_config(base, {"windows": {"gap_days": 7}}, origin="example").windows
    WindowsConfig(observation_days=56, outcome_days=84, gap_days=7, every_days=28, cutoffs=None)
    """
    merged = _base(config).to_dict(secrets=True)
    for key, value in overrides.items():
        if is_default(key, value):
            continue
        both = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value
    return parse_config(merged, origin=origin)


def is_default(key: str, value: Any) -> bool:
    """Return whether a parameter's value leaves the key as the configuration has it.

    Examples
    --------
    >>> is_default("windows", None), is_default("sample", None), is_default("sample", "auto")
    (True, False, True)
    """
    return isinstance(value, str) and value == "auto" if key == "sample" else value is None


def with_nested(values: Keys, changes: Keys) -> dict[str, Any]:
    """Return parameters with changes applied, nested ones as ``windows__observation_days``.

    Parameters
    ----------
    values : mapping
        All parameters and their values.
    changes : mapping
        Names of parameters, or paths into them: ``windows__gap_days``,
        ``columns__events__customer_id``.

    Raises
    ------
    ConfigError
        If a parameter or nested key is not known, or a parameter holds no keys.

    Examples
    --------
    >>> with_nested({"windows": {"gap_days": 7}}, {"windows__observation_days": 56})
    {'windows': {'gap_days': 7, 'observation_days': 56}}
    """
    changed = dict(values)
    # Whole parameters come first, so that a nested change applies to the new value.
    for path in sorted(changes, key=lambda path: "__" in path):
        name, _, rest = path.partition("__")
        if name not in values:
            raise ConfigError(
                f"unknown parameter '{name}'{nearest(name, values)}; "
                f"the parameters are {', '.join(values)}"
            )
        changed[name] = _nested(changed[name], rest, changes[path], name) if rest else changes[path]
    return changed


def nested_values(name: str, value: Any) -> dict[str, Any]:
    """Return the keys that a parameter holds, by path.

    Examples
    --------
    >>> nested_values("windows", {"gap_days": 7})
    {'windows__gap_days': 7}
    """
    return {f"{name}__{key}": each for key, each in _keys_of(value).items()}


def _base(config: ConfigLike | None) -> PipelineConfig:
    if config is None:
        return as_config({"name": DEFAULT_NAME})
    if isinstance(config, Mapping):
        return as_config({"name": DEFAULT_NAME, **config})
    return as_config(config)


def _nested(value: Any, path: str, new: Any, parameter: str) -> dict[str, Any]:
    key = path.partition("__")[0]
    model = _model_of(parameter)
    if model is None and not _holds_keys(parameter):
        raise ConfigError(
            f"parameter '{parameter}' holds no keys, found '{parameter}__{path}'; "
            f"set '{parameter}' itself"
        )
    known = [] if model is None else [f.alias or n for n, f in model.model_fields.items()]
    if known and key not in known:
        raise ConfigError(
            f"unknown key '{key}' in '{parameter}__{path}'{nearest(key, known)}; "
            f"known keys here: {', '.join(known)}"
        )
    if parameter in _SHORTHAND and not isinstance(value, Mapping | BaseModel):
        value = {} if is_default(parameter, value) else {_SHORTHAND[parameter]: value}
    return _deeper(value, path, new)


def _deeper(value: Any, path: str, new: Any) -> dict[str, Any]:
    key, _, rest = path.partition("__")
    held = _keys_of(value)
    return {**held, key: _deeper(held.get(key), rest, new) if rest else new}


def _keys_of(value: Any) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    return dict(value) if isinstance(value, Mapping) else {}


def _model_of(parameter: str) -> type[BaseModel] | None:
    field = PipelineConfig.model_fields.get(parameter)
    kind = None if field is None else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _holds_keys(parameter: str) -> bool:
    field = PipelineConfig.model_fields.get(parameter)
    return field is not None and getattr(field.annotation, "__origin__", None) is dict
