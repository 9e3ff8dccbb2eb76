"""Randomised experiments in training: from the configuration to the files of the run."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from engagement_ml import EngagementError, EngagementModel, drivers
from engagement_ml.config import read_config
from engagement_ml.drivers.selection import shap_importance
from engagement_ml.workflow import train


@pytest.fixture
def experiments_given(tmp_path) -> list[dict]:
    rng = np.random.default_rng(0)
    arm = rng.choice(["mail", "none"], 4000)
    margin = rng.gamma(1.0, 30.0, 4000) + 20.0 * (arm == "mail")
    table = pd.DataFrame({"arm": arm, "margin": margin.round(2), "plan": rng.choice([*"ab"], 4000)})
    table.to_csv(tmp_path / "mail.csv", index=False)
    return [
        {
            "behaviour": "wishlist_add", "name": "Mail in May", "table": "mail.csv",
            "arm_column": "arm", "treated_arm": "mail", "control_arm": "none",
            "outcome_column": "margin", "segments": ["plan"],
        },
        {
            "behaviour": "tutorial_done", "treated": 900, "control": 900, "lift": -15.0,
            "low": -20.0, "high": -10.0,
        },
    ]  # fmt: skip


def test_training_passes_the_experiments_to_the_driver_search(
    write_yaml, experiments_given, tmp_path, monkeypatch
) -> None:
    passed = []

    def find_drivers(periods, panel, windows, config, *, experiments, on_step):
        passed.extend(experiments)
        raise KeyboardInterrupt

    monkeypatch.setattr(drivers, "find_drivers", find_drivers, raising=False)
    file = write_yaml(experiments=experiments_given, tracking={"uri": None})
    with pytest.raises(KeyboardInterrupt):
        train(file, output=tmp_path / "run")
    assert [result.behaviour for result in passed] == ["wishlist_add", "tutorial_done"]
    assert passed[0].found.lift.low < 20 < passed[0].found.lift.high
    assert passed[0].days == 28
    assert not (tmp_path / "run").exists()


def test_a_run_records_the_results_of_the_experiments(
    write_yaml, experiments_given, tmp_path, monkeypatch
) -> None:
    """300 customers are too few for observational evidence, so the experiments decide."""
    monkeypatch.setattr(shap_importance, "_MOST_ROWS", 1000)
    monkeypatch.setattr(shap_importance, "_MOST_EXPLAINED", 300)
    file = write_yaml(experiments=experiments_given, tracking={"uri": None})
    result = train(file, output=tmp_path / "run")
    rows = pd.read_csv(tmp_path / "run" / "drivers.csv").set_index("behaviour")
    assert rows.loc["wishlist_add", ["verdict", "basis"]].tolist() == ["driver", "experiment"]
    assert rows.loc["tutorial_done", "verdict"] == "harmful"
    assert rows.loc["tutorial_done", "effect_low"] == -20.0
    assert (rows.loc[["page_view", "coupon_use"], "basis"] == "observation").all()
    chosen = [behaviour.behaviour for behaviour in result.metric.behaviours]
    assert "wishlist_add" in chosen
    assert "tutorial_done" not in chosen
    recorded = json.loads((tmp_path / "run" / "run.json").read_text())["experiments"]
    assert [row["behaviour"] for row in recorded["results"]] == ["tutorial_done", "wishlist_add"]
    assert len(recorded["results"][1]["by_segment"]) == 2
    again = read_config(tmp_path / "run" / "config.yaml")
    assert again.experiments[0].table == str(tmp_path / "mail.csv")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Mail in May" in page


def test_a_model_in_a_notebook_takes_experiments_too(experiments_given) -> None:
    model = EngagementModel(name="shop", experiments=experiments_given[1:])
    assert model.config.experiments[0].lift == -15.0
    with pytest.raises(
        EngagementError, match=r"key 'experiments.0': 'lift' also needs the key 'control'"
    ):
        EngagementModel(experiments=[{**experiments_given[1], "control": None}]).fit()
