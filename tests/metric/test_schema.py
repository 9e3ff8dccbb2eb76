"""The JSON Schema of metric.json accepts what the code accepts, and refuses what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric, metric_schema

GOLDEN = Path(__file__).parents[1] / "golden" / "expected"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(metric_schema())
    return jsonschema.Draft202012Validator(metric_schema())


def range_of_scores() -> tuple[float, ...]:
    return tuple(float(score) for score in range(101))


def test_definitions_are_valid(validator, metric, abstained) -> None:
    names = (metric.behaviours[0].behaviour,)
    known = dataclasses.replace(metric, score_quantiles=range_of_scores(), derived=names)
    by_hand = EngagementMetric.from_weights({"visit": 1})
    for definition in (metric, abstained, known, by_hand):
        validator.validate(json.loads(definition.to_json()))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_metrics_of_real_runs_are_valid(validator, path) -> None:
    validator.validate(json.loads(path.read_text(encoding="utf-8"))["metric"])


def changed(raw: dict[str, Any], path: tuple, value: Any) -> dict[str, Any]:
    raw = copy.deepcopy(raw)
    parent: Any = raw
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return raw


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), 2),
        (("evidence",), "proof"),
        (("abstained",), True),
        (("behaviours",), {}),
        (("behaviours",), []),
        (("observation_days",), 0),
        (("gap_days",), -1),
        (("name",), 7),
        (("reason",), 7),
        (("score_quantiles",), [0.0, 100.0]),
        (("score_quantiles",), [*range(100), 101]),
        (("behaviours", 0, "label"), 7),
        (("definition_hash",), "0"),
        (("behaviours", 0), "review"),
        (("behaviours", 0, "behaviour"), ""),
        (("behaviours", 0, "feature"), "recency"),
        (("behaviours", 0, "weight"), 0),
        (("behaviours", 0, "weight"), "much"),
        (("behaviours", 0, "weight_high"), 101),
        (("behaviours", 1, "transform"), None),
        (("behaviours", 1, "transform", "kind"), "x"),
        (("behaviours", 1, "transform", "shape"), 21),
        (("behaviours", 1, "transform", "scale"), None),
        (("behaviours", 1, "transform", "cap"), 0),
    ],
)
def test_code_and_schema_refuse_the_same(validator, metric, path, value) -> None:
    raw = changed(metric.to_dict(), path, value)
    assert not validator.is_valid(raw)
    with pytest.raises(InputError):
        EngagementMetric.from_dict(raw)


@pytest.mark.parametrize("key", metric_schema()["required"])
def test_required_keys_are_required(validator, metric, key) -> None:
    raw = metric.to_dict()
    del raw[key]
    assert not validator.is_valid(raw)
    with pytest.raises(InputError):
        EngagementMetric.from_dict(raw)


def test_optional_and_unknown_keys_may_be_absent_or_present(validator, metric) -> None:
    raw = metric.to_dict()
    required = set(metric_schema()["required"])
    for key in set(raw) - required:
        less = {name: value for name, value in raw.items() if name != key}
        validator.validate(less)
        EngagementMetric.from_dict(less)
    validator.validate({**raw, "colour": "red"})


def test_every_key_of_a_definition_is_described(metric) -> None:
    schema = metric_schema()
    names = (metric.behaviours[0].behaviour,)
    known = dataclasses.replace(metric, score_quantiles=range_of_scores(), derived=names)
    parts = [(known.to_dict(), schema["properties"])]
    behaviour = metric.to_dict()["behaviours"][1]
    parts.append((behaviour, schema["$defs"]["behaviour"]["properties"]))
    for raw, properties in parts:
        assert list(raw) == list(properties)
        assert all(p["description"] for p in properties.values())
    for kind in ("linear", "log1p", "hill"):
        assert list(schema["$defs"][kind]["properties"]) == list(behaviour["transform"])
