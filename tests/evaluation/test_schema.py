"""The JSON Schema of evaluation.json accepts what the evaluation writes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from engagement_ml.evaluation import MEASURES, Measure, evaluate, evaluation_schema
from engagement_ml.models import ChurnModel, ProfitModel

GOLDEN = Path(__file__).parents[1] / "golden" / "expected"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(evaluation_schema())
    return jsonschema.Draft202012Validator(evaluation_schema())


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_evaluations_of_real_runs_are_valid(validator, path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))["evaluation"]
    validator.validate(result)
    assert set(result) - {"sample"} == set(evaluation_schema()["properties"])


def test_damaged_evaluations_are_refused(validator) -> None:
    text = (GOLDEN / "shop.json").read_text(encoding="utf-8")
    for damage in (
        lambda e: e.pop("metric"),
        lambda e: e["profit"].pop("r2"),
        lambda e: e["profit"].update(r2=0.5),
        lambda e: e["profit"]["r2"].pop("low"),
        lambda e: e["metric"]["within"]["metric"].pop("difference"),
        lambda e: e["metric"]["across"]["metric"].update(spearman={"value": "0.5"}),
        lambda e: e["churn"].pop("rate"),
        lambda e: e.update(notes="none"),
    ):
        result = json.loads(text)["evaluation"]
        damage(result)
        assert not validator.is_valid(result)


def test_a_measure_from_outside_the_list_is_part_of_the_schema(panel, windows) -> None:
    bias = Measure("bias", "profit", lambda s: s.spearman * 0, "no rows", description="Zero.")
    measures = (*MEASURES, bias)
    result = evaluate(
        panel,
        profit=ProfitModel().fit(panel, windows=windows),
        churn=ChurnModel().fit(panel, windows=windows),
        score=lambda counts: np.log1p(counts["lesson"]),
        windows=windows,
        measures=measures,
        seed=0,
        n_bootstrap=2,
    )
    schema = evaluation_schema(measures)
    jsonschema.Draft202012Validator(schema).validate(result)
    assert schema["properties"]["profit"]["properties"]["bias"]["description"] == "Zero."


def test_every_measure_is_described() -> None:
    assert all(measure.description for measure in MEASURES)
