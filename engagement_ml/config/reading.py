"""Parsing of a configuration from plain data or a YAML file; each error is a single line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from engagement_ml.config.pipeline import PipelineConfig
from engagement_ml.config.sections import TABLE_NAMES, SourcesConfig
from engagement_ml.errors import ConfigError, nearest


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which refuses a key that is given twice; YAML would keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping's content."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key.value, str) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise ConfigError(
                    f"key '{key.value}' is given twice, in lines {seen[key.value]} and {line}; "
                    "keep one"
                )
            seen[key.value] = line
        return super().construct_mapping(node, deep=deep)


def parse_config(raw: Any, *, origin: str = "configuration") -> PipelineConfig:
    """Build a configuration from plain data.

    Parameters
    ----------
    raw : mapping
        Content of the YAML file.
    origin : str
        Name in error messages, such as the file's path.

    Raises
    ------
    ConfigError
        If a key is unknown (the message names the nearest known key), or a value does not fit.

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
    """Read a pipeline's YAML file; paths of sources are resolved relative to its folder.

    Parameters
    ----------
    path : path to a YAML file

    Raises
    ------
    ConfigError
        If the file is missing or is not YAML, a key is unknown, or a value does not fit.
    """
    file = Path(path)
    if not file.is_file():
        problem = "a folder" if file.is_dir() else "no such file"
        raise ConfigError(f"{file}: {problem}; give the path of a pipeline's YAML file")
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
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
    experiments = tuple(
        test.model_copy(update={"table": _relative_to(base, test.table)}) if test.table else test
        for test in config.experiments
    )
    keep = config.engine.keep
    return config.model_copy(
        update={
            "sources": SourcesConfig(**resolved),
            "experiments": experiments,
            "engine": config.engine.model_copy(
                update={"keep": _relative_to(base, keep) if keep else None}
            ),
        }
    )


def _relative_to(base: Path, source: str) -> str:
    absolute = Path(source).is_absolute() or is_uri(source)
    return source if absolute else str(base / source)


def is_uri(source: object) -> bool:
    """Return whether a source is a URI, such as ``s3a://shop/events``."""
    return re.match(r"[a-z][a-z0-9+.\-]+://", str(source)) is not None


def _first_problem(error: ValidationError, raw: dict[str, Any]) -> str:
    problem = error.errors()[0]
    path = [str(part) for part in problem["loc"]]
    key = ".".join(path)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        return (
            f"unknown key '{key}'{nearest(path[-1], known)}; "
            f"known keys here: {', '.join(sorted(known))}"
        )
    if problem["type"] == "missing":
        return f"key '{key}' is missing"
    message = problem["msg"].removeprefix("Value error, ")
    if not path:
        return message
    value = "" if isinstance(problem["input"], dict) else f", found {problem['input']!r}"
    return f"key '{key}': {message}{value}"


def _known_keys(path: list[str]) -> list[str]:
    model: type[BaseModel] = PipelineConfig
    for part in path:
        field = model.model_fields.get(part)
        if field is not None:
            model = model_in(field.annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section in a field's type: itself, or the elements of a list or mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)
