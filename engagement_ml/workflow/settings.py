"""Configuration of a run: as it is given, and as the run records it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from engagement_ml.config import PipelineConfig, is_uri, parse_config, read_config


def as_config(config: PipelineConfig | str | Path | Mapping[str, Any]) -> PipelineConfig:
    """Return the configuration from a `PipelineConfig`, a YAML file's path or a mapping.

    Raises
    ------
    ConfigError
        If it cannot be read or has an unknown key.

    Examples
    --------
    >>> as_config({"name": "shop-engagement"}).name
    'shop-engagement'
    """
    if isinstance(config, PipelineConfig):
        return config
    if isinstance(config, str | Path):
        return read_config(config)
    return parse_config(dict(config) if isinstance(config, Mapping) else config)


def resolved(config: PipelineConfig, frames: Mapping[str, Any] | None) -> PipelineConfig:
    """Return the configuration with absolute source paths, and null for tables given as frames."""
    sources = {}
    for table in type(config.sources).model_fields:
        source = (frames or {}).get(table)
        if source is None:
            source = getattr(config.sources, table)
        sources[table] = _absolute(source) if isinstance(source, str | Path) else None
    experiments = tuple(
        experiment.model_copy(update={"table": _absolute(experiment.table)})
        if experiment.table
        else experiment
        for experiment in config.experiments
    )
    return config.model_copy(
        update={"sources": type(config.sources)(**sources), "experiments": experiments}
    )


def on_engine(config: PipelineConfig, kind: str, origin: str) -> PipelineConfig:
    """Return the configuration on an engine of another kind; error messages name `origin`.

    Raises
    ------
    ConfigError
        If the engine is not known.
    """
    limits = config.engine.model_dump(exclude={"kind", *(() if kind == "spark" else ("options",))})
    keys = {"name": config.name, "engine": {**limits, "kind": kind}}
    return config.model_copy(update={"engine": parse_config(keys, origin=origin).engine})


def to_yaml(config: PipelineConfig) -> str:
    """Return the whole configuration as YAML for ``read_config``."""
    text: str = yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True)
    return text


def _absolute(source: str | Path) -> str:
    return str(source) if is_uri(source) else str(Path(source).absolute())
