"""JSON Schema of ``evaluation.json``, with the measures of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engagement_ml.evaluation.measures import MEASURES, Measure
from engagement_ml.evaluation.names import (
    BASE_RATE,
    BEST_SINGLE,
    EQUAL,
    FULL,
    LAST_PERIOD,
    METRIC,
    RFM,
    TOTAL,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_BASELINES = {
    METRIC: "The metric.",
    EQUAL: "The metric with equal weights: the same behaviours and transforms, and 100/k points "
    "for each of its k behaviours.",
    BEST_SINGLE: "The count of the behaviour with the highest Spearman correlation with margin in "
    "the training cutoffs; a note names the behaviour.",
    TOTAL: "The number of events of all behaviours.",
    RFM: "The model on recency, frequency and monetary value alone.",
    FULL: "The profit model, with all features.",
    LAST_PERIOD: "The margin of the observation window, scaled to the length of the outcome "
    "window.",
    BASE_RATE: "The churn rate of the training cutoffs, for all customers.",
}


def evaluation_schema(measures: Sequence[Measure] = MEASURES) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``evaluation.json``, as plain JSON types.

    Further scores and keys are allowed.

    Parameters
    ----------
    measures : sequence of Measure
        The measures that were given to ``evaluate``.

    Examples
    --------
    >>> profit = evaluation_schema()["properties"]["profit"]
    >>> list(profit["properties"])
    ['r2', 'spearman', 'gini', 'calibration', 'baselines']
    """
    dates = {"type": "array", "items": {"type": "string", "format": "date"}}
    notes = {
        "type": "array",
        "items": {"type": "string"},
        "description": "What could not be measured and why, and caveats.",
    }
    return {
        "$schema": DIALECT,
        "title": "Evaluation",
        "description": "The models and the metric, measured on cutoffs after the training data.",
        "type": "object",
        "required": ["format", "test_cutoffs", "profit", "churn", "metric", "notes"],
        "properties": {
            "format": {"const": 1, "description": "The version of this file format."},
            "train_cutoffs": {**dates, "description": "The cutoffs of the training rows."},
            "test_cutoffs": {**dates, "description": "The cutoffs that are measured."},
            "n_entities": {"type": "integer", "description": "The number of customers measured."},
            "n_rows": {"type": "integer", "description": "The number of customer–cutoff rows."},
            "profit": _model("The profit model.", "profit", measures, (LAST_PERIOD, RFM)),
            "churn": _churn(measures),
            "metric": _metric(measures, notes),
            "notes": notes,
        },
        "$defs": {"interval": _interval(), "decile": _decile()},
    }


def _model(
    description: str, part: str, measures: Sequence[Measure], baselines: Sequence[str]
) -> dict[str, Any]:
    of_part = [measure for measure in measures if measure.part == part]
    shared = [measure for measure in of_part if not measure.outcome_only]
    return {
        "type": "object",
        "description": description,
        "required": [*(measure.name for measure in of_part), "calibration", "baselines"],
        "properties": {
            **_intervals(of_part),
            "calibration": {
                "type": "array",
                "items": {"$ref": "#/$defs/decile"},
                "description": "Mean prediction and mean outcome by decile of the prediction.",
            },
            "baselines": _scores("The same measures for baselines.", baselines, shared),
        },
    }


def _churn(measures: Sequence[Measure]) -> dict[str, Any]:
    reason = {
        "type": "object",
        "required": ["reason"],
        "properties": {
            "reason": {"type": "string", "description": "Why the churn model is not measured."}
        },
    }
    model = _model("The churn model.", "churn", measures, (BASE_RATE, RFM))
    return {"oneOf": [model, reason]}


def _metric(measures: Sequence[Measure], notes: dict[str, Any]) -> dict[str, Any]:
    scores = (METRIC, EQUAL, BEST_SINGLE, TOTAL, RFM, FULL)
    across = [measure for measure in measures if measure.part == "across"]
    within = [measure for measure in measures if measure.part == "within"]
    difference = {
        "difference": {
            "oneOf": [{"$ref": "#/$defs/interval"}, {"type": "null"}],
            "description": "The metric's Spearman minus this one's, paired in each bootstrap "
            "sample; null for the metric itself.",
        }
    }
    return {
        "type": "object",
        "description": "The metric and its baselines.",
        "required": ["across", "within", "vanity", "pairs", "notes"],
        "properties": {
            "across": _scores(
                "Between customers: scores and the margin after them.",
                scores,
                across,
                difference,
                # Earlier versions of the package did not write it.
                required=False,
            ),
            "within": _scores(
                "Within customers: changes of scores and the changes of margin after them.",
                scores,
                within,
                difference,
            ),
            "vanity": _scores(
                "The same within customers, for counts of behaviours that are correlated with "
                "margin and do not move it.",
                (),
                within,
                difference,
            ),
            "pairs": {
                "type": "array",
                "items": {"type": "array", "items": {"type": "string", "format": "date"}},
                "description": "The earlier and the later cutoff of each change.",
            },
            "earlier_margin_seen_in_fitting": {
                "type": ["boolean", "null"],
                "description": "Whether the margin at the start of changes was used in fitting; "
                "null if no change is measured.",
            },
            "notes": notes,
        },
    }


def _scores(
    description: str,
    names: Sequence[str],
    measures: Sequence[Measure],
    further: dict[str, Any] | None = None,
    *,
    required: bool = True,
) -> dict[str, Any]:
    own, more = _intervals(measures), further or {}
    needed = [*own, *(more if required else ())]
    row = {"type": "object", "required": needed, "properties": own | more}
    return {
        "type": "object",
        "description": description,
        "properties": {name: {**row, "description": _BASELINES[name]} for name in names},
        "additionalProperties": row,
    }


def _intervals(measures: Sequence[Measure]) -> dict[str, Any]:
    return {
        measure.name: {
            "oneOf": [{"$ref": "#/$defs/interval"}, {"type": "null"}],
            "description": measure.description,
        }
        for measure in measures
    }


def _interval() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "An estimate with its 95% bootstrap interval; null if it is not defined.",
        "required": ["value", "low", "high"],
        "properties": {
            "value": {"type": "number", "description": "The estimate."},
            "low": {"type": "number", "description": "Lower end of the interval."},
            "high": {"type": "number", "description": "Upper end of the interval."},
        },
        "additionalProperties": False,
    }


def _decile() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["decile", "predicted", "observed", "n"],
        "properties": {
            "decile": {"type": "integer", "minimum": 1, "maximum": 10},
            "predicted": {"type": "number", "description": "Mean prediction."},
            "observed": {"type": "number", "description": "Mean outcome."},
            "n": {"type": "integer", "description": "The number of rows."},
        },
    }
