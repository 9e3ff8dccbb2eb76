"""A run on a sample: training uses the sample, its size is reported, scores cover all customers."""

from __future__ import annotations

import json
import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import engagement_ml as em
from engagement_ml.cli import main
from engagement_ml.config import parse_config
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.workflow import evaluate, score, train, write_features
from engagement_ml.workflow.sampling import relative_half_widths
from tests.conftest import SETTINGS, stand_in_search

DRAWN = 120


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: Any, migrated_store: Path, shop_files: Path) -> SimpleNamespace:
    """The small shop of 300 customers, trained on 120, with a stand-in for the driver search."""
    from engagement_ml import drivers

    folder = tmp_path_factory.mktemp("sampled")
    shutil.copy(migrated_store, folder / "mlflow.db")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    sources = {n: str(shop_files / f"{n}.parquet") for n in ("events", "transactions", "customers")}
    config = parse_config(
        {
            **SETTINGS,
            "sources": sources,
            "tracking": {"uri": store},
            "sample": {"customers": DRAWN},
        }
    )
    seen: list[set[int]] = []
    steps: list[str] = []
    search = stand_in_search("tutorial_done", "wishlist_add")

    def find_drivers(periods: Any, panel: Any, *rest: Any, **more: Any) -> Any:
        seen.extend([set(periods.entities.tolist()), set(panel.frame["customer_id"].tolist())])
        return search(periods, panel, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drivers, "find_drivers", find_drivers, raising=False)
        result = train(config, output=folder / "run", on_step=steps.append)
    return SimpleNamespace(
        config=config, result=result, folder=result.folder, store=store, seen=seen, steps=steps
    )


def test_training_uses_only_the_drawn_customers(sampled: SimpleNamespace) -> None:
    of_periods, of_panel = sampled.seen
    assert len(of_panel) == DRAWN == sampled.result.record.n_entities
    assert of_periods <= of_panel


def test_the_record_states_the_sample_and_its_precision(sampled: SimpleNamespace) -> None:
    summary = json.loads((sampled.folder / "run.json").read_text())["sample"]
    # The stand-in's drivers have an effect of 2/3, from 1/3 to 1.
    half = {name: pytest.approx(0.5) for name in ("tutorial_done", "wishlist_add")}
    assert summary == {
        "customers": DRAWN,
        "of": 300,
        "share": 0.4,
        "by": ["spending", "activity", "segment plan"],
        "n_strata": summary["n_strata"],
        "wider": pytest.approx(math.sqrt(2.5)),
        "half_widths": half,
    }
    assert 10 < summary["n_strata"] < 120
    assert sampled.result.evaluation["sample"] == {"customers": DRAWN, "of": 300}
    assert sampled.result.evaluation["n_entities"] <= DRAWN
    assert "Building features of 120 of 300 customers" in sampled.steps
    assert "Building features" in sampled.result.record.seconds


def test_report_terminal_and_store_state_the_sample(
    sampled: SimpleNamespace, monkeypatch: Any, capsys: Any
) -> None:
    import mlflow

    from engagement_ml.report import print_summary

    sentences = (
        "Trained on 120 of 300 customers (40.0%), a random sample stratified by spending, activity "
        "and segment plan. Scores cover all customers. Intervals are up to 1.6 times as wide as "
        "with all customers; the estimated effects are accurate to ±50%. To use more, set "
        "'sample.customers' in the configuration."
    )
    page = (sampled.folder / "report.html").read_text()
    assert sentences in page.replace("&#39;", "'")
    # At the head of the report and in its section on the data.
    assert page.count("120 of 300 customers") == 2
    print_summary(sampled.result.record)
    assert sentences in " ".join(capsys.readouterr().out.split())
    run_id = sampled.result.registered["run_id"]
    params = mlflow.MlflowClient(sampled.store).get_run(run_id).data.params
    assert params["sample.customers"] == params["drawn_sample.customers"] == "120"
    assert params["drawn_sample.of"] == "300"

    monkeypatch.setattr(sys, "argv", ["engagement-ml", "evaluate", str(sampled.folder)])
    with pytest.raises(SystemExit):
        main()
    assert ", of 120 drawn from 300" in capsys.readouterr().out


def test_scores_and_features_cover_all_customers(
    sampled: SimpleNamespace, shop_files: Path, tmp_path: Path
) -> None:
    customers = pd.read_parquet(shop_files / "customers.parquet")
    scores = score(
        sampled.folder,
        str(shop_files / "events.parquet"),
        customers=str(shop_files / "customers.parquet"),
        output=tmp_path / "scores.parquet",
    )
    assert scores.n_entities == 300
    written = pd.read_parquet(tmp_path / "scores.parquet")
    assert set(written["customer_id"]) == set(customers["customer_id"])
    write_features(sampled.config, tmp_path / "features")
    features = pd.read_parquet(tmp_path / "features" / "features.parquet")
    assert features["customer_id"].nunique() == 300


def test_evaluating_again_uses_the_same_customers(sampled: SimpleNamespace) -> None:
    again = evaluate(sampled.folder)
    assert again["notes"].pop(0).startswith("Of the customers, ")
    assert {key: again[key] for key in sampled.result.evaluation} == sampled.result.evaluation
    all_customers = sampled.config.model_copy(
        update={"sample": sampled.config.sample.model_copy(update={"customers": None})}
    )
    evaluation = evaluate(sampled.folder, all_customers)
    assert "sample" not in evaluation
    assert evaluation["n_entities"] > 2 * sampled.result.evaluation["n_entities"]


def test_a_run_on_all_customers_mentions_no_sample(trained: SimpleNamespace) -> None:
    assert trained.result.record.sample is None
    assert "sample" not in trained.result.evaluation
    assert "a random sample" not in (trained.folder / "report.html").read_text()


def test_a_model_in_a_notebook_draws_a_sample_too(small_shop: Any, quick_drivers: Any) -> None:
    windows = {"observation_days": 28, "outcome_days": 28}
    model = em.EngagementModel(name="shop", windows=windows, sample={"customers": DRAWN})
    model.fit(small_shop.events, small_shop.transactions)
    assert model.record_.sample.customers == DRAWN == model.record_.n_entities
    assert len(model.score(small_shop.events)) == small_shop.events["customer_id"].nunique()


def test_precision_is_stated_for_effects_from_observation() -> None:
    coupon = DriverRow("coupon", "harmful", False, 1, 0.5, -2.0, -3.0, -1.5, 0.0, None, "")
    rows = [
        coupon,
        replace(coupon, behaviour="like", verdict="vanity"),
        replace(coupon, behaviour="tested", verdict="driver", basis="experiment"),
        replace(coupon, behaviour="unsure", verdict="driver", effect_low=None),
    ]
    assert relative_half_widths(rows) == {"coupon": 0.375}
