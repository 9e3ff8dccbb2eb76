"""JSON Schema of ``metric.json``, for validation and for the reference documentation."""

from __future__ import annotations

from typing import Any

from engagement_ml.metric.behaviour import FEATURES
from engagement_ml.metric.evidence import EVIDENCES
from engagement_ml.metric.parameters import N_QUANTILES
from engagement_ml.metric.serial import BEHAVIOUR_REQUIRED, FORMAT, REQUIRED

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def metric_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``metric.json``, as plain JSON types.

    A schema cannot express three of the rules that `EngagementMetric.from_json` checks: the
    weights add up to exactly 100, ``score_quantiles`` do not decrease, and ``definition_hash`` is
    the hash of the definition. Unknown keys are allowed, as later versions may add some.

    Examples
    --------
    >>> schema = metric_schema()
    >>> schema["properties"]["evidence"]["enum"]
    ['driver', 'indicator', 'by_hand']
    >>> sorted(schema["$defs"])
    ['behaviour', 'hill', 'linear', 'log1p']
    """
    return {
        "$schema": DIALECT,
        "title": "Engagement metric",
        "description": "The definition of an engagement metric: all that scoring needs.",
        "type": "object",
        "required": [*REQUIRED, "behaviours"],
        "properties": _properties(),
        "if": {"properties": {"behaviours": {"maxItems": 0}}},
        "then": {
            "description": "A metric without behaviours abstains, and gives the reason.",
            "required": ["reason"],
            "properties": {
                "abstained": {"const": True},
                "reason": {"type": "string", "minLength": 1},
            },
        },
        "else": {"properties": {"abstained": {"const": False}}},
        "$defs": {"behaviour": _behaviour(), **_transforms()},
    }


def _properties() -> dict[str, Any]:
    return {
        "name": {"type": "string", "description": "The name of the registered model."},
        "format": {"const": FORMAT, "description": "The version of this file format."},
        "definition_hash": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "SHA-256 of everything that determines scores: the observation window, "
            "the behaviours, their weights and transforms. Two metrics with the same hash give "
            "the same scores.",
        },
        "evidence": {
            "enum": list(EVIDENCES),
            "description": "driver: changes of these behaviours are followed by changes of "
            "margin, and the evidence passed every check. indicator: the behaviours predict "
            "margin, which is no proof that raising them raises margin. by_hand: the weights were "
            "set by hand, not learned from data.",
        },
        "abstained": {
            "type": "boolean",
            "description": "Whether no behaviour passed, so that the metric cannot score.",
        },
        "reason": {
            "type": ["string", "null"],
            "description": "Why the metric abstained, in a sentence; null if it did not.",
        },
        "currency": {
            "type": "string",
            "default": "EUR",
            "description": "The currency of margin, such as EUR.",
        },
        "entity": {
            "type": "string",
            "default": "customer",
            "description": "The noun for those who are scored, such as customer or partner.",
        },
        "observation_days": {
            "type": "integer",
            "minimum": 1,
            "description": "The days before the day of scoring in which events are counted.",
        },
        "gap_days": {
            "type": "integer",
            "minimum": 0,
            "default": 0,
            "description": "The days between the day of scoring and the outcome window.",
        },
        "outcome_days": {
            "type": "integer",
            "minimum": 1,
            "description": "The length of the outcome window, in which margin is counted, in days.",
        },
        "behaviours": {
            "type": "array",
            "items": {"$ref": "#/$defs/behaviour"},
            "description": "The behaviours of the metric; empty if it abstained. The score is the "
            "sum of their points, from 0 to 100.",
        },
        "score_quantiles": {
            "type": "array",
            "items": {"type": "number", "minimum": 0, "maximum": 100},
            "minItems": N_QUANTILES,
            "maxItems": N_QUANTILES,
            "description": "The 0th to 100th percentile of the scores of customers at the last "
            "training cutoff; they do not decrease. Absent if they are not known. Scores do not "
            "depend on them.",
        },
        "derived": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The behaviours that no row of the events table has, as they follow "
            "from links between actors and customers, or from sequences of events. Absent if "
            "there are none.",
        },
    }


def _behaviour() -> dict[str, Any]:
    bound = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
    return {
        "type": "object",
        "required": list(BEHAVIOUR_REQUIRED),
        "properties": {
            "behaviour": {
                "type": "string",
                "minLength": 1,
                "description": "The event type. A table of counts has a column of this name.",
            },
            "label": {
                "type": ["string", "null"],
                "description": "The name for displays; null means the event type.",
            },
            "weight": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 100,
                "description": "The most points that the behaviour adds to the score. The weights "
                "of all behaviours add up to 100.",
            },
            "weight_low": {**bound, "description": "Lower end of the weight's 95% interval."},
            "weight_high": {**bound, "description": "Upper end of the weight's 95% interval."},
            "feature": {
                "enum": list(FEATURES),
                "description": "frequency: the number of events in the observation window.",
            },
            "unit": {
                "type": "string",
                "default": "events",
                "description": "The unit of the feature for displays, such as events in 84 days.",
            },
            "transform": {
                "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in _transforms()],
                "description": "From the count to a share of the weight: 0 without events, 1 from "
                "cap events on. The share is min(g(count) / g(cap), 1).",
            },
        },
    }


def _transforms() -> dict[str, Any]:
    positive = {"type": "number", "exclusiveMinimum": 0}
    cap = {**positive, "description": "The number of events from which all points are earned."}
    unused = {"type": "null", "description": "Not used by this kind."}
    log_scale = {
        **positive,
        "description": "The number of events around which saturation sets in; at most 10,000 "
        "times cap.",
    }
    half = {**positive, "description": "The number of events at half of the curve's maximum."}
    shape = {**positive, "maximum": 20, "description": "The steepness of the curve."}
    return {
        "linear": _transform("linear", "g(x) = x.", unused, unused, cap),
        "log1p": _transform("log1p", "g(x) = ln(1 + x / scale).", log_scale, unused, cap),
        "hill": _transform(
            "hill", "g(x) = x^shape / (x^shape + scale^shape), a Hill curve.", half, shape, cap
        ),
    }


def _transform(
    kind: str,
    formula: str,
    scale: dict[str, Any],
    shape: dict[str, Any],
    cap: dict[str, Any],
) -> dict[str, Any]:
    parameters = {"scale": scale, "shape": shape}
    used = [name for name, schema in parameters.items() if schema["type"] != "null"]
    return {
        "type": "object",
        "description": formula,
        "required": ["kind", *used, "cap"],
        "properties": {"kind": {"const": kind}, **parameters, "cap": cap},
    }
