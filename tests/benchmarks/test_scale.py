"""The benchmark of scale: its world, its pandas beside the product, its ratios and what holds."""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import measured
from benchmarks.measured import Cost, FailedError, best, cost_of, kept
from benchmarks.scale import by_hand, tables, world
from benchmarks.scale.events import BEHAVIOURS, write_next_day, write_world
from engagement_ml.config import read_config
from engagement_ml.workflow import write_features


@pytest.fixture(scope="module")
def small_world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, 30_000)
    return folder


def cost(seconds: float, cpu: float = 1.0, peak: float = 0.5) -> dict:
    return best([Cost(seconds, cpu, peak)])


def panel(bare: float, first: float, again: float, peak: float = 2.0) -> dict:
    return {
        "bare": cost(bare),
        "first": cost(first, first, peak),
        "again": cost(again),
        "moved": cost(first),
        "imports": cost(0.5, 0.5),
    }


@pytest.mark.parametrize(("power", "factor"), [(1.0, 3.0), (1.2, 0.5), (0.0, 7.0)])
def test_the_exponent_is_that_of_a_power_law(power, factor):
    sizes = [1e6, 1e7, 1e8]
    assert tables.exponent(sizes, [factor * size**power for size in sizes]) == pytest.approx(power)


def test_what_must_hold_is_judged_at_the_largest_size():
    found = tables.Found(
        panels={10**6: panel(1.0, 9.0, 5.0), 10**8: panel(10.0, 29.0, 2.8)},
        pandas=(10**7, {"pandas": cost(10.0), "ours": cost(2.0), "disagreement": {"largest": 0.0}}),
        rivals={"tsfresh": (10**6, {"rival": cost(50.0), "ours": cost(2.0), "columns": 3})},
        scoring=(
            10**7,
            {
                "metric": cost(2.0),
                "model": {"predict_seconds": 0.5, "shap_seconds": 1.5, "rows": 10**5},
            },
        ),
    )
    held = {what.split(",")[0]: ok for what, _, ok in tables.requirements(found)}
    assert held == {
        "features of 100 million events": True,
        "their peak memory": True,
        "after one more day": True,
        "exponent of cost": True,
        "pandas by hand takes at least 5 times as long (10 million)": True,
        "its numbers are ours": True,
        "tsfresh takes at least 30 times as long (1 million)": False,
        "scoring 10 million customers": True,
    }
    assert tables.scaled(found.scoring[1]["model"], 10**7) == pytest.approx(200.0)


@pytest.mark.parametrize(
    ("figures", "failing"),
    [
        (panel(10.0, 31.0, 1.0), "at most 3 ×"),
        (panel(10.0, 29.0, 3.0), "after one more day"),
        (panel(10.0, 29.0, 1.0, peak=4.1), "peak memory"),
    ],
)
def test_each_requirement_can_fail(figures, failing):
    rows = tables.requirements(tables.Found(panels={10**8: figures}))
    assert [failing in what for what, _, ok in rows if not ok] == [True]


def test_what_was_skipped_is_said_and_judged_neither_way():
    found = tables.Found(
        panels={10**6: panel(1.0, 2.0, 0.1)},
        sessions={10**6: {"skipped": "unknown key 'features'"}},
        rivals={"featuretools": (10**6, {"skipped": "cannot be imported"})},
    )
    printed = tables.everything(found)
    assert "featuretools: skipped, cannot be imported" in printed
    assert "sessions: skipped, unknown key 'features'" in printed
    assert not [what for what, _, _ in tables.requirements(found) if "featuretools" in what]


def test_pandas_by_hand_gives_the_numbers_of_the_product(small_world, tmp_path):
    live = tmp_path / "live"
    world.link_live(small_world, live)
    write_features(read_config(world.write_definition(live)), live / "ours")
    theirs = tmp_path / "theirs.parquet"
    rows = by_hand.write_panel(small_world, theirs, world.CUTOFFS, world.OBSERVATION_DAYS)
    ours = live / "ours" / "features.parquet"
    apart = by_hand.disagreement(ours, theirs, 10_000)
    assert apart["largest"] < 1e-9, apart
    assert apart["rows"] == rows == len(pd.read_parquet(ours))
    assert {f"{b}__trend" for b in BEHAVIOURS} <= set(pd.read_parquet(theirs).columns)


def test_a_changed_number_is_a_disagreement(tmp_path):
    frame = pd.DataFrame({"customer_id": [1, 2], "cutoff": 0, "a": [1.0, 2.0], "b": [3.0, None]})
    frame.to_parquet(tmp_path / "ours.parquet")
    for column, value in (("a", 2.001), ("b", 0.0)):
        frame.assign(**{column: [frame[column][0], value]}).to_parquet(tmp_path / "theirs.parquet")
        apart = by_hand.disagreement(tmp_path / "ours.parquet", tmp_path / "theirs.parquet", 10)
        assert apart["column"] == column
        assert apart["largest"] > 1e-4


def test_the_world_has_its_events_and_the_next_day_is_one_more(small_world, tmp_path):
    events = pd.read_parquet(small_world / "events")
    assert len(events) == 30_000
    assert events["event_id"].is_unique
    assert events["timestamp"].dt.date.nunique() == world.DAYS
    live = tmp_path / "live"
    world.link_live(small_world, live)
    write_next_day(live, 30_000)
    longer = pd.read_parquet(live / "events")
    added = longer[~longer["event_id"].isin(events["event_id"])]
    assert len(longer) - len(events) == len(added) == 30_000 // world.DAYS
    assert set(added["timestamp"].dt.date) == {dt.date(2024, 12, 30)}
    assert set(added["customer_id"]) <= set(range(10_000_000, 10_000_300))
    bought = pd.read_parquet(live / "transactions.parquet")["timestamp"]
    assert bought.max() == pd.Timestamp("2024-12-30 23:59:59")
    assert len(pd.read_parquet(small_world / "events")) == 30_000


def test_a_measurement_is_taken_once_until_its_code_changes(tmp_path):
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    taken = []

    def measure() -> dict:
        taken.append(1)
        return {"seconds": float(len(taken))}

    for _ in range(2):
        assert kept(tmp_path / "results", "x", [code], measure, events=1)["seconds"] == 1.0
    assert kept(tmp_path / "results", "x", [code], measure, events=2)["seconds"] == 2.0
    code.write_text("a = 2")
    assert kept(tmp_path / "results", "x", [code], measure, events=1)["seconds"] == 3.0


def test_a_process_is_measured_and_its_failure_told(monkeypatch, tmp_path):
    monkeypatch.setattr(measured, "ROOT", tmp_path)
    work = "x = bytearray(300_000_000); import time; time.sleep(0.2); print('done')"
    found, printed = cost_of([sys.executable, "-c", work])
    assert printed == "done\n"
    assert found.seconds > 0.2
    # Until the process is another program, the pages of the one that started it count as its own.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert 0.3 < found.peak_gb < max(1.0, own + 0.1)
    with pytest.raises(FailedError, match="ValueError: no such thing"):
        cost_of([sys.executable, "-c", "raise ValueError('no such thing')"])


def test_the_definition_runs_on_any_machine(tmp_path):
    config = read_config(world.write_definition(tmp_path))
    assert config.windows.cutoffs == world.CUTOFFS
    assert config.engine.memory == world.MEMORY
    assert Path(config.sources.events) == tmp_path / "events"
    asked = json.loads(world.write_definition(tmp_path, sessions=True).read_text())
    assert asked["features"] == {"sessions": {}}
