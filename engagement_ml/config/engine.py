"""Configuration of the engine: what runs the pipeline, and what it may use of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from engagement_ml.config.frozen import Frozen
from engagement_ml.config.secrets import masked_options
from engagement_ml.errors import nearest

EngineKind = Literal["duckdb", "spark"]
KINDS: tuple[str, ...] = get_args(EngineKind)


class EngineConfig(Frozen):
    """Engine that holds the data, its limits, and the folder of its cache.

    ``engine: spark`` is short for ``engine: {kind: spark}``.
    """

    kind: EngineKind | None = Field(
        default=None,
        description="Engine: duckdb or spark. null is spark if tables are given as PySpark "
        "frames, else duckdb.",
    )
    memory: str | None = Field(
        default=None,
        pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGTkmgt]i?[Bb]$",
        description="Memory limit, such as 2GB; data beyond it spills to disk. For Spark, memory "
        "of the driver, which is all memory of a local session. null is half of the machine's "
        "memory.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=4096, description="Number of threads; null is one per core."
    )
    spill: str | None = Field(
        default=None,
        min_length=1,
        description="Folder to spill into; null is the system's temporary folder.",
    )
    keep: str | None = Field(
        default=".engagement_ml",
        min_length=1,
        description="Folder of the cache that speeds up the next run, relative to the "
        "configuration's file; it can be deleted at any time. null caches nothing, and Spark "
        "never does.",
    )
    options: dict[str, str] = Field(
        default_factory=dict,
        description="Spark settings by name, such as spark.master, for a session that the run "
        "starts. Needs kind: spark. ${NAME} is an environment variable, for secrets.",
        json_schema_extra={"additionalProperties": {"type": ["string", "number", "boolean"]}},
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield the keys and values that a notebook shows: without secrets."""
        for name, value in super().__repr_args__():
            yield name, masked_options(value) if name == "options" else value

    @model_validator(mode="before")
    @classmethod
    def _from_kind(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("kind", mode="before")
    @classmethod
    def _is_known(cls, value: Any) -> Any:
        if value is not None and value not in KINDS:
            raise ValueError(
                f"is not an engine{nearest(str(value), KINDS)}; the engines are {', '.join(KINDS)}"
            )
        return value

    @field_validator("options", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        # YAML parses numbers and booleans; Spark takes text.
        return {
            key: str(setting).lower() if isinstance(setting, bool) else str(setting)
            for key, setting in value.items()
        }

    @field_validator("options")
    @classmethod
    def _are_spark_settings(cls, value: dict[str, str]) -> dict[str, str]:
        for key in value:
            if not key.startswith("spark."):
                raise ValueError(f"'{key}' is not a Spark setting; their names begin with 'spark.'")
        return value

    @model_validator(mode="after")
    def _options_need_spark(self) -> EngineConfig:
        if self.options and self.kind != "spark":
            raise ValueError("options are Spark settings and need 'kind: spark'")
        return self
