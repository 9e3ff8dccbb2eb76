"""Parsing of a configuration from plain data or a YAML file; each error is a single line."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engagement_ml.config.pipeline import PipelineConfig
from engagement_ml.config.problems import all_problems
from engagement_ml.config.sections import TABLE_NAMES, SourcesConfig
from engagement_ml.errors import ConfigError, InvalidConfigError
from engagement_ml.faults import machine_faults_named
from engagement_ml.plain_types import as_path

_DATE = re.compile(r"(?<![0-9])([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])")


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which notes a key that is given twice; YAML would keep the last."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.problems: list[str] = []

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping's content."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key.value, str) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                self.problems.append(
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
    engagement_ml.errors.InvalidConfigError: configuration: unknown key 'windws' (did you...
    """
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{origin}: expected keys and values such as 'name: shop-engagement', "
            f"found {type(raw).__name__}"
        )
    try:
        return PipelineConfig.model_validate(raw)
    except ValidationError as error:
        raise InvalidConfigError(
            [f"{origin}: {problem}" for problem in all_problems(error, PipelineConfig)]
        ) from None


@machine_faults_named()
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
    file = as_path(path, "a pipeline's YAML file")
    if not file.is_file():
        problem = "a folder" if file.is_dir() else "no such file"
        raise ConfigError(f"{file}: {problem}; give the path of a pipeline's YAML file")
    text = ""
    try:
        text = file.read_text(encoding="utf-8")
        loader = _Loader(text)
        raw = loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A date that does not exist, such as 2024-02-30, is a ValueError.
        raise ConfigError(
            f"{file}: cannot be read as YAML: {_reason(error)}{_impossible_date(text)}"
        ) from None
    twice = [f"{file}: {problem}" for problem in loader.problems]
    try:
        config = parse_config(raw, origin=str(file))
    except InvalidConfigError as error:
        raise InvalidConfigError([*twice, *error.problems]) from None
    if twice:
        raise InvalidConfigError(twice)
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
    keep, card = config.engine.keep, config.scorecard
    of_scores = {
        key: _relative_to(base, value)
        for key in ("weights", "scores")
        if (value := getattr(card, key)) is not None
    }
    return config.model_copy(
        update={
            "sources": SourcesConfig(**resolved),
            "experiments": experiments,
            "scorecard": card.model_copy(update=of_scores),
            "engine": config.engine.model_copy(
                update={"keep": _relative_to(base, keep) if keep else None}
            ),
        }
    )


def _relative_to(base: Path, source: str) -> str:
    absolute = Path(source).is_absolute() or is_uri(source)
    return source if absolute else str(base / source)


def _reason(error: Exception) -> str:
    """Return what is wrong and where, without the line itself, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and mark is not None:
        what = " ".join(filter(None, (error.context, error.problem)))
        return f"{what} in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())


def _impossible_date(text: str) -> str:
    """Return the place of the first date that does not exist, or nothing."""
    for number, line in enumerate(text.splitlines(), start=1):
        for year, month, day in _DATE.findall(line):
            try:
                dt.date(int(year), int(month), int(day))
            except ValueError:
                return f", found {year}-{month}-{day} in line {number}; give a date that exists"
    return ""


def is_uri(source: object) -> bool:
    """Return whether a source is a URI, such as ``s3a://shop/events``."""
    return re.match(r"[a-z][a-z0-9+.\-]+://", str(source)) is not None
