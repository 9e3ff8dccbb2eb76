"""Models as earlier versions registered them load, predict the same, and read no pickle."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engagement_ml.metric import EngagementMetric
from engagement_ml.models import ChurnModel, ProfitModel
from engagement_ml.tracking.session import import_mlflow

HERE = Path(__file__).parent
GENERATIONS = sorted(HERE.glob("generation_*"))
CASES = [(folder, name) for folder in GENERATIONS for name in ("metric", "profit", "churn")]
IDS = [f"{folder.name}-{name}" for folder, name in CASES]


def case_of(folder: Path, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    case = json.loads((folder / "cases.json").read_text(encoding="utf-8"))[name]
    return pd.DataFrame(case["input"]), np.array(case["expected"])


@pytest.fixture
def no_pickle(monkeypatch):
    """Let every way to read a pickle fail."""
    import cloudpickle
    import joblib

    def refuse(*args, **kwargs):
        pytest.fail("a pickle was read")

    class Refusing(pickle.Unpickler):
        __init__ = refuse

    monkeypatch.setattr(pickle, "Unpickler", Refusing)
    for module, names in (
        (pickle, ("load", "loads")),
        (cloudpickle, ("load", "loads")),
        (joblib, ("load",)),
        (np, ("load",)),
        (pd, ("read_pickle",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, refuse)


def test_there_are_golden_models():
    assert GENERATIONS


@pytest.mark.parametrize(("folder", "name"), CASES, ids=IDS)
def test_a_registered_model_predicts_what_it_did(folder, name, no_pickle):
    mlflow = import_mlflow()
    rows, expected = case_of(folder, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = mlflow.pyfunc.load_model(str(folder / name)).predict(rows)
    np.testing.assert_allclose(predicted.iloc[:, 0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("folder", "name"), CASES, ids=IDS)
def test_the_code_of_today_reads_the_files_and_predicts_the_same(folder, name, no_pickle):
    rows, expected = case_of(folder, name)
    artifacts = folder / name / "artifacts"
    if name == "metric":
        predicted = EngagementMetric.from_json(artifacts / "metric.json").score(rows)["score"]
    else:
        kind = ProfitModel if name == "profit" else ChurnModel
        text = (artifacts / f"{name}.txt").read_text(encoding="utf-8")
        predicted = kind.from_text(text).predict_frame(rows)
    np.testing.assert_allclose(predicted, expected, rtol=1e-9, atol=1e-9)


def test_the_folders_hold_no_pickle():
    files = [path for folder in GENERATIONS for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {"", ".json", ".py", ".txt", ".yaml"}
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]
