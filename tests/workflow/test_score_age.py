"""Scores say how old their events are, and do not follow one late event."""

from __future__ import annotations

import datetime as dt
import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from engagement_ml.cli.app import app
from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow import score
from engagement_ml.workflow.scoring import score_frames

METRIC = EngagementMetric(
    "shop", "driver", 84, 84,
    (WeightedBehaviour("visit", 100, None, None, "frequency", "events",
                       Transform("linear", scale=None, shape=None, cap=50)),),
)  # fmt: skip
TODAY = dt.datetime.now(dt.UTC).date()


def events(last: dt.date, *more: str) -> pd.DataFrame:
    days = np.datetime64(last, "us") - np.arange(100) * np.timedelta64(1, "D")
    moments = [*np.repeat(days, 4), *np.array(more, "datetime64[us]")]
    return pd.DataFrame(
        {"customer_id": np.arange(len(moments)) % 4, "event_type": "visit", "timestamp": moments}
    )


def test_one_late_event_does_not_move_the_scores() -> None:
    usual = score(METRIC, events(dt.date(2024, 6, 30)), progress=False)
    late = score(METRIC, events(dt.date(2024, 6, 30), "2026-03-01"), progress=False)
    assert late.as_of == usual.as_of == dt.datetime(2024, 7, 1)
    assert late.last_event == dt.date(2024, 6, 30)
    assert late.frame.equals(usual.frame)
    assert usual.mean == 100
    assert late.notes[0].startswith("1 event after 2024-06-30, far from all other days, does not")
    kept = score_frames(
        METRIC,
        events(dt.date(2024, 6, 30), "2026-03-01"),
        config=parse_config({"name": "late", "history": {"drop_distant": False}}),
    )
    assert kept.as_of == dt.datetime(2026, 3, 2)


@pytest.mark.parametrize(
    ("age", "as_of", "old"),
    [(1, None, False), (7, None, False), (8, None, True), (30, 29, False), (30, 20, True)],
)
def test_old_events_are_said(
    age: int, as_of: int | None, old: bool, caplog: pytest.LogCaptureFixture
) -> None:
    last = TODAY - dt.timedelta(days=age)
    until = None if as_of is None else TODAY - dt.timedelta(days=as_of)
    with caplog.at_level(logging.WARNING, "engagement_ml"):
        scores = score(METRIC, events(last), as_of=until)
    assert scores.last_event == last
    said = [note for note in scores.notes if note.startswith("the events are old: the last one")]
    assert bool(said) == old == any("the events are old" in r.message for r in caplog.records)


def test_implausible_events_are_dropped_and_said() -> None:
    scores = score(METRIC, events(TODAY, "1970-01-01", "0024-01-01"), progress=False)
    assert scores.notes == ("2 rows of events were dropped: before 1990-01-01 (history.earliest)",)


def test_the_command_prints_the_last_event_and_warns_even_if_quiet(tmp_path: Path) -> None:
    METRIC.to_json(tmp_path / "metric.json")
    events(dt.date(2024, 6, 30)).to_parquet(tmp_path / "events.parquet")
    call = ["score", str(tmp_path / "metric.json"), str(tmp_path / "events.parquet"),
            "--output", str(tmp_path / "scores.parquet")]  # fmt: skip
    loud, quiet = (CliRunner().invoke(app, [*call, *more]) for more in ([], ["--quiet"]))
    assert loud.exit_code == quiet.exit_code == 0
    assert "as of 2024-07-01, 100.0 on average; the last event is of 2024-06-30" in loud.stdout
    for said in (loud.stderr, quiet.stderr):
        line = r"\S+Z WARNING engagement_ml\.\S+: the events are old: the last one is of 2024-06-30"
        assert re.match(line, said)
        assert said.count("\n") == 1
    assert quiet.stdout == ""


def test_scores_of_lazy_frames_agree() -> None:
    with open_duckdb(threads=1) as engine:
        relation = engine.connection.from_df(events(dt.date(2024, 6, 30), "2026-03-01"))
        assert score(METRIC, relation, progress=False).as_of == dt.datetime(2024, 7, 1)
