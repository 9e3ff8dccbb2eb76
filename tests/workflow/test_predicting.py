"""Predictions are those of the run's models on features built as in training."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engagement_ml.drivers.evidence import Choice
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.errors import InputError
from engagement_ml.records import RunRecord
from engagement_ml.workflow import predict, score
from engagement_ml.workflow.feature_frame import features
from engagement_ml.workflow.runs import open_run
from engagement_ml.workflow.scored.next_behaviour import next_gains

NAMES = ["expected_margin", "margin_low", "margin_high", "churn_risk"]


@pytest.fixture
def home(trained, tmp_path, monkeypatch) -> SimpleNamespace:
    monkeypatch.chdir(tmp_path)
    return trained


def test_predictions_are_those_of_the_models_at_that_day(home) -> None:
    with open_run(home.folder) as run:
        profit, churn = run.models()
        record, config = run.record(), run.config()
    day = record.windows.test[-1]
    predictions = predict(home.folder, as_of=day, output="p.parquet", progress=False)
    frame = predictions.frame.set_index("customer_id")
    panel = features(config=config, windows={**config.to_dict()["windows"], "cutoffs": None})
    rows = panel[panel["cutoff"] == pd.Timestamp(day)].set_index("customer_id")
    stand_in = SimpleNamespace(frame=rows)
    assert frame.index.tolist() == rows.index.tolist()
    np.testing.assert_allclose(frame["expected_margin"], profit.predict(stand_in), rtol=1e-12)
    at_risk = rows["churned"].notna()
    assert frame["churn_risk"].notna().equals(at_risk)
    np.testing.assert_allclose(frame["churn_risk"][at_risk], churn.predict(stand_in)[at_risk])
    low, high = record.prediction_intervals.bounds(frame["expected_margin"])
    np.testing.assert_array_equal(frame[["margin_low", "margin_high"]], np.c_[low, high])
    # The stated coverage is that of other customers, and holds on this cutoff.
    inside = (low <= rows["margin"]) & (rows["margin"] <= high)
    assert abs(inside.mean() - record.prediction_intervals.coverage) < 0.08
    assert predictions.notes[0].startswith("margin_low and margin_high are made to hold the margin")


def test_scores_have_the_predictions_of_their_day(home, small_shop) -> None:
    scores = score(home.folder, home.events, predict=True, output="s.duckdb", progress=False)
    alone = predict(home.folder, as_of=scores.as_of, output="p.csv", progress=False)
    assert set(alone.frame.columns) == {"customer_id", *NAMES}
    both = scores.frame.merge(alone.frame, on="customer_id", suffixes=("", "_alone"))
    assert len(both) == scores.n_entities
    for name in NAMES:
        np.testing.assert_allclose(both[name], both[f"{name}_alone"], rtol=1e-12)
    some = pd.DataFrame({"customer_id": [*small_shop.customers["customer_id"].head(3), 999_999]})
    few = score(home.folder, home.events, customers=some, predict=True, progress=False)
    assert few.frame["expected_margin"].isna().tolist() == [False, False, False, True]
    assert any("1 customers have a score and no prediction" in note for note in few.notes)


def test_a_day_on_which_nothing_can_be_predicted_is_refused(home) -> None:
    for as_of, message in (
        ("2024-08-01T12:00:00", "is no whole day"),
        ("2024-01-03", "is too early: the tables do not cover the observation window of 28 days"),
    ):
        with pytest.raises(InputError, match=message):
            predict(home.folder, as_of=as_of, output="p.csv", progress=False)
    assert not list(Path().iterdir())


def test_what_the_predictions_lack_is_said(home, small_shop) -> None:
    with open_run(home.folder) as run:
        windows = run.record().windows
    early = windows.fit_until - dt.timedelta(days=30)
    notes = predict(home.folder, as_of=early, progress=False).notes
    assert any("the models were fitted to outcomes until" in note for note in notes)
    late = windows.history.end + dt.timedelta(days=9)
    notes = predict(home.folder, as_of=late, progress=False).notes
    assert any(note.startswith("the transactions end on") for note in notes)
    renamed = small_shop.events.replace({"event_type": {"coupon_use": "coupon"}})
    notes = predict(home.folder, frames={"events": renamed}, progress=False).notes
    assert "there is no event of type coupon_use any more, which counts as none" in notes
    assert "the models do not use events of type coupon, new since the training" in notes
    paid = small_shop.transactions.copy()
    paid["customer_id"] = paid["customer_id"].mask(paid.index == paid.index[0])
    notes = predict(home.folder, frames={"transactions": paid}, progress=False).notes
    assert any("1 row dropped" in note and "transactions" in note for note in notes)


def test_covariates_must_be_those_of_the_training(home, small_shop) -> None:
    customers = small_shop.customers
    for changed, message in (
        (customers.drop(columns="region"), r"'region' is missing or holds nothing usable"),
        (customers.assign(region=1.0), r"'region' holds numbers, and held text"),
    ):
        with pytest.raises(InputError, match=message):
            predict(home.folder, frames={"customers": changed}, progress=False)


def test_a_run_of_an_earlier_version_predicts_without_intervals(home) -> None:
    shutil.copytree(home.folder, "old")
    raw = RunRecord.from_json(Path("old/run.json")).to_dict()
    del raw["prediction_intervals"]
    RunRecord.from_dict(raw).to_json("old/run.json")
    predictions = predict("old", progress=False)
    assert predictions.frame[["margin_low", "margin_high"]].isna().all(axis=None)
    assert predictions.frame["expected_margin"].notna().all()
    text = "the run was made by a version without intervals; train again"
    assert any(text in note for note in predictions.notes)


def test_the_customers_keep_the_users_name(home, small_shop) -> None:
    names = {"customer_id": "user"}
    config = {
        "name": "other",
        "columns": dict.fromkeys(("events", "transactions", "customers"), names),
    }
    frames = {
        name: getattr(small_shop, name).rename(columns=names)
        for name in ("events", "transactions", "customers")
    }
    frame = predict(home.folder, config, frames=frames, progress=False).frame
    assert frame.columns.tolist() == ["user", *NAMES]
    assert frame["user"].tolist() == sorted(small_shop.customers["customer_id"])


def with_curve(record: RunRecord, kind: str, x: np.ndarray, effect: np.ndarray, **row) -> RunRecord:
    """Return the record with a response of its first behaviour, and its row changed."""
    first = record.metric["behaviours"][0]["behaviour"]
    numbers = tuple(effect.tolist())
    curve = ResponseCurve(tuple(x.tolist()), numbers, numbers, numbers, None, 2.0, 5.0, kind)
    drivers = tuple(
        dataclasses.replace(each, **row) if each.behaviour == first else each
        for each in record.drivers
    )
    choices = tuple(
        Choice(c.behaviour, c.weight, None, None, kind, 2.0, None, c.cap)
        for c in record.evidence.choices
    )
    evidence = dataclasses.replace(
        record.evidence, responses={first: curve}, drivers=drivers, choices=choices
    )
    return dataclasses.replace(record, evidence=evidence)


def test_the_next_event_is_worth_its_step_on_the_curve_less_its_cost(home) -> None:
    record, metric = home.result.record, home.result.metric
    x = np.linspace(0.0, 40.0, 5)
    curve = with_curve(record, "log1p", x, 10 * np.log1p(x / 2), cost_per_event=0.5)
    first = metric.behaviours[0].behaviour
    gains = next_gains(metric, curve).gains[first].gain
    # Points of the curve lie ten events apart; its formula gives the steps between them.
    expected = 10 * np.diff(np.log1p(np.arange(41) / 2)) - 0.5
    np.testing.assert_allclose(gains, expected, rtol=1e-9)
    turning = with_curve(record, "turning", np.arange(4.0), np.array([0.0, 5.0, 4.0, 1.0]))
    np.testing.assert_allclose(next_gains(metric, turning).gains[first].gain, [5.0, -1.0, -3.0])
    vanity = with_curve(record, "linear", x, x, verdict="vanity")
    assert next_gains(metric, vanity).note
    tested = with_curve(record, "linear", x, x, basis="experiment")
    assert next_gains(metric, tested).gains[first].evidence == "experiment"


def test_the_next_best_behaviour_is_null_beyond_the_curve_and_where_nothing_pays(
    home, small_shop
) -> None:
    shutil.copytree(home.folder, "run")
    metric = home.result.metric
    effect = np.array([0.0, 5.0, 9.0, 8.0])
    with_curve(home.result.record, "turning", np.arange(4.0), effect).to_json("run/run.json")
    frame = score("run", home.events, next_best=True, progress=False).frame
    first = metric.behaviours[0].behaviour
    events = small_shop.events
    window = events[events["timestamp"] >= events["timestamp"].max().normalize()
                    - pd.Timedelta(days=27)]  # fmt: skip
    counts = window[window["event_type"] == first]["customer_id"].value_counts()
    n = frame["customer_id"].map(counts).fillna(0).astype(int)
    expected = n.map({0: 5.0, 1: 4.0})
    pd.testing.assert_series_equal(frame["next_best_gain"], expected, check_names=False)
    assert (frame["next_best"].isna() == expected.isna()).all()
    assert set(frame["next_best"].dropna()) == {first}
    assert set(frame["next_best_evidence"].dropna()) == {"observational"}
    some = frame[n == 1].iloc[0]
    assert some["next_best_low"] <= 4.0 <= some["next_best_high"]
    assert f"{first}: 1 event in 28 days; one more is worth €4.00 (" in some["next_best_reason"]
    assert some["next_best_reason"].endswith("if the effect is causal; observational evidence")
    empty = frame[["next_best_low", "next_best_high", "next_best_reason"]].isna().all(axis=1)
    assert (empty == expected.isna()).all()
