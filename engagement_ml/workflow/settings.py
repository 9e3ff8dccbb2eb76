"""The configuration of a run: from where it is given to what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from engagement_ml.config import PipelineConfig, is_uri, parse_config, read_config


def as_config(config: PipelineConfig | str | Path | Mapping[str, Any]) -> PipelineConfig:
    """Return a configuration from itself, its YAML file's path, or its keys and values.

    Raises
    ------
    ConfigError
        Where it cannot be read or holds an unknown key.

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
    """Return the configuration with absolute source paths; none for tables given as frames."""
    found = {}
    for table in type(config.sources).model_fields:
        source = (frames or {}).get(table)
        if source is None:
            source = getattr(config.sources, table)
        found[table] = _absolute(source) if isinstance(source, str | Path) else None
    experiments = tuple(
        test.model_copy(update={"table": _absolute(test.table)}) if test.table else test
        for test in config.experiments
    )
    return config.model_copy(
        update={"sources": type(config.sources)(**found), "experiments": experiments}
    )


def to_yaml(config: PipelineConfig) -> str:
    """Return the whole configuration as YAML that ``read_config`` reads back."""
    text: str = yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True)
    return text


def _absolute(source: str | Path) -> str:
    return str(source) if is_uri(source) else str(Path(source).absolute())
