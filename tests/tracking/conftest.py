"""A separate tracking database for each test, copied from one that was migrated once."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import pytest

from engagement_ml.drivers.evidence import DriverEvidence, DriverRow
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.records import RunRecord
from engagement_ml.tables.quality import TableQuality
from engagement_ml.tracking.session import import_mlflow, tracking_session
from engagement_ml.windows import History, Windows


@pytest.fixture(scope="session")
def migrated(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "mlflow.db"
    status: list[str] = []
    with tracking_session(f"sqlite:///{file}", on_status=status.append):
        pass
    assert any("database" in line for line in status)
    return file


@pytest.fixture
def uri(migrated, tmp_path) -> str:
    folder = tmp_path / "mlruns"
    folder.mkdir()
    shutil.copy(migrated, folder / "mlflow.db")
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture
def mlflow(monkeypatch):
    """MLflow without a tracking URI; what a test sets is unset after it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    module = import_mlflow()
    yield module
    module.set_tracking_uri(None)
    # MLflow leaves the variable if a session restored it.
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture
def metric() -> EngagementMetric:
    unit = "events in 84 days"
    return EngagementMetric(
        name="shop-engagement",
        evidence="driver",
        observation_days=84,
        outcome_days=84,
        behaviours=(
            WeightedBehaviour(
                "tutorial done", 60, 50, 70, "frequency", unit, Transform("log1p", 3, None, 12)
            ),
            WeightedBehaviour(
                "review/long", 40, 30, 50, "frequency", unit, Transform("hill", 2, 1.5, 20)
            ),
        ),
    )


@pytest.fixture
def abstained() -> EngagementMetric:
    return EngagementMetric(
        name="shop-engagement",
        evidence="driver",
        observation_days=84,
        outcome_days=84,
        behaviours=(),
        reason="No behaviour passed every check.",
    )


def _driver(behaviour: str, *, effect: float | None, selected: bool) -> DriverRow:
    return DriverRow(
        behaviour=behaviour,
        verdict="driver",
        selected=selected,
        shap_rank=1,
        mean_abs_shap=0.5,
        effect=effect,
        effect_low=None,
        effect_high=None,
        selection_frequency=1.0,
        saturation_point=None,
        reason="made up, for a test",
    )


@pytest.fixture
def record(metric) -> RunRecord:
    value = {"value": 0.31, "low": 0.28, "high": 0.34}
    return RunRecord(
        name="shop-engagement",
        entity="customer",
        currency="EUR",
        created_at="2024-01-01T00:00:00+00:00",
        version="0.1.0",
        config={"name": "shop-engagement", "windows": {"observation_days": 84, "cutoffs": None}},
        windows=Windows(
            observation_days=84,
            outcome_days=84,
            gap_days=0,
            train=(dt.date(2023, 9, 10),),
            test=(dt.date(2023, 12, 3),),
            fit_until=dt.date(2023, 12, 3),
            history=History(dt.date(2023, 1, 1), dt.date(2024, 3, 1)),
        ),
        tables=(TableQuality("events", "events.parquet", 10, 9, (), None, None, "ab" * 32),),
        n_entities=100,
        n_rows=400,
        metric=metric.to_dict(),
        evidence=DriverEvidence(
            "driver",
            choices=(),
            reason=None,
            drivers=(
                _driver("tutorial done", effect=1.5, selected=True),
                _driver("review/long", effect=None, selected=False),
            ),
        ),
        evaluation={
            "profit": {"r2": value},
            "metric": {
                "across": {"metric": {"spearman": value}},
                "within": {"metric": {"spearman": None}},
            },
        },
        seconds={"Reading tables": 0.5},
    )


@pytest.fixture
def folder(metric, tmp_path) -> Path:
    run_folder = tmp_path / "run"
    (run_folder / "mlruns").mkdir(parents=True)
    (run_folder / "mlruns" / "other.db").write_text("not a result")
    metric.to_json(run_folder / "metric.json")
    (run_folder / "drivers.csv").write_text("behaviour,verdict\n")
    return run_folder
