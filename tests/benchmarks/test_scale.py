"""Scale benchmark: generated events, hand-written pandas, ratios and requirements."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import measurement
from benchmarks.measurement import Cost, FailedError, best_of, cached_measurement, measure_command
from benchmarks.recovery.jobs import HERE, PRODUCT_CODE, ROOT, SIMULATION_CODE
from benchmarks.scale import by_hand, tables, workload
from benchmarks.scale.events import BEHAVIOURS, write_data, write_next_day
from benchmarks.scale.measures import FEATURE_CODE, RUN_CODE
from engagement_ml.config import read_config
from engagement_ml.workflow import write_features


@pytest.fixture(scope="module")
def small_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    write_data(folder, 30_000)
    return folder


def cost(seconds: float, cpu: float = 1.0, peak: float = 0.5) -> dict:
    return best_of([Cost(seconds, cpu, peak)])


def panel(bare: float, first: float, again: float, peak: float = 2.0, check: float = 1.0) -> dict:
    return {
        "bare": cost(bare),
        "first": cost(first, first, peak),
        "again": cost(again),
        "check": cost(check),
        "moved": cost(first),
        "imports": cost(0.5, 0.5),
    }


@pytest.mark.parametrize(("power", "factor"), [(1.0, 3.0), (1.2, 0.5), (0.0, 7.0)])
def test_exponent_of_a_power_law(power, factor):
    sizes = [1e6, 1e7, 1e8]
    assert tables.exponent(sizes, [factor * size**power for size in sizes]) == pytest.approx(power)


def test_requirements_refer_to_the_largest_size():
    measurements = tables.Measurements(
        panels={10**6: panel(1.0, 9.0, 5.0), 10**8: panel(10.0, 29.0, 2.8)},
        pandas=(
            10**7,
            {"pandas": cost(10.0), "product": cost(2.0), "difference": {"largest": 0.0}},
        ),
        rivals={"tsfresh": (10**6, {"rival": cost(50.0), "product": cost(2.0), "columns": 3})},
        scoring=(
            10**7,
            {
                "metric": cost(2.0),
                "model": {"predict_seconds": 0.5, "shap_seconds": 1.5, "rows": 10**5},
            },
        ),
    )
    met = {name.split(",")[0]: ok for name, _, ok in tables.requirements(measurements)}
    assert met == {
        "features of 100 million events": True,
        "peak memory of features": True,
        "check": True,
        "one more day of events": True,
        "exponent of cost": True,
        "hand-written pandas takes at least 5 times as long (10 million)": True,
        "its numbers agree": True,
        "tsfresh takes at least 30 times as long (1 million)": False,
        "scoring 10 million customers": True,
    }
    assert tables.scaled(measurements.scoring[1]["model"], 10**7) == pytest.approx(200.0)


@pytest.mark.parametrize(
    ("figures", "failing"),
    [
        (panel(10.0, 31.0, 1.0), "at most 3 ×"),
        (panel(10.0, 29.0, 3.0), "one more day"),
        (panel(10.0, 29.0, 1.0, peak=4.1), "peak memory"),
        (panel(10.0, 29.0, 1.0, check=3.0), "check"),
    ],
)
def test_each_requirement_can_fail(figures, failing):
    rows = tables.requirements(tables.Measurements(panels={10**8: figures}))
    assert [failing in name for name, _, ok in rows if not ok] == [True]


def test_skipped_measurements_are_shown_and_have_no_requirement():
    measurements = tables.Measurements(
        panels={10**6: panel(1.0, 2.0, 0.1)},
        sessions={10**6: {"skipped": "unknown key 'features'"}},
        rivals={"featuretools": (10**6, {"skipped": "cannot be imported"})},
    )
    printed = tables.all_tables(measurements)
    assert "featuretools: skipped, cannot be imported" in printed
    assert "sessions: skipped, unknown key 'features'" in printed
    assert not [name for name, _, _ in tables.requirements(measurements) if "featuretools" in name]


def test_hand_written_pandas_agrees_with_the_package(small_data, tmp_path):
    copy = tmp_path / "copy"
    workload.link_copy(small_data, copy)
    write_features(read_config(workload.write_definition(copy)), copy / "product")
    pandas = tmp_path / "pandas.parquet"
    rows = by_hand.write_panel(small_data, pandas, workload.CUTOFFS, workload.OBSERVATION_DAYS)
    product = copy / "product" / "features.parquet"
    difference = by_hand.largest_difference(product, pandas, 10_000)
    assert difference["largest"] < 1e-9, difference
    assert difference["rows"] == rows == len(pd.read_parquet(product))
    assert {f"{b}__trend" for b in BEHAVIOURS} <= set(pd.read_parquet(pandas).columns)


def test_a_changed_number_is_a_difference(tmp_path):
    frame = pd.DataFrame({"customer_id": [1, 2], "cutoff": 0, "a": [1.0, 2.0], "b": [3.0, None]})
    frame.to_parquet(tmp_path / "product.parquet")
    for column, value in (("a", 2.001), ("b", 0.0)):
        frame.assign(**{column: [frame[column][0], value]}).to_parquet(tmp_path / "pandas.parquet")
        files = (tmp_path / "product.parquet", tmp_path / "pandas.parquet")
        difference = by_hand.largest_difference(*files, 10)
        assert difference["column"] == column
        assert difference["largest"] > 1e-4


def test_generated_events_and_one_more_day(small_data, tmp_path):
    events = pd.read_parquet(small_data / "events")
    assert len(events) == 30_000
    assert events["event_id"].is_unique
    assert events["timestamp"].dt.date.nunique() == workload.DAYS
    copy = tmp_path / "copy"
    workload.link_copy(small_data, copy)
    write_next_day(copy, 30_000)
    longer = pd.read_parquet(copy / "events")
    added = longer[~longer["event_id"].isin(events["event_id"])]
    assert len(longer) - len(events) == len(added) == 30_000 // workload.DAYS
    assert set(added["timestamp"].dt.date) == {dt.date(2024, 12, 30)}
    assert set(added["customer_id"]) <= set(range(10_000_000, 10_000_300))
    bought = pd.read_parquet(copy / "transactions.parquet")["timestamp"]
    assert bought.max() == pd.Timestamp("2024-12-30 23:59:59")
    assert len(pd.read_parquet(small_data / "events")) == 30_000


def test_a_measurement_is_cached_until_its_code_changes(tmp_path):
    code, results = tmp_path / "code.py", tmp_path / "results"
    code.write_text("a = 1")
    calls = []

    def measure() -> dict:
        calls.append(1)
        return {"seconds": float(len(calls))}

    for _ in range(2):
        assert cached_measurement(results, "x", [code], measure, events=1)["seconds"] == 1.0
    assert cached_measurement(results, "x", [code], measure, events=2)["seconds"] == 2.0
    code.write_text("a = 2")
    assert cached_measurement(results, "x", [code], measure, events=1)["seconds"] == 3.0


def test_missing_code_of_a_measurement_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.py: code of a measurement is missing"):
        cached_measurement(tmp_path, "x", [tmp_path / "absent.py"], dict)


def test_the_code_behind_measurements_exists():
    assert [path for path in [*FEATURE_CODE, *RUN_CODE] if not path.exists()] == []
    assert [name for name in SIMULATION_CODE if not (HERE / name).exists()] == []
    assert [part for part in PRODUCT_CODE if not (ROOT / "engagement_ml" / part).exists()] == []


def test_a_process_is_measured_and_its_failure_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(measurement, "ROOT", tmp_path)
    pages_of_this_process = bytearray(500_000_000)  # not those of the measured one
    work = "x = bytearray(300_000_000); import time; time.sleep(0.2); print('done')"
    measured, printed = measure_command([sys.executable, "-c", work])
    assert printed == "done\n"
    assert measured.seconds > 0.2
    assert 0.3 < measured.peak_gb < 0.4
    assert len(pages_of_this_process) == 500_000_000
    with pytest.raises(FailedError, match="ValueError: no such thing"):
        measure_command([sys.executable, "-c", "raise ValueError('no such thing')"])


def test_the_package_reads_the_written_definition(tmp_path):
    config = read_config(workload.write_definition(tmp_path))
    assert config.windows.cutoffs == workload.CUTOFFS
    assert config.engine.memory == workload.MEMORY
    assert Path(config.sources.events) == tmp_path / "events"
    with_sessions = json.loads(workload.write_definition(tmp_path, sessions=True).read_text())
    assert with_sessions["features"] == {"sessions": {}}
