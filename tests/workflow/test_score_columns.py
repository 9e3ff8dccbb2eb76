"""Columns beside score and points: percentiles, changes, reasons; files, tables and names."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.errors import InputError, OutputError
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow import score
from engagement_ml.workflow.score_result import ScoreColumns
from engagement_ml.workflow.scored.file_facts import facts_of
from engagement_ml.workflow.scoring import score_frames

STRAIGHT = Transform("linear", scale=None, shape=None, cap=4)
METRIC = EngagementMetric(
    "shop", "driver", 28, 28,
    (
        WeightedBehaviour("review", 60, None, None, "frequency", "events", STRAIGHT, "Review"),
        WeightedBehaviour("it's \"a\"\n=visit", 40, None, None, "frequency", "events", STRAIGHT),
    ),
)  # fmt: skip
VISIT = METRIC.behaviours[1].behaviour


def events(counts: dict, last: str = "2024-06-30") -> pd.DataFrame:
    """Events of each customer: {"ann": (reviews, visits)}, and one before the window for all."""
    rows = [
        (customer, kind, pd.Timestamp(last))
        for customer, pair in counts.items()
        for kind, n in zip(("review", VISIT), pair, strict=True)
        for _ in range(n)
    ]
    rows += [(customer, "other", pd.Timestamp(last) - pd.Timedelta(days=60)) for customer in counts]
    return pd.DataFrame(rows, columns=["customer_id", "event_type", "timestamp"])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


THEN = {"ann": (4, 0), "=bob": (1, 4), "007": (0, 0), "gone": (1, 1)}
NOW = {"ann": (1, 0), "=bob": (1, 4), "007": (2, 4), "new": (0, 1)}
LATER = "2024-07-28"


@pytest.mark.parametrize("file", ["then.parquet", "then.csv", "then.duckdb::old.scores", "frame"])
def test_changes_are_those_of_each_customer(here: Path, file: str) -> None:
    if "::" in file:
        duckdb.connect("then.duckdb").execute("CREATE SCHEMA old")
    output = None if file == "frame" else file
    then = score(METRIC, events(THEN), output=output, progress=False)
    earlier = then.frame if file == "frame" else file
    now = score(METRIC, events(NOW, LATER), since=earlier, reasons=True, progress=False)
    frame = now.frame.set_index("customer_id")
    before = {"ann": 60.0, "=bob": 55.0, "007": 0.0, "new": np.nan}
    assert frame["score_before"].to_dict() == pytest.approx(before, nan_ok=True)
    change = frame["score"] - frame["score_before"]
    pd.testing.assert_series_equal(frame["change"], change, check_names=False)
    assert f"compared with {'since (pandas DataFrame)' if output is None else file}: 1 customer " \
        "is new, and 1 of the earlier ones is not scored now" in now.notes  # fmt: skip
    known = file.endswith("parquet") or "::" in file
    assert any("does not say with which metric" in note for note in now.notes) != known
    assert frame.loc["ann", "reason_codes"] == "LOW:review; FELL:review"
    assert frame.loc["007", "reason_codes"] == f"HIGH:{VISIT}; ROSE:{VISIT}"
    when = "since 2024-07-01" if known else "since the earlier scores"
    assert frame.loc["ann", "reasons"].endswith(f" Review lost 45.0 points {when}.")


def test_reasons_name_what_gives_and_what_lacks_the_most() -> None:
    counts = {"both": (4, 4), "low": (1, 1), "none": (0, 0), "half": (2, 1)}
    frame = score(METRIC, events(counts), reasons=True, progress=False).frame
    codes = frame.set_index("customer_id")["reason_codes"].to_dict()
    assert codes == {
        "both": "HIGH:review",
        "low": "LOW:review",
        "none": "NONE:review",
        "half": f"HIGH:review; LOW:{VISIT}",
    }
    text = frame.set_index("customer_id")["reasons"]
    assert text["low"] == "Review lacks the most points: it gives 15.0 of 60."
    assert text["none"] == "Review did not occur in the last 28 days; it can give 60 points."
    assert text["half"].startswith("Review gives the most points: 30.0 of 60. ")


def test_percentiles_rank_customers_now_and_among_those_of_the_training() -> None:
    metric = dataclasses.replace(METRIC, score_quantiles=tuple(np.linspace(0, 50, 101)))
    counts = {1: (4, 4), 2: (0, 0), 3: (0, 0), 4: (1, 0)}
    frame = score(metric, events(counts), progress=False).frame
    assert frame.columns.tolist() == [
        "customer_id", "score", "review__points", f"{VISIT}__points", "percentile",
        "percentile_in_training",
    ]  # fmt: skip
    assert frame["percentile"].tolist() == [87.5, 25.0, 25.0, 62.5]
    assert frame["percentile_in_training"].tolist() == pytest.approx([100, 0, 0, 30])


def test_columns_keep_the_users_name(here: Path) -> None:
    columns = {"events": {"customer_id": "user", "event_type": "what"}}
    config = parse_config({"name": "shop", "columns": columns})
    named = {"customer_id": "user", "event_type": "what"}
    target = Path("scores.parquet")
    first = score_frames(METRIC, events(THEN).rename(columns=named), config=config, target=target)
    assert first.frame.columns[0] == "user"
    since = ScoreColumns(since=target)
    later = score_frames(
        METRIC, events(NOW, LATER).rename(columns=named), config=config, columns=since
    )
    assert later.frame["user"].tolist() == sorted(NOW)
    assert later.frame["change"].notna().sum() == 3
    taken = parse_config({"name": "shop", "columns": {"events": {"customer_id": "Percentile"}}})
    odd = score_frames(
        METRIC, events(NOW).rename(columns={"customer_id": "Percentile"}), config=taken
    )
    assert odd.frame.columns[0] == "customer_id"
    assert any("'Percentile' is named customer_id" in note for note in odd.notes)


def test_scores_of_another_definition_are_refused(here: Path) -> None:
    score(METRIC, events(THEN), output="then.parquet", progress=False)
    other = dataclasses.replace(METRIC, observation_days=27)
    with pytest.raises(InputError, match=r"then\.parquet: holds scores of another definition"):
        score(other, events(NOW, LATER), since="then.parquet", output="now.csv", progress=False)
    assert not Path("now.csv").exists()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"customer_id": ["a", "a"], "score": [1.0, 2.0]}), "'a' occurs in 2 rows"),
        (pd.DataFrame({"customer_id": ["a"]}), "column 'score' is missing"),
        (pd.DataFrame({"who": ["a"], "score": [1.0]}), "column 'customer_id' is missing"),
        (pd.DataFrame({"customer_id": ["a"], "score": ["high"]}), "'score' holds String"),
    ],
)
def test_earlier_scores_that_cannot_be_used(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score(METRIC, events(NOW), since=frame, progress=False)


def test_earlier_ids_meet_in_other_types() -> None:
    now = score(METRIC, events({1: (1, 0), 2: (0, 0)}), progress=False).frame
    for ids in (["1", "2"], [1.0, 2.0]):
        earlier = pd.DataFrame({"customer_id": ids, "score": [0.0, 0.0]})
        later = score(METRIC, events({1: (1, 0), 2: (0, 0)}), since=earlier, progress=False).frame
        assert later["change"].tolist() == now["score"].tolist()
        assert later["customer_id"].dtype.kind == "i"


def test_a_table_of_duckdb_is_replaced_whole_and_others_are_kept(here: Path) -> None:
    with duckdb.connect("shop.duckdb") as connection:
        events(THEN).pipe(lambda frame: connection.register("raw", frame))
        connection.execute("CREATE TABLE events AS FROM raw")
        connection.execute("CREATE VIEW taken AS SELECT 1 AS one")
    for _ in range(2):
        scores = score(METRIC, "shop.duckdb::events", output="shop.duckdb", progress=False)
    assert str(scores.path) == "shop.duckdb::scores"
    assert scores.frame["customer_id"].tolist() == sorted(THEN)
    facts = facts_of("shop.duckdb::scores")
    assert (facts.definition_hash, facts.as_of) == (METRIC.definition_hash, scores.as_of)
    with pytest.raises(OutputError, match=r"shop\.duckdb: table 'taken' cannot be written"):
        score(METRIC, "shop.duckdb::events", output="shop.duckdb::taken", progress=False)
    with duckdb.connect("shop.duckdb") as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (len(events(THEN)),)
    with pytest.raises(OutputError, match=r"new\.duckdb: table 'no\.schema' cannot be written"):
        score(METRIC, events(THEN), output="new.duckdb::no.schema", progress=False)
    assert [path.name for path in here.iterdir()] == ["shop.duckdb"]
    Path("text.duckdb").write_text("no database")
    with pytest.raises(InputError, match=r"text\.duckdb: is not a DuckDB file"):
        score(METRIC, events(THEN), output="text.duckdb::scores", progress=False)


def test_a_metric_alone_has_no_gains_and_no_predictions(here: Path) -> None:
    METRIC.to_json("metric.json")
    scores = score("metric.json", events(NOW), next_best=True, output="s.csv", progress=False)
    assert scores.frame[["next_best", "next_best_gain"]].isna().all(axis=None)
    assert any("are empty: the response curves are in run.json" in note for note in scores.notes)
    raw = json.loads(Path("metric.json").read_text())
    for evidence, why in (("indicator", "only predict margin"), ("by_hand", "were set by hand")):
        metric = EngagementMetric.from_dict({**raw, "evidence": evidence})
        notes = score(metric, events(NOW), next_best=True, progress=False).notes
        assert any(why in note for note in notes)
    with pytest.raises(InputError, match=r"metric\.json: has no profit and churn models"):
        score("metric.json", events(NOW), predict=True, progress=False)
