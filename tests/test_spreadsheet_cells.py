"""CSV cells that a spreadsheet does not run, and that read back as they were."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.spreadsheet_cells import guarded, guarded_sql, unguarded
from engagement_ml.workflow import score
from engagement_ml.workflow.results import drivers_csv

TEXTS = st.text(alphabet="'=+-@\t\r\n.eE019aé ", max_size=8)
FORMULAS = ["=1+1", "+1-2", "-a", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "+", "='x'", "-1e", "=5"]
NUMBERS = ["-5", "+49170", "-1.5e-3", ".5", "-.5", "12.", "007"]


@given(TEXTS)
def test_every_text_reads_back(text):
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", [*NUMBERS, "", "visit", "'tis", "a=b", " x"])
def test_numbers_and_other_text_stay_as_they_are(text):
    assert guarded(text) == text


@given(st.lists(TEXTS, min_size=1, max_size=200))
def test_the_engine_and_python_agree(texts):
    given_texts = pa.table({"a": [*texts, *FORMULAS, *NUMBERS]})
    sql = f"SELECT {guarded_sql('a')} FROM given_texts"
    with duckdb.connect() as connection:
        connection.register("given_texts", given_texts)
        found = [row[0] for row in connection.execute(sql).fetchall()]
    assert found == [guarded(text) for text in given_texts["a"].to_pylist()]


IDS = ["=cmd|'/c calc'!A0", "+1+2", "-x", "@ann", "'=y", "bob", "-5", "'z"]


def test_ids_and_names_in_scores_are_safe_and_read_back(tmp_path):
    straight = Transform("linear", scale=None, shape=None, cap=4)
    visit = WeightedBehaviour("=visit", 100, None, None, "frequency", "events", straight)
    metric = EngagementMetric("shop", "driver", 84, 84, (visit,))
    events = pd.DataFrame(
        {"customer_id": IDS, "event_type": "=visit", "timestamp": pd.Timestamp("2024-03-01")}
    )
    scores = score(metric, events, output=tmp_path / "scores.csv")
    in_memory = score(metric, events)
    pd.testing.assert_frame_equal(scores.frame, in_memory.frame)
    assert set(scores.frame["customer_id"]) == set(IDS)
    with Path(tmp_path / "scores.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [c for c in cells if c[:1] in ("=", "+", "-", "@")] == ["-5"]


def test_names_in_drivers_csv_are_safe_and_numbers_stay_numbers():
    row = DriverRow("=1+1", "harmful", False, 1, 0.5, -2.5, -3.0, -2.0, 0.0, None, "-costs margin")
    (read,) = csv.DictReader(drivers_csv([row]).splitlines())
    assert (read["behaviour"], read["reason"]) == ("'=1+1", "'-costs margin")
    assert (float(read["effect"]), float(read["effect_low"])) == (-2.5, -3.0)
