"""Training, features and scores on Spark equal those on DuckDB, and are written atomically."""

from __future__ import annotations

import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import engagement_ml as em
from engagement_ml.cli import main
from engagement_ml.config import parse_config
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
JOINT = {
    "sessions": {"gap_minutes": 45},
    "ratios": [
        {"name": "liked", "numerator": "social_like", "denominator": "page_view"},
        {"name": "reach", "breadth": ["social_like", "page_view", "coupon_use"]},
    ],
}
WINDOWS = {"observation_days": 28, "outcome_days": 28, "every_days": 70}


def run(monkeypatch: Any, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["engagement-ml", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def near(left: Any, right: Any) -> bool:
    """Return whether plain data are equal, numbers to a relative tolerance of 1e-9."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(near(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(near(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) and isinstance(right, float | int):
        return bool(np.isclose(left, right, rtol=1e-9, atol=1e-12))
    return bool(left == right)


@pytest.mark.seldom
def test_training_gives_the_same_results(
    spark_session: Any, here: Path, write_yaml: Any, small_shop: Any
) -> None:
    runs = {}
    chosen = small_shop.events["event_type"].isin(["tutorial_done", "wishlist_add", "coupon_use"])
    small_shop.events[chosen].to_parquet("events.parquet")
    small_shop.transactions.to_parquet("transactions.parquet")
    small_shop.customers.to_parquet("customers.parquet")
    names = ("events", "transactions", "customers")
    sources = {name: str(here / f"{name}.parquet") for name in names}
    for kind in ("duckdb", "spark"):
        settings = write_yaml(
            windows=WINDOWS,
            engine=kind,
            tracking={"uri": None},
            select={"require": "indicator"},
            sources=sources,
        )
        em.train(settings, output=kind)
        metric = json.loads((here / kind / "metric.json").read_text())
        with (here / kind / "drivers.csv").open() as file:
            rows = [[_number(cell) for cell in row] for row in csv.reader(file)]
        runs[kind] = metric, rows, json.loads((here / kind / "evaluation.json").read_text())
    assert len(runs["spark"][1]) == 4
    for on_duckdb, on_spark in zip(runs["duckdb"], runs["spark"], strict=True):
        assert near(on_duckdb, on_spark)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.seldom
def test_features_on_the_command_line(
    spark_session: Any, here: Path, write_yaml: Any, small_shop: Any, monkeypatch: Any, capsys: Any
) -> None:
    found = {}
    names = ["page_view", "social_like", "coupon_use", "tutorial_done"]
    few = small_shop.events["event_type"].isin(names)
    small_shop.events[few].to_parquet("few.parquet")
    small_shop.transactions.to_parquet("transactions.parquet")
    small_shop.customers.to_parquet("customers.parquet")
    sources = {"events": str(here / "few.parquet")} | {
        name: str(here / f"{name}.parquet") for name in ("transactions", "customers")
    }
    # Spark's folder replaces DuckDB's file, and then an earlier folder of Spark.
    for kind, features in (("duckdb", JOINT), ("spark", {}), ("spark", JOINT)):
        settings = write_yaml(windows=WINDOWS, engine=kind, features=features, sources=sources)
        assert run(monkeypatch, "features", str(settings), "--output", "features") == 0
        output = capsys.readouterr().out
        frame = pd.read_parquet("features/features.parquet")
        assert f"{len(frame):,} rows, {frame.shape[1]} columns" in output
        found[kind] = frame.sort_values(["cutoff", "customer_id"], ignore_index=True)
    files = {p.relative_to(here / "features").parts[0] for p in (here / "features").rglob("*")}
    assert files == {"features.parquet", "catalogue.md", "config.yaml"}
    parts = list((here / "features" / "features.parquet").iterdir())
    assert parts
    assert all(part.name.startswith("part-") for part in parts)
    assert list(found["spark"].columns) == list(found["duckdb"].columns)
    for column in found["duckdb"]:
        on_duckdb, on_spark = found["duckdb"][column], found["spark"][column]
        if pd.api.types.is_numeric_dtype(on_duckdb):
            np.testing.assert_allclose(on_duckdb, on_spark, rtol=1e-9, err_msg=column)
        else:
            assert on_duckdb.astype(str).tolist() == on_spark.astype(str).tolist()


def test_features_without_events_leave_no_folder(
    spark_session: Any, here: Path, write_yaml: Any, small_shop: Any, monkeypatch: Any, capsys: Any
) -> None:
    early = small_shop.events[small_shop.events["timestamp"] < "2024-04-01"]
    early.to_parquet("early.parquet")
    sources = {"events": str(here / "early.parquet")}
    small_shop.transactions.to_parquet("transactions.parquet")
    sources["transactions"] = str(here / "transactions.parquet")
    settings = write_yaml(
        windows={"observation_days": 28, "outcome_days": 28, "cutoffs": ["2024-08-01"]},
        engine="spark", segments=[], sources=sources,
    )  # fmt: skip
    assert run(monkeypatch, "features", str(settings), "--output", "features") == 2
    error = capsys.readouterr().err
    assert "'windows.cutoffs': 2024-08-01 is not usable" in error
    assert error.count("\n") == 1
    assert not (here / "features").exists()


@pytest.fixture
def metric() -> EngagementMetric:
    log = Transform("log1p", scale=2.0, shape=None, cap=9)
    hill = Transform("hill", scale=2.0, shape=1.5, cap=9)
    return EngagementMetric(
        "shop", "driver", 28, 28,
        (
            WeightedBehaviour("page.view", 60, None, None, "frequency", "events", log),
            WeightedBehaviour("a `b`", 40, None, None, "frequency", "events", hill),
        ),
    )  # fmt: skip


@pytest.fixture
def events() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = pd.to_timedelta(rng.integers(0, 80 * 86400, 900), "s")
    return pd.DataFrame(
        {
            "customer_id": rng.integers(1, 60, 900),
            "timestamp": (pd.Timestamp("2024-02-01") + days).astype("datetime64[us]"),
            "event_type": rng.choice(["page.view", "a `b`", "other"], 900),
            "event_id": rng.integers(0, 700, 900).astype(str),
        }
    )


def same_scores(left: pd.DataFrame, right: pd.DataFrame) -> None:
    assert len(left) > 40
    assert left["score"].nunique() > 10
    by_id = [f.sort_values("customer_id", ignore_index=True) for f in (left, right)]
    pd.testing.assert_frame_equal(*by_id, check_dtype=False, rtol=1e-9)


@pytest.mark.seldom
def test_scores_of_a_pyspark_frame(
    spark_session: Any, here: Path, metric: EngagementMetric, events: pd.DataFrame
) -> None:
    texts = events.assign(timestamp=events["timestamp"].astype(str) + "+00:00")
    native = spark_session.createDataFrame(texts.astype(object))
    native = native.withColumn("timestamp", native["timestamp"].cast("timestamp"))
    for moment in (None, "2024-03-10T07:30:00"):
        expected = em.score(metric, events, as_of=moment)
        found = em.score(metric, native, as_of=moment)
        assert (found.n_entities, found.as_of) == (expected.n_entities, expected.as_of)
        assert found.mean == pytest.approx(expected.mean, rel=1e-9)
        same_scores(expected.frame, found.frame)
    few = pd.DataFrame({"customer_id": [1, 2, 999]})
    some = em.score(metric, native, customers=few).frame
    assert some["customer_id"].tolist() == [1, 2, 999]
    assert some["score"].iloc[2] == 0


@pytest.mark.seldom
def test_the_columns_of_scores_are_the_same(
    spark_session: Any, here: Path, metric: EngagementMetric, events: pd.DataFrame
) -> None:
    metric = dataclasses.replace(metric, score_quantiles=tuple(np.linspace(0.0, 60.0, 101)))
    texts = events.assign(timestamp=events["timestamp"].astype(str))
    native = spark_session.createDataFrame(texts.astype(object))
    native = native.withColumn("timestamp", native["timestamp"].cast("timestamp_ntz"))
    em.score(metric, native, as_of="2024-03-10", output="then")
    given = {"since": "then/scores.parquet", "reasons": True, "next_best": True}
    one = dataclasses.replace(metric.behaviours[0], weight=100)
    for each in (metric, dataclasses.replace(metric, behaviours=(one,))):
        asked = given if each is metric else {"reasons": True, "next_best": True}
        expected = em.score(each, events, **asked)
        found = em.score(each, native, output="s.duckdb::scores", **asked)
        assert tuple(n.replace("pyspark", "pandas") for n in found.notes) == expected.notes
        left, right = expected.frame, found.frame
        assert left.columns.tolist() == right.columns.tolist()
        for name in left.columns:
            if left[name].dtype.kind == "f":
                np.testing.assert_allclose(right[name], left[name], rtol=1e-9, atol=1e-9)
            else:
                assert right[name].fillna("").tolist() == left[name].fillna("").tolist()
    other = dataclasses.replace(metric, observation_days=metric.observation_days - 1)
    with pytest.raises(em.EngagementError, match="scores of another definition"):
        em.score(other, native, since="then/scores.parquet")


@pytest.mark.seldom
def test_scores_on_the_command_line(
    spark_session: Any, here: Path, metric: EngagementMetric, events: pd.DataFrame,
    monkeypatch: Any, capsys: Any,
) -> None:  # fmt: skip
    metric.to_json("metric.json")
    events.to_parquet("events.parquet")
    words = ("score", "metric.json", "events.parquet", "--output")
    assert run(monkeypatch, *words, "one.parquet") == 0
    line = capsys.readouterr().out
    for _ in range(2):
        assert run(monkeypatch, *words, "scores", "--engine", "spark") == 0
        output = capsys.readouterr().out
        assert output.partition(": ")[2] == line.partition(": ")[2]
    assert [p.name for p in (here / "scores").iterdir()] == ["scores.parquet"]
    assert (here / "scores" / "scores.parquet").is_dir()
    same_scores(pd.read_parquet("one.parquet"), pd.read_parquet("scores/scores.parquet"))
    assert run(monkeypatch, *words, "scores.csv", "--engine", "spark") == 2
    assert "Spark writes scores as Parquet" in capsys.readouterr().err
    assert run(monkeypatch, *words, "x.parquet", "--engine", "sprk") == 2
    assert "is not an engine (did you mean 'spark'?)" in capsys.readouterr().err
    assert not (here / "x.parquet").exists()


@pytest.mark.slow
@pytest.mark.seldom
def test_a_session_that_the_run_starts_is_quiet(
    here: Path, metric: EngagementMetric, events: pd.DataFrame
) -> None:
    """In a process without an active session, Spark starts without any output."""
    pytest.importorskip("pyspark")
    metric.to_json("metric.json")
    events.to_parquet("events.parquet")
    code = "from engagement_ml.cli import main; main()"
    words = ["score", "metric.json", "events.parquet", "--engine", "spark", "--output", "out"]
    words += ["--as-of", f"{events['timestamp'].max() + pd.Timedelta(days=1):%Y-%m-%d}"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(pd.read_parquet("out/scores.parquet")) == events["customer_id"].nunique()


def test_the_engine_survives_serialisation() -> None:
    config = parse_config({"name": "x", "engine": {"kind": "spark", "memory": "2GB"}})
    assert parse_config(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config
