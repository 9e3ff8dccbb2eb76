"""Queries of a run have the names of its configuration, and the scores of its workflow."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import duckdb
import pandas as pd
import pytest

from engagement_ml.cli import main
from engagement_ml.config import parse_config
from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric
from engagement_ml.model.queries import FittedQueries
from engagement_ml.workflow import sql
from engagement_ml.workflow.scoring import score_frames

METRIC = EngagementMetric.from_weights({"visit": 3, "re'view": 1}, full_points_at=2)
COLUMNS = {
    "events": {"Customer_ID": "user", "timestamp": "at", "event_type": "what", "event_id": "key"},
    "customers": {"customer_id": "who"},
}
CONFIG = parse_config({"name": "shop", "columns": COLUMNS})
EVENTS = pd.DataFrame(
    {
        "user": ["a", "a", "b", "c"],
        "at": [dt.datetime(2024, 3, day) for day in (1, 2, 3, 4)],
        "what": ["visit", "re'view", "visit", "other"],
        "key": [1, 2, 1, 4],
    }
)


class Model(FittedQueries):
    metric_, config_ = METRIC, CONFIG


def answers(query: str, **tables: Any) -> tuple[list[str], dict[str, float]]:
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        found = connection.execute(query)
        return [column[0] for column in found.description], dict(found.fetchall())


def test_a_model_queries_the_tables_that_it_was_fitted_to():
    chosen = pd.DataFrame({"who": ["a", "z", None]})
    columns, scores = answers(
        Model().to_sql_events("log", "2024-04-01", customers_table="chosen"),
        log=EVENTS, chosen=chosen,
    )  # fmt: skip
    scored = score_frames(METRIC, EVENTS, config=CONFIG, customers=chosen, as_of="2024-04-01")
    expected = dict(zip(scored.frame.iloc[:, 0], scored.frame["score"], strict=True))
    assert columns == ["user", "score"]
    assert scores == pytest.approx(expected)
    # The row of b repeats the id of an earlier one of a.
    _, scores = answers(Model().to_sql_events("log", "2024-04-01"), log=EVENTS)
    assert scores == {"a": 50.0, "c": 0.0}
    counts = pd.DataFrame({"user": ["a"], "visit": [1], "re'view": [None]})
    assert answers(Model().to_sql("counts"), counts=counts) == (["user", "score"], {"a": 37.5})


def test_columns_that_the_configuration_computes_are_not_in_the_raw_table():
    class Shaped(Model):
        config_ = parse_config(
            {"name": "shop", "shape": {"events": {"timezone": "Europe/Berlin", "where": "x > 1"}}}
        )

    with pytest.raises(InputError, match=r"shape: \{events: ...\}' \(where, timezone\)"):
        Shaped().to_sql_events("log", "2024-04-01")


def test_a_limit_of_the_history_that_a_query_does_not_apply_is_said():
    class Limited(Model):
        config_ = parse_config({"name": "shop", "history": {"latest": "2024-03-01"}})

    query = Limited().to_sql_events("log", "2024-04-01")
    assert "-- history.latest of the configuration is not applied" in query.splitlines()
    assert "history" not in Model().to_sql_events("log", "2024-04-01")


def test_the_command_prints_a_query_that_runs(tmp_path, monkeypatch, capsys):
    METRIC.to_json(tmp_path / "metric.json")
    options = ["log", "--as-of", "2024-04-01", "--event-id", "key"]
    words = ["engagement-ml", "sql", str(tmp_path / "metric.json"), *options]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    printed = capsys.readouterr().out
    assert printed.strip() == sql(METRIC, "log", as_of="2024-04-01", event_id="key")
    names = {"user": "customer_id", "at": "timestamp", "what": "event_type"}
    assert answers(printed, log=EVENTS.rename(columns=names))[1] == {"a": 50.0, "c": 0.0}


def test_options_of_events_need_a_date():
    with pytest.raises(InputError, match="give as_of"):
        sql(METRIC, "counts", event_id="key")
