"""The checks that need outcomes, from tables, with a trained run."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from engagement_ml.datasets import make_shop
from engagement_ml.engine import open_engine
from engagement_ml.inputs import read_tables
from engagement_ml.lifecycle.monitoring.early_warning import COLUMNS
from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow.early_warnings import ALL_EVENTS, falls_before
from engagement_ml.workflow.outcome_checks import check_outcomes
from engagement_ml.workflow.runs import Run, open_run

LINKS = {"tutorial_done", "wishlist_add", "score"}


@pytest.fixture(scope="module")
def newer():
    """The shop twelve weeks later, with forty customers who stopped a week ago."""
    shop = make_shop(300, 52, seed=1)
    end = shop.transactions["timestamp"].max().normalize()
    busy = shop.events["customer_id"].value_counts().index[:40]
    gone = shop.events["customer_id"].isin(busy) & (
        shop.events["timestamp"] >= end - np.timedelta64(6, "D")
    )
    frames = {
        "events": shop.events[~gone],
        "transactions": shop.transactions,
        "customers": shop.customers,
    }
    return frames, set(busy)


def check(run: Run, frames, as_of: dt.date | None = None):
    config = run.config()
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames)
        day = as_of or tables.history.end
        falls = falls_before(tables, config, run.metric(), day)
        return check_outcomes(run, tables, config, day), falls


@pytest.fixture(scope="module")
def checked(trained, newer):
    with open_run(trained.folder) as run:
        return check(run, newer[0])


def test_every_link_model_and_warning_has_a_row_with_its_reason(checked):
    rows = checked[0].result.rows
    subjects = {(row.kind, row.subject) for row in rows}
    assert {s for kind, s in subjects if kind == "link"} == LINKS
    models = {"profit", "profit slope", "churn", "churn slope"}
    assert {s for kind, s in subjects if kind == "calibration"} == models
    assert ("early_warning", "customer") in subjects
    assert len(subjects) == len(rows)
    for row in rows:
        assert row.sentence.endswith(".")
        assert (row.value is None) <= (row.status == "unknown")
    calibrated = next(row for row in rows if row.subject == "profit")
    assert calibrated.value > 0
    json.dumps(checked[0].result.details, allow_nan=False)


def test_those_who_stopped_are_warned_of(checked, newer):
    table, falls = checked[0].warnings, checked[1]
    assert tuple(table.columns) == COLUMNS
    assert falls.behaviours == ("tutorial_done", "wishlist_add", ALL_EVENTS)
    warned = set(table["customer_id"])
    assert len(warned & newer[1]) > 20
    assert len(warned - newer[1]) <= 0.3 * len(warned)
    backtest = checked[0].result.details["early_warnings"]["backtest"]
    assert backtest["cutoffs"] > 1
    assert set(backtest["rankings"]) >= {"early warnings", "churn model"}


def test_at_the_end_of_the_training_data_it_cannot_tell_yet(trained, newer):
    with open_run(trained.folder) as run:
        end = run.record().windows.history.end
        rows = check(run, newer[0], end)[0].result.rows
    calibration = [row for row in rows if row.kind == "calibration"]
    assert {row.status for row in calibration} == {"unknown"}
    assert all("yet" in row.sentence or "matured" in row.sentence for row in calibration)


def test_a_metric_that_abstained_has_no_links(trained, newer, monkeypatch):
    abstaining = EngagementMetric("small-shop", "driver", 28, 28, (), reason="nothing passed")
    monkeypatch.setattr(Run, "metric", lambda _: abstaining)
    with open_run(trained.folder) as run:
        result, _ = check(run, newer[0])
    assert not [row for row in result.result.rows if row.kind == "link"]
    assert any("abstained" in note for note in result.result.notes)
    assert result.warnings.empty
