"""Cards of surveys from tables, on every engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import narwhals as nw
import numpy as np
import pytest

from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.scorecard.card import SurveyCard
from engagement_ml.scorecard.surveys import survey_cards
from engagement_ml.scorecard.surveys.cards import _Scope
from engagement_ml.scorecard.surveys.gathering import count_surveys, direction_of, gather
from tests.engines.conftest import PolarsEngine
from tests.measures.tables import Row, make_config, make_tables, moment

START = moment("2024-01-01")
DAYS = 7 * 52
N = 120


class HashingPolars(PolarsEngine):
    """Polars, with DuckDB's permanent random numbers."""

    def permanent_random_numbers(
        self, frame: nw.LazyFrame[Any], column: str, seed: int, name: str
    ) -> nw.LazyFrame[Any]:
        raise AssertionError("no table is large here")


@pytest.fixture(params=["duckdb", "polars"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """DuckDB, then Polars."""
    with open_duckdb(threads=1) if request.param == "duckdb" else HashingPolars() as opened:
        yield opened


def at(day: float) -> dt.datetime:
    return START + dt.timedelta(days=float(day))


def shop(seed: int = 0) -> dict[str, list[Row]]:
    """Return tables of customers who visit, buy and answer at random."""
    rng = np.random.default_rng(seed)
    events: list[Row] = []
    bought: list[Row] = []
    surveys: list[Row] = []
    for i in range(N):
        name, rate = f"c{i:03d}", float(rng.gamma(2.0, 0.5))
        events += [
            {"customer_id": name, "timestamp": at(day), "event_type": kind}
            for kind in ("visit", "call")
            for day in np.sort(rng.random(rng.poisson(20 * rate)) * DAYS)
        ]
        bought += [
            {"customer_id": name, "timestamp": at(day), "margin": float(rng.integers(1, 50))}
            for day in rng.random(1 + rng.poisson(8 * rate)) * DAYS
        ]
        for k in range(3):
            sent = 30.0 + 100 * k + float(rng.integers(0, 50))
            row: dict[str, Any] = {"customer_id": name, "survey": "nps", "scale": "0-10"}
            row |= {"sent": at(sent), "timestamp": None, "score": None, "comment": None}
            if rng.random() < 0.6:
                row |= {"timestamp": at(sent + 2), "score": float(rng.integers(0, 11))}
                row["comment"] = f"said {i} {k}" if rng.random() < 0.3 else None
            surveys.append(row)
    # The last day of the history is that of the last transaction.
    bought.append({"customer_id": "c000", "timestamp": at(DAYS - 0.5), "margin": 1.0})
    return {"events": events, "transactions": bought, "surveys": surveys}


def cards(engine: Engine, tables: dict[str, list[Row]], **settings: Any) -> tuple[SurveyCard, ...]:
    read = make_tables(engine, **tables)
    groups = engine.small(
        {
            "customer_id": [f"c{i:03d}" for i in range(N)],
            "region": ["north" if i % 2 else None for i in range(N)],
        }
    )
    return survey_cards(read, make_config(settings), segments=groups)


def test_card_counts_what_the_table_holds(engine: Engine) -> None:
    tables = shop()
    (card,) = cards(engine, tables)
    answered = [row for row in tables["surveys"] if row["score"] is not None]
    assert (card.survey, card.answers) == ("nps", len(answered))
    assert card.people == len({row["customer_id"] for row in answered})
    assert [each["form"] for each in card.evidence] == ["last", "change", "promoter", "detractor"]
    for each in card.evidence:
        assert each["verdict"] == "unverifiable"
        assert each["more_answers"] > 0
        if each["people"] >= 30:
            assert each["low"] < each["effect"] < each["high"]
        else:
            assert each["effect"] is None
    last: dict[str, Row] = {}
    for row in sorted(tables["surveys"], key=lambda row: row["sent"]):
        last[row["customer_id"]] = row
    rate = 100 * sum(row["score"] is not None for row in last.values()) / N
    assert card.response["of"] == "asked"
    assert card.response["rate"] == pytest.approx(rate)
    assert set(card.response["differences"]) == {"margin", "orders", "tenure", "visit", "call"}


def test_comments_are_listed_by_segment_newest_first(engine: Engine) -> None:
    tables = shop()
    (card,) = cards(engine, tables, scorecard={"comments": 4})
    told = [row for row in tables["surveys"] if row["comment"]]
    told.sort(key=lambda row: row["timestamp"], reverse=True)
    north = [row for row in told if int(row["customer_id"][1:]) % 2]
    assert list(card.comments) == ["all", "region: north"]
    for group, rows in (("all", told), ("region: north", north)):
        assert [each["comment"] for each in card.comments[group]] == [
            row["comment"] for row in rows[:4]
        ]
    first = card.comments["all"][0]
    assert (first["date"], first["score"]) == (told[0]["timestamp"].date(), told[0]["score"])
    (none,) = cards(engine, tables, scorecard={"comments": 0})
    assert none.comments == {}


def test_comments_of_employees_name_no_person(engine: Engine) -> None:
    tables = shop()
    tables["surveys"] = [{**row, "survey": "esat", "scale": "0-10"} for row in tables["surveys"]]
    (card,) = cards(engine, tables)
    assert list(card.comments) == ["all"]
    for comment in card.comments["all"]:
        assert (comment["customer_id"], comment["score"]) == (None, None)
        assert comment["comment"].startswith("said")
    few = {f"c{i:03d}" for i in range(9)}
    tables["surveys"] = [row for row in tables["surveys"] if row["customer_id"] in few]
    assert all(not card.comments for card in cards(engine, tables))


def test_engines_give_the_same_cards() -> None:
    found = []
    for opened in (open_duckdb(threads=1), HashingPolars()):
        with opened as engine:
            found.append(cards(engine, shop(1)))
    assert found[0] == found[1]


def test_weeks_of_answers_and_margin_are_those_of_the_tables(engine: Engine) -> None:
    tables = shop()
    read = make_tables(engine, **tables)
    gathered = gather(read, make_config(), count_surveys(read))
    periods, answers = gathered.periods, gathered.answers["nps"]
    by_hand: dict[tuple[str, int], tuple[dt.datetime, float]] = {}
    for row in tables["surveys"]:
        if row["score"] is not None:
            week = (row["timestamp"].date() - periods.start).days // 7
            if 0 <= week < periods.gain.shape[1]:
                key = (row["customer_id"], week)
                given = (row["timestamp"], row["score"])
                by_hand[key] = max(by_hand.get(key, given), given)
    found = {
        (str(periods.entities[who]), int(week)): score
        for who, week, score in zip(answers.customer, answers.week, answers.score, strict=True)
    }
    assert found == {key: score for key, (_, score) in by_hand.items()}
    inside = sum(
        row["margin"] for row in tables["transactions"] if row["timestamp"].date() >= periods.start
    )
    assert periods.gain.sum() == pytest.approx(inside)


def test_answers_from_outside_are_told(engine: Engine) -> None:
    tables = shop()
    stranger = {"customer_id": "stranger", "survey": "nps", "scale": "0-10", "score": 3.0}
    tables["surveys"] += [
        stranger | {"timestamp": at(50), "sent": None, "comment": None},
        stranger | {"customer_id": "c000", "timestamp": at(-60), "sent": None, "comment": None},
    ]
    (card,) = cards(engine, tables)
    assert card.notes[:2] == (
        "no margin is known for 1 customer of the surveys in no other table",
        "no margin is known for 1 answer outside the weeks of the history",
    )


def test_no_table_of_surveys_gives_no_card(engine: Engine) -> None:
    tables = shop()
    del tables["surveys"]
    assert cards(engine, tables) == ()


def test_a_short_history_gives_counts_and_the_reason(engine: Engine) -> None:
    day = moment("2024-01-01")
    tables: dict[str, list[Row]] = {
        "events": [{"customer_id": "a", "timestamp": day, "event_type": "visit"}],
        "transactions": [{"customer_id": "a", "timestamp": day, "margin": 1.0}],
        "surveys": [
            {"customer_id": "a", "timestamp": day, "survey": "nps", "scale": "0-10", "score": 9.0}
        ],
    }
    (card,) = cards(engine, tables)
    assert (card.answers, card.people, card.evidence) == (1, 1, ())
    assert "give a longer history" in card.notes[0]


def test_the_direction_of_a_survey_is_that_of_its_measure() -> None:
    config = make_config(
        {
            "measures": {
                "ces": {"better": "less"},
                "waiting": {"kind": "csat", "survey": "queue", "better": "less"},
            }
        }
    )
    surveys = ("ces", "queue", "csat", "nps")
    assert [direction_of(config, s) for s in surveys] == ["less", "less", "more", "more"]


def test_roles_say_what_is_held_constant(engine: Engine) -> None:
    read = make_tables(engine, **shop())
    settings = {"behaviours": {"call": {"role": "ignore"}, "visit": {"role": "consequence"}}}
    config = make_config(settings)
    scope = _Scope.of(config, gather(read, config, count_surveys(read)))
    assert scope.recorded == ("visit",)
    assert scope.candidates == ()
