"""JSON Schema of the configuration, and its keys as rows for the reference documentation.

``python -m engagement_ml.config.schema`` prints the schema.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from engagement_ml.config.pipeline import PipelineConfig
from engagement_ml.config.problems import model_in

SCHEMA_URL = "https://engagement-ml.github.io/engagement-ml/reference/pipeline.schema.json"
"""Where the documentation site has the schema of this version."""


class ConfigKey(NamedTuple):
    """One key of the configuration.

    Attributes
    ----------
    key : str
        Path with dots: ``windows.gap_days``, ``behaviours.<name>.role``, ``experiments[].lift``.
    default : Any
        Plain JSON value; None for keys without a default.
    required : bool
        Whether the key has no default.
    description : str
        Meaning and unit.
    """

    key: str
    default: Any
    required: bool
    description: str


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``PipelineConfig``, short forms included.

    Examples
    --------
    >>> schema = config_schema()
    >>> schema["required"], schema["properties"]["random_seed"]["default"]
    (['name'], 0)
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_URL,
        **PipelineConfig.model_json_schema(by_alias=True),
    }


def config_keys() -> tuple[ConfigKey, ...]:
    """Return all keys of the configuration in their order, those of sections after the section.

    Examples
    --------
    >>> keys = {key.key: key for key in config_keys()}
    >>> keys["windows.observation_days"].default, keys["name"].required
    (84, True)
    >>> keys["tracking.register"].description[:18]
    'Whether the metric'
    """
    return tuple(_keys(PipelineConfig, ""))


def schema_text() -> str:
    """Return the JSON Schema as the text of a file."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def _keys(section: type[BaseModel], prefix: str) -> Iterator[ConfigKey]:
    for name, field in section.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        default = None if field.is_required() else _default(field)
        yield ConfigKey(key, default, field.is_required(), field.description or "")
        nested = model_in(field.annotation)
        if nested is not None:
            yield from _keys(nested, f"{key}{_element(field.annotation)}.")


def _default(field: FieldInfo) -> Any:
    return to_jsonable_python(field.get_default(call_default_factory=True), by_alias=True)


def _element(annotation: Any) -> str:
    """Return how the keys of a list or a mapping of sections are written."""
    return {tuple: "[]", dict: ".<name>"}.get(get_origin(annotation), "")


if __name__ == "__main__":
    sys.stdout.write(schema_text())
