"""Surveys: what is asked and not answered, scales, and whether those asked are customers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import EngagementError, InputError, NotEnoughDataError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.inputs.inspection import inspect_tables
from tests.engines.conftest import PolarsEngine

EVENTS = pd.DataFrame(
    {
        "customer_id": ["ann", "bob"],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-01-02"]),
        "event_type": "visit",
    }
)
PAID = pd.DataFrame(
    {"customer_id": ["ann"], "timestamp": pd.to_datetime(["2024-02-01"]), "margin": [1.0]}
)
Reader = Callable[..., Tables]


def surveys(*rows: tuple[Any, ...], columns: str = "survey score") -> pd.DataFrame:
    """Return answers of ann, a day each, in these columns beside."""
    frame = pd.DataFrame(rows, columns=columns.split())
    frame.insert(0, "customer_id", "ann")
    if "timestamp" not in frame:
        days = [dt.datetime(2024, 1, 1) + dt.timedelta(days=i) for i in range(len(rows))]
        frame.insert(1, "timestamp", days)
    return frame


@pytest.fixture(params=["duckdb", "polars"])
def read(request: pytest.FixtureRequest) -> Iterator[Reader]:
    """Return a reader of surveys on an engine; other engines give the same."""
    engine: Engine = open_duckdb(threads=1) if request.param == "duckdb" else PolarsEngine()
    with engine:

        def reader(answers: pd.DataFrame, *, extra: bool = False, **keys: Any) -> Tables:
            frames = {"events": EVENTS, "transactions": PAID, "surveys": answers}
            given = frames if request.param == "duckdb" else {
                name: pl.from_pandas(frame) for name, frame in frames.items()
            }  # fmt: skip
            return read_tables(parse_config({"name": "s", **keys}), engine, given, extra=extra)

        yield reader


def rows_of(tables: Tables, *columns: str) -> list[tuple[Any, ...]]:
    assert tables.surveys is not None
    rows = tables.engine.rows(tables.surveys, source="surveys")
    return sorted((tuple(row[c] for c in columns) for row in rows), key=str)


def test_a_survey_that_was_sent_needs_no_answer(read: Reader) -> None:
    sent = dt.datetime(2024, 1, 1)
    answers = surveys(
        ("nps", 9.0, sent, dt.datetime(2024, 1, 3)),
        ("nps", None, sent, None),
        ("nps", None, sent, dt.datetime(2024, 1, 4)),
        ("nps", None, None, dt.datetime(2024, 1, 5)),
        ("nps", 8.0, sent, None),
        ("nps", 7.0, None, dt.datetime(2024, 1, 6)),
        (None, 7.0, sent, dt.datetime(2024, 1, 6)),
        columns="survey score sent timestamp",
    )
    tables = read(answers)
    assert rows_of(tables, "score", "sent", "timestamp") == sorted(
        [
            (9.0, sent, dt.datetime(2024, 1, 3)),
            (None, sent, None),
            (None, sent, dt.datetime(2024, 1, 4)),
            (7.0, None, dt.datetime(2024, 1, 6)),
        ],
        key=str,
    )
    dropped = {each.reason: each.rows for each in tables.quality[-1].dropped}
    assert dropped == {"null score": 1, "null timestamp": 1, "null survey": 1}


def test_without_times_of_sending_each_row_needs_an_answer(read: Reader) -> None:
    tables = read(surveys(("nps", 9.0), ("nps", None)))
    assert rows_of(tables, "score") == [(9.0,)]
    with pytest.raises(NotEnoughDataError, match=r"none of the 2 rows.*2 null score"):
        read(surveys(("nps", None), ("nps", None)).astype({"score": float}))


def test_surveys_may_all_be_unanswered(read: Reader) -> None:
    sent = dt.datetime(2024, 1, 1)
    answers = surveys(("nps", None, sent, None), columns="survey score sent timestamp")
    answers = answers.astype({"score": float, "timestamp": "datetime64[us]"})
    assert rows_of(read(answers), "score", "timestamp", "sent") == [(None, None, sent)]


def test_an_implausible_time_of_sending_is_none(read: Reader) -> None:
    answers = surveys(
        ("nps", 9.0, dt.datetime(1970, 1, 1)), ("nps", None, dt.datetime(1970, 1, 1)),
        columns="survey score sent",
    )  # fmt: skip
    tables = read(answers)
    assert rows_of(tables, "score", "sent") == [(9.0, None)]
    assert any("2 sendings of surveys before 1990-01-01" in note for note in tables.notes)


def test_every_answer_has_the_scale_that_its_name_or_column_says(read: Reader) -> None:
    tables = read(surveys(("NPS ", 0.0), ("ces", 7.0), ("Esat", 1.0), ("csat", 5.0), ("own", 99.0)))
    assert rows_of(tables, "survey", "scale") == [
        ("ces", "1-7"), ("csat", "1-5"), ("esat", "1-5"), ("nps", "0-10"), ("own", None),
    ]  # fmt: skip
    tables = read(
        surveys(
            ("nps", 10.0, None), ("csat", 10.0, " 1-10"), ("own", 7.0, "1-7"), ("own", 1.0, ""),
            columns="survey score scale",
        )
    )  # fmt: skip
    assert rows_of(tables, "survey", "score", "scale") == [
        ("csat", 10.0, "1-10"), ("nps", 10.0, "0-10"), ("own", 1.0, None), ("own", 7.0, "1-7"),
    ]  # fmt: skip


WRONG = [
    ([("nps", 9.0), ("nps", 11.0)], "survey score",
     "column 'score', row 2: expected a score of nps from 0 to 10, found '11.0'"),
    ([("NPS", -1.0)], "survey score", "expected a score of nps from 0 to 10, found '-1.0'"),
    ([("ces", 1.0), ("ces", 0.0), ("ces", 8.0)], "survey score",
     "column 'score', row 2: expected a score of ces from 1 to 7, found '0.0' (2 such rows)"),
    ([("csat", 5.0), ("csat", 6.0)], "survey score",
     "expected a score of csat or esat from 1 to 5, or the scale of the survey in the column "
     "'scale', found '6.0'"),
    ([("own", 7.0, "1-7"), ("own", 0.5, "1-7")], "survey score scale",
     "column 'score', row 2: expected a score from 1 to 7, as the scale is 1-7, found '0.5'"),
    ([("csat", 0.0, "0-10"), ("csat", 10.5, "0-10")], "survey score scale",
     "column 'score', row 2: expected a score from 0 to 10, as the scale is 0-10, found '10.5'"),
    ([("csat", 3.0, "1-5"), ("csat", 3.0, "5")], "survey score scale",
     "column 'scale', row 2: expected one of 1-5, 1-7, 1-10 and 0-10, as text, found '5'; if it "
     "is something else, leave it out: 'columns: {surveys: {scale: null}}'"),
    ([("nps", 3.0, "1-10")], "survey score scale",
     "column 'scale', row 1: expected 0-10 or nothing, as nps has no other scale, found '1-10'"),
    ([("csat", 3.0, "1-5"), ("csat", 3.0, "1-10"), ("csat", 3.0, None)], "survey score scale",
     "column 'scale', row 2: survey 'csat' has the scale 1-10 in 1 row and 1-5 in 2 rows (an "
     "empty 'scale' means 1-5); a survey has one scale, so give the rows of each scale a name of "
     "their own in 'survey'"),
    ([("it's", 3.0, "1-5"), ("it's", 3.0, "1-7"), ("b", 1.0, "1-7")], "survey score scale",
     "column 'scale', row 1: survey 'it's' has the scale 1-5 in 1 row and 1-7 in 1 row; a survey"),
    ([("nps", 3.0, True)], "survey score sent",
     "not timestamps; give a timestamp type, or ISO 8601 text such as 2024-05-31 14:30:00; if it "
     "is something else, leave it out: 'columns: {surveys: {sent: null}}'"),
    ([("nps", 3.0, dt.datetime(2999, 1, 1))], "survey score sent",
     "expected no timestamp in the future"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "columns", "said"), WRONG)
def test_what_does_not_fit_is_named(
    read: Reader, rows: list[tuple[Any, ...]], columns: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(surveys(*rows, columns=columns))
    found = str(caught.value)
    if "polars" in found:
        # Only DuckDB knows the numbers of rows.
        said = re.sub(r", row [0-9]+", "", said)
    assert said in found
    assert "\n" not in found


def test_check_reports_every_fault_of_surveys() -> None:
    answers = surveys(
        ("nps", 11.0, None),
        ("csat", 3.0, "1-5"),
        ("csat", 3.0, "1-10"),
        columns="survey score scale",
    )
    found: list[EngagementError] = []
    with open_duckdb(threads=1) as engine:
        frames = {"events": EVENTS, "transactions": PAID, "surveys": answers}
        inspection = inspect_tables(engine, parse_config({"name": "s"}), frames, found.append)
    assert inspection.tables is not None
    assert [re.sub(r".*: (column '[a-z]+', row [0-9]).*", r"\1", str(each)) for each in found] == [
        "column 'score', row 1", "column 'scale', row 3",
    ]  # fmt: skip


def test_a_mapped_column_has_its_name_on_purpose(read: Reader) -> None:
    answers = surveys(("nps", 3.0, "x"), columns="survey score range")
    with pytest.raises(InputError, match=r"column 'range'.*found 'x'$"):
        read(answers, columns={"surveys": {"scale": "range"}})


def test_a_column_that_is_left_out_is_not_checked(read: Reader) -> None:
    answers = surveys(("nps", 3.0, "large", True), columns="survey score scale sent")
    tables = read(answers, columns={"surveys": {"scale": None, "sent": None}})
    assert rows_of(tables, "scale") == [("0-10",)]


def test_the_run_says_who_uses_surveys(read: Reader) -> None:
    answers = surveys(("nps", 9.0))
    assert any("'engagement-ml scorecard' uses them" in note for note in read(answers).notes)
    assert not any("surveys" in note for note in read(answers, extra=True).notes)


def test_answers_before_the_survey_was_sent_are_counted(read: Reader) -> None:
    sent = [dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 2), None]
    answers = surveys(*[("nps", 9.0)] * 3).assign(sent=sent)
    notes = read(answers, extra=True).notes
    assert any("1 answer is dated before the survey was sent" in note for note in notes)


def test_those_who_were_asked_and_are_no_customers_are_counted(read: Reader) -> None:
    answers = surveys(*[("nps", 9.0)] * 3).assign(customer_id=["ann", "eve", "joe"])
    notes = read(answers, extra=True).notes
    assert any("of 3 customers in surveys, only 1 has events or" in note for note in notes)
    notes = read(answers.assign(customer_id=["ANN", "BOB", "EVE"]), extra=True).notes
    none = "of 3 customers in surveys, none has events or transactions, so answers are"
    assert any(none in note and "all tables in the same case" in note for note in notes)
