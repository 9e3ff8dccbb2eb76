"""The configuration of a pipeline: one YAML file, typed, frozen, unknown keys refused."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engagement_ml.errors import ConfigError, nearest

Role = Literal["behaviour", "consequence", "mediator", "confounder", "ignore"]
TABLE_NAMES = ("events", "transactions", "customers", "surveys")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcesConfig(_Frozen):
    """Where the tables are: a Parquet file, folder or glob, a CSV file, or ``file.duckdb::table``.

    Paths are relative to the configuration's file. Either table may be left out here and given
    as a frame from Python.
    """

    events: str | None = None
    transactions: str | None = None
    customers: str | None = None
    surveys: str | None = None


class WindowsConfig(_Frozen):
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


class BehaviourConfig(_Frozen):
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


class ChurnConfig(_Frozen):
    """What counts as churn: no transaction in the outcome window, or an event that says so."""

    kind: Literal["no_transaction", "event"] = "no_transaction"
    event_type: str | None = None

    @model_validator(mode="after")
    def _event_type_goes_with_kind(self) -> Self:
        if (self.kind == "event") != (self.event_type is not None):
            raise ValueError("event_type goes with kind: event, and kind: event needs event_type")
        return self


class SelectConfig(_Frozen):
    """How many behaviours to choose, on which evidence, and what effect is worth having.

    `smallest_effect` is a share of mean margin per outcome window, for one standard deviation
    of the behaviour's count.
    """

    at_most: int = Field(default=3, ge=1, le=10)
    require: Literal["driver", "indicator"] = "driver"
    smallest_effect: float = Field(default=0.01, ge=0.0, lt=1.0)


class TrackingConfig(_Frozen):
    """Where MLflow keeps runs, and whether the models are registered.

    `uri` null switches tracking off; `experiment` null means the pipeline's name.
    """

    uri: str | None = "sqlite:///mlruns/mlflow.db"
    experiment: str | None = None
    register_: bool = Field(default=True, alias="register")

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )


class PipelineConfig(_Frozen):
    """Everything one pipeline is told; see ``docs/configuration.md`` for each key.

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
    churn: ChurnConfig = ChurnConfig()
    select: SelectConfig = SelectConfig()
    segments: tuple[str, ...] = ()
    tracking: TrackingConfig = TrackingConfig()
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


def parse_config(raw: Any, *, origin: str = "configuration") -> PipelineConfig:
    """Build a configuration from plain data.

    Parameters
    ----------
    raw : mapping
        What the YAML file holds.
    origin : str
        What error messages call it: the file's path.

    Raises
    ------
    ConfigError
        On an unknown key (the nearest known one is named) or a value that does not fit.

    Examples
    --------
    >>> parse_config({"name": "shop", "windws": {}})
    Traceback (most recent call last):
    ...
    engagement_ml.errors.ConfigError: configuration: unknown key 'windws' (did you mean...
    """
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{origin}: expected keys and values such as 'name: shop-engagement', "
            f"found {type(raw).__name__}"
        )
    try:
        return PipelineConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_first_problem(error, raw)}") from None


def read_config(path: str | Path) -> PipelineConfig:
    """Read a pipeline's YAML file; source paths become absolute, relative to the file's folder.

    Parameters
    ----------
    path : path to a YAML file

    Raises
    ------
    ConfigError
        Where the file is missing, is no YAML, or holds an unknown key or a value that does not fit.
    """
    file = Path(path)
    if not file.is_file():
        found = "a folder" if file.is_dir() else "no such file"
        raise ConfigError(f"{file}: {found}; give the path of a pipeline's YAML file")
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{file}: cannot be read as YAML: {reason}") from None
    config = parse_config(raw, origin=str(file))
    base = file.resolve().parent
    resolved = {
        table: _relative_to(base, value)
        for table in TABLE_NAMES
        if (value := getattr(config.sources, table)) is not None
    }
    return config.model_copy(update={"sources": SourcesConfig(**resolved)})


def _relative_to(base: Path, source: str) -> str:
    return source if Path(source).is_absolute() else str(base / source)


def _first_problem(error: ValidationError, raw: dict[str, Any]) -> str:
    problem = error.errors()[0]
    where = [str(part) for part in problem["loc"]]
    key = ".".join(where)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(where[:-1])
        return (
            f"unknown key '{key}'{nearest(where[-1], known)}; "
            f"known keys here: {', '.join(sorted(known))}"
        )
    if problem["type"] == "missing":
        return f"key '{key}' is missing"
    message = problem["msg"].removeprefix("Value error, ")
    found = "" if isinstance(problem["input"], dict) else f", found {problem['input']!r}"
    return f"key '{key}': {message}{found}"


def _known_keys(where: list[str]) -> list[str]:
    model: type[BaseModel] = PipelineConfig
    for part in where:
        field = model.model_fields.get(part)
        if field is None:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model = field.annotation
        elif part == "behaviours":
            model = BehaviourConfig
    return [field.alias or name for name, field in model.model_fields.items()]
