"""JSON Schema of the ``evaluation.json`` that `evaluate` writes: contestants and differences."""

from __future__ import annotations

from typing import Any

from engagement_ml.evaluation.contest import ACROSS, BEYOND_RFM, TOP_DECILE_MARGIN, WITHIN
from engagement_ml.evaluation.schema import evaluation_schema

_BEYOND = (
    "Rank correlation with margin, given the prediction of recency, frequency and monetary value "
    "(partial correlation)."
)


def contest_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what `evaluate` returns.

    It is that of training's ``evaluation.json`` and ``contestants``, ``differences`` and
    ``comparison``.

    Examples
    --------
    >>> list(contest_schema()["properties"])[-3:]
    ['contestants', 'differences', 'comparison']
    """
    schema = evaluation_schema()
    properties = schema["properties"]
    reason = next(each for each in properties["churn"]["oneOf"] if "reason" in each["required"])
    model = {"profit": {"oneOf": [properties["profit"], reason]}, "churn": properties["churn"]}
    added = {
        "contestants": {
            "type": "array",
            "description": "Each score that was given, in its order.",
            "items": _contestant(model),
        },
        "differences": {
            "type": "array",
            "description": "The first minus the second, paired in each bootstrap sample: of each "
            "two contestants, and of each contestant and each baseline.",
            "items": _difference(),
        },
        "comparison": _comparison(),
    }
    return {
        **schema,
        "required": [*schema["required"], *added],
        "properties": {**properties, **model, **added},
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [schema, {"type": "null"}]}


def _interval(description: str) -> dict[str, Any]:
    return {**_nullable({"$ref": "#/$defs/interval"}), "description": description}


def _part(measures: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(measures),
        "properties": {name: _interval(text) for name, text in measures.items()},
        "additionalProperties": False,
    }


def _score(*, contestant: bool) -> dict[str, Any]:
    across = {measure.name: measure.description for measure in ACROSS}
    parts = {
        "across": _part({**across, BEYOND_RFM: _BEYOND} if contestant else across),
        "within": _part({measure.name: measure.description for measure in WITHIN}),
    }
    return {"type": "object", "required": list(parts), "properties": parts}


def _contestant(model: dict[str, Any]) -> dict[str, Any]:
    score = _score(contestant=True)["properties"]
    text, number = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
    properties = {
        "name": {"type": "string", "description": "Its name, unique in the evaluation."},
        "kind": {"enum": ["run", "metric", "scores"], "description": "What it is."},
        "source": {"type": "string", "description": "Where it was read from."},
        "evidence": {**text, "description": "The evidence of a metric."},
        "definition_hash": {**text, "description": "The definition hash of a metric."},
        "observation_days": {**number, "description": "The days in which a metric counts."},
        "fit_until": {**text, "description": "The first day that its fitting did not use."},
        "out_of_time": {
            "type": ["boolean", "null"],
            "description": "Whether it had not seen the outcomes; null if that is not known.",
        },
        **{part: _nullable(held) for part, held in score.items()},
        **{name: _nullable(held) for name, held in model.items()},
        "customers": {"type": "integer", "description": "Customers that have this score."},
        "of": {"type": "integer", "description": "Customers at these cutoffs."},
        "age_days": {
            "type": ["number", "null"],
            "description": "Median age of a score from elsewhere at a cutoff.",
        },
        "notes": {"type": "array", "items": {"type": "string"}},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _difference() -> dict[str, Any]:
    parts = {
        "across": _part(
            {
                "spearman": "Difference of the rank correlations.",
                TOP_DECILE_MARGIN: "Difference of the mean margins of the top tenths.",
            }
        ),
        "within": _part({"spearman": "Difference of the rank correlations of changes."}),
    }
    names = {"first": {"type": "string"}, "second": {"type": "string"}}
    return {
        "type": "object",
        "required": [*names, *parts],
        "properties": {**names, **parts},
        "additionalProperties": False,
    }


def _comparison() -> dict[str, Any]:
    dates = {"type": "array", "items": {"type": "string", "format": "date"}}
    scores = {"type": "object", "additionalProperties": _score(contestant=False)}
    segment = {
        "segment": {"type": "string"},
        "value": {"type": "string"},
        "customers": {"type": "integer"},
        "scores": scores,
        "differences": {"type": "array", "items": _difference()},
    }
    properties = {
        "entity": {"type": "string", "description": "The noun for a customer."},
        "currency": {"type": "string", "description": "The currency of margin."},
        "customers": {"type": "integer", "description": "Customers that all contestants have."},
        "of": {"type": "integer", "description": "Customers at these cutoffs."},
        "rows": {"type": "integer", "description": "Customer–cutoff rows that are compared."},
        "cutoffs": {**dates, "description": "The cutoffs that are measured."},
        "pairs": {"type": "array", "items": dates},
        "out_of_time": {
            "type": ["boolean", "null"],
            "description": "Whether no contestant had seen the outcomes; null if not known.",
        },
        "reason": {"type": "string", "description": "A sentence on `out_of_time`."},
        "max_score_age_days": {
            "type": ["integer", "null"],
            "description": "Days for which a score from elsewhere holds.",
        },
        "baselines": scores,
        "segments": {
            "type": "array",
            "items": {"type": "object", "required": list(segment), "properties": segment},
        },
        "notes": {"type": "array", "items": {"type": "string"}},
        "data": {"type": "string", "description": "Changes with the tables and the cutoffs."},
    }
    return {"type": "object", "required": list(properties), "properties": properties}
