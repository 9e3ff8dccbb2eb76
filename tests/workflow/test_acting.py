"""From score to action to proof: the list, its control group, the reading and the record."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

import engagement_ml as em
from engagement_ml.config import parse_config
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.errors import (
    ConfigError,
    InputError,
    NotEnoughDataError,
    NothingToActOnError,
    OutputError,
)
from engagement_ml.workflow.acting.plan import read_plan
from tests.conftest import SETTINGS

DAYS = 28


@pytest.fixture(scope="module")
def home(trained, small_shop, tmp_path_factory) -> SimpleNamespace:
    """A run with response curves, and its first list."""
    folder = tmp_path_factory.mktemp("acting")
    shutil.copytree(trained.folder, folder / "run")
    record = trained.result.record
    x = tuple(np.arange(13.0).tolist())
    curves = {}
    for name, step in (("tutorial_done", 5.0), ("wishlist_add", 3.0)):
        effect = tuple((step * np.log1p(np.arange(13.0))).tolist())
        curves[name] = ResponseCurve(x, effect, effect, effect, 8.0, 1.0, 3.0, "saturating")
    rows = tuple(
        dataclasses.replace(row, effect=2.0, effect_low=1.0, effect_high=3.0)
        if row.verdict == "driver"
        else row
        for row in record.drivers
    )
    evidence = dataclasses.replace(record.evidence, responses=curves, drivers=rows)
    dataclasses.replace(record, evidence=evidence).to_json(folder / "run" / "run.json")
    frames = {n: getattr(small_shop, n) for n in ("events", "transactions", "customers")}
    config = parse_config(SETTINGS)
    result = em.act(
        config, model=folder / "run", frames=frames, output=folder / "actions/first",
        control_share=0.4, progress=False,
    )  # fmt: skip
    return SimpleNamespace(
        folder=folder, run=folder / "run", frames=frames, config=config, result=result
    )


def later_tables(home, effect: float, more: float, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The tables 29 days later: the last 28 days again, and what the treated do more of."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp(home.result.plan.as_of)
    tables = dict(home.frames)
    for name in ("events", "transactions"):
        table = tables[name]
        again = table[table["timestamp"] >= start - pd.Timedelta(days=2 * DAYS)]
        again = again[again["timestamp"] < start - pd.Timedelta(days=DAYS)].copy()
        again["timestamp"] += pd.Timedelta(days=2 * DAYS)
        if "event_id" in again:
            again["event_id"] += 10_000_000
        last = table[table["timestamp"] < start].iloc[[-1]].copy()
        last["timestamp"] = start + pd.Timedelta(days=DAYS - 1, hours=12)
        if "event_id" in last:
            last["event_id"] += 20_000_000
        tables[name] = pd.concat([table[table["timestamp"] < start], again, last])
    assigned = home.result.assignment
    treated = assigned[assigned["arm"] == "treated"]
    n = rng.poisson(more, len(treated))
    customers = np.repeat(treated["customer_id"].astype(int).to_numpy(), n)
    events = pd.DataFrame(
        {
            "event_id": np.arange(len(customers)) + 30_000_000,
            "customer_id": customers,
            "event_type": np.repeat(treated["behaviour"].to_numpy(), n),
            "timestamp": start + pd.to_timedelta(rng.integers(0, DAYS, len(customers)), unit="D"),
        }
    )
    paid = pd.DataFrame(
        {
            "customer_id": customers,
            "timestamp": events["timestamp"],
            "revenue": max(effect, 0.0) + 5.0,
            "cost": max(effect, 0.0) + 5.0 - effect,
        }
    )
    tables["events"] = pd.concat([tables["events"], events])
    tables["transactions"] = pd.concat([tables["transactions"], paid])
    return tables


def copied(home, tmp_path) -> Path:
    folder = tmp_path / "actions" / "first"
    shutil.copytree(home.folder / "actions/first", folder)
    return folder


def test_the_list_holds_those_for_whom_one_more_pays(home, small_shop):
    plan, frame = home.result.plan, home.result.frame
    files = sorted(path.name for path in home.result.folder.iterdir())
    assert files == ["action.json", "actions.csv", "assignment.csv", "metric.json"]
    assert plan == read_plan(home.result.folder)
    assert plan.n_treated == len(frame)
    assert plan.n_treated + plan.n_control == len(home.result.assignment)
    assert abs(plan.n_control / len(home.result.assignment) - 0.4) < 0.03
    # A slow oracle: counts of the last 28 days, and the step of the larger curve.
    events, start = small_shop.events, pd.Timestamp(plan.as_of)
    inside = events[
        (events["timestamp"] < start) & (events["timestamp"] >= start - pd.Timedelta(days=DAYS))
    ]
    for _, each in frame.iloc[:: max(len(frame) // 25, 1)].iterrows():
        own = inside[inside["customer_id"] == int(each["customer_id"])]["event_type"].tolist()
        gains = {
            name: step * np.log1p(1 / (own.count(name) + 1)) if own.count(name) < 8 else 0.0
            for name, step in (("tutorial_done", 5.0), ("wishlist_add", 3.0))
        }
        assert each["behaviour"] == max(gains, key=gains.get)
        assert each["gain"] == pytest.approx(max(gains.values()))
        assert each["low"] == pytest.approx(each["gain"] / 2)
        assert f"{own.count(each['behaviour'])} event" in each["reason"]
    treated = home.result.assignment.query("arm == 'treated'")
    assert set(treated["customer_id"]) == set(frame["customer_id"])
    assert plan.gain == pytest.approx(frame["gain"].sum())
    assert frame["gain"].is_monotonic_decreasing
    assert any("smallest lift" in note for note in plan.notes)


def test_the_same_seed_gives_the_same_files(home, tmp_path):
    given = {"model": home.run, "frames": home.frames, "progress": False}
    for name, seed in (("one", 7), ("two/list", 7), ("three/list", 8)):
        em.act(home.config, **given, output=tmp_path / name, seed=seed, at_most=60)
    one, two, three = (
        (tmp_path / name / "assignment.csv").read_bytes()
        for name in ("one", "two/list", "three/list")
    )
    assert one == two != three
    assert one.count(b"\n") == 61


def test_a_second_list_keeps_apart_from_one_that_runs(home, tmp_path):
    given = {"model": home.run, "frames": home.frames, "progress": False}
    with pytest.raises(OutputError, match="holds an action already"):
        em.act(home.config, **given, output=home.result.folder)
    few = em.act(home.config, **given, output=tmp_path / "few", at_most=50)
    rest = em.act(home.config, **given, output=tmp_path / "rest")
    assert not set(few.assignment["customer_id"]) & set(rest.assignment["customer_id"])
    assert rest.plan.left_apart == 50
    assert any("10 of them are its control group" in note for note in rest.plan.notes)
    with pytest.raises(NotEnoughDataError, match="one more event pays for 0 customers"):
        em.act(home.config, **given, output=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "few" / "action.json").write_text("{}")
    with pytest.raises(InputError, match="key 'format' is not 1"):
        em.act(home.config, **given, output=tmp_path / "more")


def test_a_planted_lift_is_read_back_and_train_can_use_it(home, tmp_path):
    folder = copied(home, tmp_path)
    config = tmp_path / "shop.yaml"
    config.write_text(yaml.safe_dump(SETTINGS))
    found = em.read_action(config, folder, frames=later_tables(home, 20.0, 1.5), progress=False)
    assert found.lift.low < 30.0 < found.lift.high
    assert found.events.low < 1.5 < found.events.high
    assert found.score.low > 0
    first = found.behaviours[0]
    assert first.verdict == "confirmed"
    assert abs(first.effect.value - 20.0) < 3 * first.effect.standard_error
    raw = json.loads((folder / "result.json").read_text())
    assert raw["lift"]["value"] == pytest.approx(found.lift.value)
    # The lines paste into the configuration, and give the same effect.
    tests = yaml.safe_load(found.experiments)["experiments"]
    config.write_text(yaml.safe_dump({**SETTINGS, "experiments": tests}))
    from engagement_ml.engine import open_duckdb
    from engagement_ml.experiments import read_experiments

    with open_duckdb() as engine:
        results = read_experiments(em.read_config(config), engine)
    assert results[0].behaviour == first.behaviour
    cost = home.config.behaviour(first.behaviour).cost_per_event
    assert results[0].found.effect.value - cost == pytest.approx(first.effect.value)
    record = em.track_record(tmp_path / "actions").record
    assert (record.confirmed, record.contradicted) == (len(record.tests), 0)
    page = (tmp_path / "actions" / "track-record.html").read_text()
    assert "<script" not in page
    assert "confirmed" in page
    assert json.loads((tmp_path / "actions" / "track-record.json").read_text())["n_read"] == 1


def test_a_false_driver_is_contradicted(home, tmp_path):
    folder = copied(home, tmp_path)
    found = em.read_action(
        home.config, folder, frames=later_tables(home, -30.0, 2.0), progress=False
    )
    assert found.behaviours[0].verdict == "contradicted"
    assert em.track_record(folder.parent).record.contradicted >= 1


def test_what_cannot_be_read_back_is_said(home, tmp_path):
    folder = copied(home, tmp_path)
    with pytest.raises(NotEnoughDataError, match=r"the outcome is complete when the tables reach"):
        em.read_action(home.config, folder, frames=home.frames, progress=False)
    tables = later_tables(home, 0.0, 1.0)
    strangers = {
        name: table.assign(customer_id=table["customer_id"] + 1_000_000)
        for name, table in tables.items()
    }
    with pytest.raises(InputError, match=r"none of the \d+ customers on the list is in the tables"):
        em.read_action(home.config, folder, frames=strangers, progress=False)
    other = parse_config({**SETTINGS, "name": "other"})
    with pytest.raises(InputError, match="is a list of the pipeline 'small-shop'"):
        em.read_action(other, folder, frames=tables, progress=False)
    file = folder / "assignment.csv"
    text = file.read_text()
    file.write_text(text.replace("treated", "control", 1))
    with pytest.raises(InputError, match="was changed after 'act' wrote it"):
        em.read_action(home.config, folder, frames=tables, progress=False)
    assert not (folder / "result.json").exists()
    with pytest.raises(InputError, match=r"contains no action\.json"):
        em.read_action(home.config, tmp_path, frames=tables, progress=False)
    with pytest.raises(InputError, match="holds no folder of an action"):
        em.track_record(tmp_path)


def test_options_out_of_range_and_runs_without_drivers_are_refused(home, trained, tmp_path):
    given = {"frames": home.frames, "progress": False}
    with pytest.raises(ConfigError, match="control_share: expected a share"):
        em.act(home.config, model=home.run, control_share=0.95, **given)
    with pytest.raises(NothingToActOnError, match="nothing to act on"):
        em.act(home.config, model=trained.folder, output=tmp_path / "list", **given)
    assert not (tmp_path / "list").exists()


def test_a_list_without_a_control_group_says_so(home, tmp_path):
    made = em.act(
        home.config, model=home.run, frames=home.frames, control_share=0.0,
        output=tmp_path / "all", progress=False,
    )  # fmt: skip
    assert any("no control group" in note for note in made.plan.notes)
    with pytest.raises(InputError, match="fewer than two customers"):
        em.read_action(home.config, tmp_path / "all", frames=home.frames, progress=False)
