"""Clusters of customers by the actors who serve them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_duckdb
from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.features import build_panel, build_periods
from engagement_ml.features.clusters import clusters_of
from engagement_ml.inputs import read_tables
from engagement_ml.models.splits import time_ordered_splits
from engagement_ml.windows import plan_windows


def pairs(*rows):
    return pd.DataFrame(rows, columns=["actor_id", "customer_id", "time"])


def many(actors: int, each: int):
    return [(f"a{i}", f"c{i}-{k}", 10) for i in range(actors) for k in range(each)]


def test_customers_who_change_actors_join_their_clusters_while_these_stay_small():
    # One customer of a0 is also served by a1: both actors' customers are one component.
    found = clusters_of(pairs(*many(30, 4), ("a1", "c0-0", 3)))
    assert found["c0-1"] == found["c1-1"]
    assert found.nunique() == 29


def test_if_actors_are_all_connected_the_longest_service_counts():
    chain = [(f"a{i + 1}", f"c{i}-0", 3) for i in range(29)]
    found = clusters_of(pairs(*many(30, 4), *chain))
    assert found.nunique() == 30
    assert (found.groupby(found.index.str.split("-").str[0]).nunique() == 1).all()
    longer = clusters_of(pairs(*many(30, 4), *chain, ("a7", "c0-1", 99)))
    assert longer["c0-1"] == longer["c7-0"]


def test_an_actor_of_too_many_customers_makes_no_cluster():
    everyone = [("centre", f"c{i}-{k}", 99) for i in range(30) for k in range(4)]
    found = clusters_of(pairs(*many(30, 4), *everyone))
    assert found.nunique() == 30


def frames(n: int = 40):
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=300, freq="D")
    events = pd.DataFrame({"customer_id": rng.choice([f"c{i}" for i in range(n)], 3000)})
    events["timestamp"], events["event_type"] = rng.choice(days, 3000), "login"
    visits = pd.DataFrame({"customer_id": rng.choice([f"r{i}" for i in range(8)], 300)})
    visits["timestamp"], visits["event_type"] = rng.choice(days, 300), "visit"
    paid = pd.DataFrame({"customer_id": rng.choice([f"c{i}" for i in range(n)], 2000)})
    paid["timestamp"], paid["margin"] = rng.choice(days, 2000), 5.0
    links = pd.DataFrame({"customer_id": [f"c{i}" for i in range(n - 4)]})
    links["actor_id"] = [f"r{i % 8}" for i in range(n - 4)]
    links["role"] = "rep"
    return {"events": pd.concat([events, visits]), "transactions": paid, "links": links}


def test_periods_panel_bootstraps_and_splits_hold_whole_clusters():
    given = frames()
    config = PipelineConfig(name="shop")
    with open_duckdb() as engine:
        tables = read_tables(config, engine, given)
        windows = plan_windows(tables.history, config.windows)
        periods = build_periods(tables, config, until=windows.fit_until)
        panel = build_panel(tables, config, windows)
    rep = given["links"].set_index("customer_id")["actor_id"]
    expected = [rep.get(c, c) for c in periods.entities]
    assert len(set(zip(expected, periods.clusters, strict=True))) == len(set(expected)) == 12
    frame = panel.frame
    assert frame.groupby("customer_id")["cluster"].nunique().eq(1).all()
    for split in time_ordered_splits(frame["cluster"], frame["cutoff"], horizon_days=84):
        fitted, validated = (frame["cluster"].iloc[rows] for rows in (split.fit, split.validation))
        assert not set(fitted) & set(validated)
    (weights,) = Resamples(4, 3, 0, np.array([0, 0, 1, 1])).chunks(9)
    assert (weights[0] == weights[1]).all()
    assert (weights[2] == weights[3]).all()
    assert (weights[0] + weights[2] == 2).all()


def test_without_shared_actors_nothing_is_clustered():
    given = frames()
    alone = {name: frame for name, frame in given.items() if name != "links"}
    own = {**given, "links": given["links"].assign(actor_id=[f"r{i}" for i in range(36)])}
    config = PipelineConfig(name="shop")
    for tables_given in (alone, own):
        with open_duckdb() as engine:
            tables = read_tables(config, engine, tables_given)
            windows = plan_windows(tables.history, config.windows)
            assert build_periods(tables, config, until=windows.fit_until).clusters is None
            assert "cluster" not in build_panel(tables, config, windows).frame
