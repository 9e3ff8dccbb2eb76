"""From tables to a registered metric, with every allowed version of the dependencies."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

import engagement_ml as em

# Old versions of dependencies warn about themselves; with today's, other tests do the same.
pytestmark = [pytest.mark.slow, pytest.mark.seldom, pytest.mark.filterwarnings("default")]
SETTINGS = {
    "name": "smoke",
    "windows": {"observation_days": 28, "outcome_days": 28, "every_days": 28},
    "features": {"sessions": True},
    "segments": ["plan"],
    "select": {"require": "indicator"},
}


@pytest.fixture(scope="module")
def shop():
    return em.make_shop(400, 40, seed=1)


@pytest.fixture(scope="module")
def trained(shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("smoke")
    config = em.PipelineConfig.model_validate(
        {**SETTINGS, "tracking": {"uri": f"sqlite:///{folder / 'mlflow.db'}"}}
    )
    frames = {
        "events": shop.events,
        "transactions": shop.transactions,
        "customers": shop.customers,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return em.train(config, frames=frames, output=folder / "run")


def test_training_leaves_its_files_and_a_registered_metric(trained) -> None:
    names = {path.name for path in trained.folder.iterdir()}
    assert {"metric.json", "drivers.csv", "evaluation.json", "report.html"} <= names
    evaluation = json.loads((trained.folder / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["profit"]
    assert trained.registered["model"] == "smoke"


def test_the_registered_metric_scores_as_the_file_does(trained, shop) -> None:
    from_file = em.EngagementMetric.from_json(trained.folder / "metric.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from_registry = em.load_metric(
            f"models:/smoke/{trained.registered['version']}",
            tracking_uri=trained.registered["tracking_uri"],
        )
    assert from_registry.definition_hash == from_file.definition_hash
    if not from_file.abstained:
        counts = pd.DataFrame({b.behaviour: [0.0, 2.0] for b in from_file.behaviours})
        scores = from_file.score(counts)["score"]
        assert scores[0] == 0.0
        assert scores[1] > 0.0
        assert "SELECT" in from_file.to_sql_events("events", "2024-09-01")


def test_scores_and_features_cover_every_customer(trained, shop) -> None:
    scores = em.score(trained.folder, shop.events).frame
    assert set(scores["customer_id"]) == set(shop.events["customer_id"])
    assert scores["score"].mean() > 1
    panel = em.features(shop.events, shop.transactions, shop.customers, config=SETTINGS)
    assert {"customer_id", "cutoff", "margin"} <= set(panel.columns)
    assert any(column.startswith("session__") for column in panel.columns)
    assert np.isfinite(panel["margin"].dropna()).all()


def test_polars_frames_give_the_same_features(shop) -> None:
    pl = pytest.importorskip("polars")
    tables = (shop.events, shop.transactions, shop.customers)
    from_pandas = em.features(*tables, config=SETTINGS)
    from_polars = em.features(*map(pl.from_pandas, tables), config=SETTINGS)
    pd.testing.assert_frame_equal(from_pandas, from_polars)
