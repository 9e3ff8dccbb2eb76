"""Measures of surveys equal a slow oracle, on made and on drawn tables."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.engine import Engine
from engagement_ml.measures.kinds.wilson import wilson
from tests.measures.tables import Row, make_context, measured, moment, values

NAMES = ("nps", "csat", "csat_mean", "ces", "esat", "response_rate")
EVENT = {"customer_id": "x", "timestamp": moment("2024-01-01"), "event_type": "e"}
LAST = {"customer_id": "x", "timestamp": moment("2024-04-30 23:59"), "event_type": "e"}
BOUNDS = {
    "nps": (-100, 100), "csat": (0, 100), "esat": (0, 100), "csat_mean": (-9, 20), "ces": (-5, 13),
}  # fmt: skip
PERIODS = ("2024-01", "2024-02", "2024-03", "2024-04")


def results(engine: Engine, surveys: Sequence[Row], **more: Any) -> Any:
    events = [EVENT, LAST, *more.pop("events", [])]
    context = make_context(engine, events=events, surveys=surveys, **more)
    return measured(context, *more.pop("names", NAMES))


def answer(customer: str, when: str, score: float | None, **more: Any) -> dict[str, Any]:
    made = {"customer_id": customer, "timestamp": moment(when), "survey": "nps", "scale": "0-10"}
    return made | {"score": score} | more


def last_scores(rows: Sequence[Row], survey: str, by: str | None = None) -> dict[Any, list[float]]:
    """Return the scores that count: of each person in each period (and touchpoint), the last."""
    last: dict[Any, tuple[dt.datetime, float]] = {}
    for row in rows:
        if row["survey"] == survey and row["score"] is not None:
            group = None if by is None else row.get(by)
            if by is not None and group is None:
                continue
            key = (f"{row['timestamp']:%Y-%m}", group, row["customer_id"])
            last[key] = max(last.get(key, (dt.datetime.min, 0.0)), (row["timestamp"], row["score"]))
    found: dict[Any, list[float]] = {}
    for (period, group, _), (_, score) in last.items():
        found.setdefault((period, group), []).append(score)
    return found


def oracle(name: str, scores: Sequence[float], scale: str) -> float | None:
    if not scores or (name == "esat" and len(scores) < 10):
        return None
    if name == "nps":
        ups, downs = sum(s >= 9 for s in scores), sum(s < 7 for s in scores)
        return 100 * (ups - downs) / len(scores)
    if name in ("csat_mean", "ces"):
        return statistics.fmean(scores)
    top = {"1-5": (4, 5), "1-10": (9, 10), "1-7": (6, 7), "0-10": (9, 10)}[scale]
    return 100 * sum(s >= top[0] for s in scores) / len(scores)


def check(found: Mapping[str, Any], rows: Sequence[Row], scales: Mapping[str, str]) -> None:
    for name in NAMES[:-1]:
        survey = name.removesuffix("_mean")
        for by in (None, "touchpoint"):
            expected = last_scores(rows, survey, by)
            measure = found[name]
            if not last_scores(rows, survey):
                assert measure.absent == f"answers to the survey '{survey}' in the table surveys"
                continue
            estimates = measure.estimates.get("touchpoint" if by else "all", {})
            for group, series in estimates.items():
                for period, estimate in zip(PERIODS, series, strict=True):
                    scores = expected.pop((period, group if by else None), [])
                    assert estimate.value == pytest.approx(oracle(name, scores, scales[survey]))
                    assert estimate.n == len(scores)
                    if estimate.low is not None:
                        assert BOUNDS[name][0] <= estimate.low <= estimate.high <= BOUNDS[name][1]
            assert not expected, name


def test_last_answer_counts_and_each_touchpoint_has_its_own(engine: Engine) -> None:
    rows = [
        answer("a", "2024-01-03 10:00", 10, touchpoint="web"),
        answer("a", "2024-01-03 10:01", 2, touchpoint="shop"),
        answer("b", "2024-01-09", 7, touchpoint="web"),
        answer("c", "2024-01-31 23:59:59", 9, touchpoint=None),
        answer("c", "2024-03-01", 6.5, touchpoint="web"),
    ]
    found = results(engine, rows)["nps"]
    assert values(found) == [0.0, None, -100.0, None]
    assert [e.n for e in found.estimates["all"][""]] == [3, 0, 1, 0]
    assert found.estimates["touchpoint"]["web"][0].value == 50.0
    assert found.estimates["touchpoint"]["shop"][0].value == -100.0
    first = found.estimates["all"][""][0]
    assert (first.numerator, first.denominator) == (0.0, 3.0)


def test_touchpoint_of_an_answer_is_the_channel_of_its_event(engine: Engine) -> None:
    events = [
        {**EVENT, "event_id": "17", "channel": "store"},
        {**EVENT, "event_id": "18", "channel": "phone"},
    ]
    rows = [
        answer("a", "2024-01-03", 10, event_id="17", touchpoint=None),
        answer("b", "2024-01-03", 0, event_id="18", touchpoint="chat"),
        answer("c", "2024-01-03", 0, event_id="99", touchpoint=None),
    ]
    found = results(engine, rows, events=events)["nps"].estimates
    assert found["all"][""][0].n == 3
    assert {group: s[0].value for group, s in found["touchpoint"].items()} == {
        "store": 100.0,
        "chat": -100.0,
    }


def test_few_answers_of_employees_are_not_shown(engine: Engine) -> None:
    def esat(n: int) -> list[Row]:
        more = {"survey": "esat", "scale": "1-5"}
        return [answer(f"e{i}", "2024-02-01", 1 + i % 5, **more) for i in range(n)]

    assert values(results(engine, esat(9))["esat"]) == [None] * 4
    assert results(engine, esat(9))["esat"].estimates["all"][""][1].n == 9
    assert values(results(engine, esat(10))["esat"])[1] == 40.0


def test_nothing_sent_on_record_is_no_data(engine: Engine) -> None:
    rows = [answer("a", "2024-01-03", 9)]
    assert results(engine, rows)["response_rate"].absent == "column sent of surveys"
    none = results(engine, [{**rows[0], "sent": None}])["response_rate"]
    assert none.absent == "column 'sent' of surveys: none has a time of sending"


def test_without_a_time_of_sending_contacts_are_answered_in_time(engine: Engine) -> None:
    """a answers in time, twice; b too late; c before; the time of d is not over."""
    contacts = [
        {"customer_id": who, "timestamp": moment(day), "event_type": "survey_sent"}
        for who, day in (("a", "2024-01-10"), ("b", "2024-01-10"), ("c", "2024-01-10"),
                         ("d", "2024-04-25"))
    ]  # fmt: skip
    rows = [
        answer("a", "2024-01-12", 9),
        answer("a", "2024-01-13", 3),
        answer("b", "2024-02-25", 9),
        answer("c", "2024-01-09", 9),
        answer("d", "2024-04-26", 9),
    ]
    found = results(engine, rows, events=contacts)["response_rate"]
    assert values(found) == [pytest.approx(100 / 3), None, None, None]
    assert found.notes[0].startswith("by contacts (survey_sent)")
    assert "one contact left out: the time for the goal is not over yet" in found.notes


def test_response_rate_counts_each_survey_that_was_sent(engine: Engine) -> None:
    sent = moment("2024-01-30")
    rows = [
        answer("a", "2024-02-03", 9, sent=sent),
        {**answer("a", "2024-02-03", None, sent=sent), "timestamp": None},
        {**answer("b", "2024-02-03", None, sent=sent), "timestamp": None},
        {**answer("b", "2024-02-03", None, sent=moment("2024-03-01")), "timestamp": None},
        answer("c", "2024-02-03", 9, sent=None),
    ]
    found = results(engine, rows)["response_rate"]
    assert values(found) == [pytest.approx(100 / 3), None, 0.0, None]
    assert found.notes == ("1 answers have no time of sending and are left out",)
    march = found.estimates["all"][""][2]
    assert (march.low, march.high) == pytest.approx([100 * x for x in wilson(0, 1)])


def test_own_survey_names_its_kind_and_scale(engine: Engine) -> None:
    rows = [
        answer("a", "2024-01-03", 10, survey="delivery", scale="1-10"),
        answer("b", "2024-01-03", 8, survey="delivery", scale="1-10"),
        answer("b", "2024-01-03", 3, survey="mood", scale=None),
    ]
    own = {
        "delivery": {"kind": "csat", "survey": "delivery"},
        "mood": {"kind": "csat", "survey": "mood"},
        "promoters": {"kind": "nps", "survey": "delivery"},
        "effort": {"kind": "ces", "survey": "deliveri", "better": "less"},
    }
    context = make_context(
        engine, settings={"measures": own}, events=[EVENT, LAST], surveys=rows
    )  # fmt: skip
    found = measured(context, *own)
    assert values(found["delivery"])[0] == 50.0
    assert found["mood"].absent == (
        "the scale 1-5 or 1-7 or 1-10 or 0-10 of the survey 'mood' (column 'scale' of surveys)"
    )
    assert found["promoters"].absent == "the scale 0-10 of the survey 'delivery' (it is '1-10')"
    assert found["effort"].absent == "answers to the survey 'deliveri' in the table surveys"


SCALES = {"nps": "0-10", "csat": "1-10", "ces": "1-7", "esat": "1-5"}
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from("abcdefghijklm"),
        st.integers(0, 120 * 24 * 3600),
        st.sampled_from(list(SCALES)),
        st.integers(0, 1000),
        st.sampled_from([None, "web", "shop"]),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda row: (row[0], row[1], row[2]),
)


@settings(max_examples=5, deadline=None)
@given(drawn=ANSWERS, order=st.randoms(use_true_random=False))
def test_measures_equal_the_oracle_whatever_the_order(
    duckdb_engine: Engine, drawn: list[Any], order: Any
) -> None:
    rows = []
    for customer, seconds, survey, level, touchpoint in drawn:
        low, high = (int(limit) for limit in SCALES[survey].split("-"))
        when = moment("2024-01-01") + dt.timedelta(seconds=seconds)
        score = round(low + (high - low) * level / 1000, 2 if level % 2 else 0)
        rows.append(
            answer(customer, "2024-01-01", score, survey=survey, scale=SCALES[survey])
            | {"timestamp": when, "touchpoint": touchpoint}
        )
    order.shuffle(rows)
    check(results(duckdb_engine, rows), rows, SCALES)
