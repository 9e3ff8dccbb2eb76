"""Sequences as behaviours: read through all doors, scored, never counted as what they are not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.features import build_periods
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.inputs.scoring_links import with_scoring_links
from engagement_ml.inputs.scoring_reader import read_scoring_tables
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from tests.doors import DOORS, Door, as_pandas

START = pd.Timestamp("2024-01-01")
NAME = "demo then trial"
SEQUENCES = [{"first": "demo", "then": "trial", "within_days": 2}]


def make_frames(**renamed: str) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 30, 900),
            "timestamp": START + pd.to_timedelta(rng.integers(0, 120 * 24 * 60, 900), unit="min"),
            "event_type": rng.choice(["demo", "trial", "visit"], 900),
            "value": 2.5,
        }
    ).sort_values("timestamp", ignore_index=True)
    frame["event_type"] = frame["event_type"].replace(renamed)
    paid = pd.DataFrame({"customer_id": np.arange(60) % 30, "margin": 5.0})
    paid["timestamp"] = START + pd.to_timedelta(np.arange(60) * 2 % 121, unit="D")
    return {"events": frame, "transactions": paid}


def by_loops(events: pd.DataFrame) -> pd.DataFrame:
    found = []
    for _, rows in events.groupby("customer_id"):
        demos = rows.loc[rows["event_type"] == "demo", "timestamp"].tolist()
        for row in rows[rows["event_type"] == "trial"].itertuples():
            gaps = [row.timestamp - demo for demo in demos]
            if any(pd.Timedelta(0) < gap <= pd.Timedelta(days=2) for gap in gaps):
                found.append((row.customer_id, row.timestamp))
    return pd.DataFrame(sorted(found), columns=["customer_id", "timestamp"])


def config(**more: Any) -> PipelineConfig:
    windows = {"observation_days": 28, "outcome_days": 28}
    raw = {"name": "shop", "windows": windows, "engine": {"keep": None}, "sequences": SEQUENCES}
    return parse_config(raw | more)


def read(frames: dict[str, Any], **more: Any) -> Tables:
    with open_duckdb(threads=1) as engine:
        return read_tables(config(**more), engine, frames)


@pytest.mark.parametrize("door", DOORS)
def test_each_door_gives_the_events_that_loops_find(door: Door, tmp_path: Path) -> None:
    frames = make_frames()
    expected = by_loops(frames["events"])
    assert 20 < len(expected) < 400
    given = {name: door(frame, tmp_path, name) for name, frame in frames.items()}
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config(), engine, given)
        assert tables.behaviours == ("demo", NAME, "trial", "visit")
        assert tables.event_counts[NAME] == len(expected)
        assert tables.derived_types == {NAME}
        events = engine.pandas(tables.events)
        periods = build_periods(tables, config(), until=dt.date(2024, 4, 29))
    found = events[events["event_type"] == NAME].sort_values(["customer_id", "timestamp"])
    assert found["timestamp"].tolist() == expected["timestamp"].tolist()
    assert found["customer_id"].astype(int).tolist() == expected["customer_id"].tolist()
    assert found["value"].isna().all()
    inside = expected["timestamp"] < pd.Timestamp("2024-04-29")
    inside &= expected["timestamp"] >= pd.Timestamp(periods.start)
    assert periods.counts[..., periods.behaviours.index(NAME)].sum() == inside.sum()


def test_members_and_sequence_stay_apart_from_the_group_of_rare_types() -> None:
    frames = make_frames()
    rare = [f"rare {i}" for i in range(6)]
    frames["events"].loc[::9, "event_type"] = np.resize(rare, len(frames["events"].loc[::9]))
    tables = read(frames, event_types={"at_most": 4})
    assert {"demo", "trial", NAME, "other"} <= set(tables.behaviours)
    assert NAME not in tables.grouped_types.counts


def test_unknown_event_types_are_named_with_the_nearest() -> None:
    wrong = [{"first": "demos", "then": "trial"}]
    with pytest.raises(ConfigError, match=r"'sequences\.0\.first'.*did you mean 'demo'"):
        read(make_frames(), sequences=wrong)


def test_an_event_type_with_the_name_of_a_sequence_is_refused() -> None:
    with pytest.raises(InputError, match="'demo then trial' is also the name of a sequence"):
        read(make_frames(visit=NAME))


def test_what_never_occurs_or_has_no_order_is_said() -> None:
    frames = make_frames()
    events = frames["events"]
    events["timestamp"] = events["timestamp"].dt.floor("D")
    events = events[events["event_type"] != "demo"]
    trial = events[events["event_type"] == "trial"]
    frames["events"] = pd.concat([events, trial.assign(event_type="demo")])
    tables = read(frames, sequences=[{"first": "demo", "then": "trial", "within_days": 0.5}])
    assert NAME not in tables.behaviours
    assert any("no 'trial' follows 'demo' within 0.5 days" in note for note in tables.notes)
    assert any("events 'trial' at the same moment as 'demo'" in note for note in tables.notes)


def metric() -> EngagementMetric:
    linear = Transform("linear", scale=None, shape=None, cap=10.0)
    behaviour = WeightedBehaviour(NAME, 100.0, None, None, "frequency", "events", linear)
    return EngagementMetric(
        name="shop",
        evidence="driver",
        observation_days=28,
        outcome_days=28,
        behaviours=(behaviour,),
        derived=(NAME,),
    )


def test_scoring_counts_the_same_sequences() -> None:
    frames = make_frames()
    frames["events"]["customer_id"] = frames["events"]["customer_id"].astype(str)
    expected = by_loops(frames["events"])
    with open_duckdb(threads=1) as engine:
        scored = read_scoring_tables(config(), engine, {"events": frames["events"]})
        tables, notes = with_scoring_links(engine, scored, config(), dt.date(2024, 5, 1), (NAME,))
        assert tables["events"].counts[NAME] == len(expected)
        assert notes == ()
        with pytest.raises(InputError, match="a sequence that this configuration does not have"):
            with_scoring_links(engine, scored, config(sequences=[]), dt.date(2024, 5, 1), (NAME,))


def test_sql_and_events_alone_cannot_count_a_sequence() -> None:
    for use in (
        lambda: metric().to_sql_events("events", as_of="2024-05-01"),
        lambda: metric().score_events(as_pandas(make_frames()["events"], Path(), ""), "2024-05-01"),
    ):
        with pytest.raises(InputError, match="from links or from a sequence"):
            use()
