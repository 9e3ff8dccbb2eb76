"""What runs the pipeline, and what it may use of the machine."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from engagement_ml.config.frozen import Frozen
from engagement_ml.errors import nearest

EngineKind = Literal["duckdb", "spark"]
KINDS: tuple[str, ...] = get_args(EngineKind)


class EngineConfig(Frozen):
    """Which engine holds the data, its limits, and where it keeps what it need not compute again.

    ``engine: spark`` in place of keys says the kind alone.

    Attributes
    ----------
    kind : {"duckdb", "spark"} or None
        None is Spark where tables are given as PySpark frames, else DuckDB.
    memory : str or None
        Such as ``"2GB"``; what does not fit spills to disk. By default half of the machine's. Of
        Spark it is the driver's, and a local session's in all.
    threads : int or None
        By default one a core.
    spill : str or None
        The folder to spill into; by default the system's temporary folder.
    keep : str or None, default ".engagement_ml"
        The folder of what runs keep for the next one, relative to the configuration's file; null
        keeps nothing. Deleting it costs time, nothing else. Spark keeps nothing.
    options : dict of str to str
        Spark's own settings by their names, such as ``spark.master``, for a session that is made.
    """

    kind: EngineKind | None = None
    memory: str | None = Field(default=None, pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGTkmgt]i?[Bb]$")
    threads: int | None = Field(default=None, ge=1)
    spill: str | None = Field(default=None, min_length=1)
    keep: str | None = Field(default=".engagement_ml", min_length=1)
    options: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if value is not None and value not in KINDS:
            raise ValueError(
                f"is no engine{nearest(str(value), KINDS)}; the engines are {', '.join(KINDS)}"
            )
        return value

    @field_validator("options", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        # YAML reads numbers and truth values; Spark takes text.
        return {
            key: str(told).lower() if isinstance(told, bool) else str(told)
            for key, told in value.items()
        }

    @field_validator("options")
    @classmethod
    def _of_spark(cls, value: dict[str, str]) -> dict[str, str]:
        for key in value:
            if not key.startswith("spark."):
                raise ValueError(f"'{key}' is no setting of Spark; their names begin with 'spark.'")
        return value

    @model_validator(mode="after")
    def _options_go_with_spark(self) -> EngineConfig:
        if self.options and self.kind != "spark":
            raise ValueError("options are settings of Spark; they go with kind: spark")
        return self
