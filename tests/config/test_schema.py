"""JSON Schema of the configuration: it accepts and rejects what the parser does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from engagement_ml.config import parse_config
from engagement_ml.config.schema import config_keys, config_schema
from engagement_ml.errors import ConfigError
from engagement_ml.plain_types import plain

PIPELINES = sorted((Path(__file__).parents[2] / "pipelines").glob("*.yaml"))
SHORT_FORMS: list[dict[str, Any]] = [
    {"sample": 5000},
    {"sample": None},
    {"engine": "spark"},
    {"engine": {"kind": "spark", "options": {"spark.sql.shuffle.partitions": 8}}},
    {"features": {"sessions": True}},
    {"features": {"ratios": [{"name": "lost", "begun": "visit", "done": ["call", "mail"]}]}},
    {"tracking": {"register": False}},
    {"windows": {"cutoffs": ["2024-03-01"]}},
]
INVALID: list[dict[str, Any]] = [
    {"windws": {}},
    {"sample": 7},
    {"engine": "polars"},
    {"select": {"require": "vanity"}},
    {"behaviours": {"visit": {"cost_per_event": -1}}},
]


def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator(config_schema())


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.stem)
def test_the_schema_accepts_the_example_pipelines(pipeline: Path) -> None:
    # JSON has no dates: editors see the text of a date, as JSON does.
    validator().validate(plain(yaml.safe_load(pipeline.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("keys", SHORT_FORMS)
def test_the_schema_accepts_short_forms(keys: dict[str, Any]) -> None:
    raw = {"name": "shop", **keys}
    validator().validate(raw)
    validator().validate(parse_config(raw).to_dict())


@pytest.mark.parametrize("keys", INVALID)
def test_the_schema_rejects_what_the_parser_rejects(keys: dict[str, Any]) -> None:
    raw = {"name": "shop", **keys}
    with pytest.raises(ConfigError):
        parse_config(raw)
    assert not validator().is_valid(raw)


def test_every_key_has_a_description_and_the_parsers_default() -> None:
    keys = {key.key: key for key in config_keys()}
    assert all(key.description.endswith(".") for key in keys.values())
    defaults = parse_config({"name": "shop"}).to_dict()
    assert defaults["name"] == "shop"
    assert {name: keys[name].default for name in defaults if name != "name"} == {
        name: value for name, value in defaults.items() if name != "name"
    }
    assert [name for name, key in keys.items() if key.required] == [
        "name",
        "shape.<name>.unroll.start",
        "features.ratios[].name",
        "sequences[].first",
        "sequences[].then",
        "experiments[].behaviour",
        *(f"goals[].{key}" for key in ("name", "measure", "target", "start", "end")),
        *(f"benchmarks[].{key}" for key in ("measure", "value", "source", "date")),
    ]


def test_the_module_prints_the_schema() -> None:
    printed = subprocess.run(
        [sys.executable, "-W", "error", "-m", "engagement_ml.config.schema"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(printed.stdout) == config_schema()
