"""Goals: how far each is on its way, compared with the time that is gone."""

import datetime as dt

import pytest

from engagement_ml.config.scorecard import GoalConfig
from engagement_ml.scorecard.goals import goal_card
from tests.scorecard.examples import card, months

PERIODS = months().each


def made(
    series,
    *,
    target=70.0,
    as_of=dt.date(2024, 7, 1),
    start="2024-03-01",
    end="2024-09-01",
    better="more",
):
    goal = GoalConfig(
        name="Keep more", measure="retention", target=target,
        start=dt.date.fromisoformat(start), end=dt.date.fromisoformat(end),
    )  # fmt: skip
    measure = card(series=series, better=better)
    return goal_card(goal, measure, measure.series, PERIODS, as_of, "EUR")


@pytest.mark.parametrize(
    ("last", "status", "done"),
    [
        (70.0, "reached", 1.0),
        (68.0, "on track", 0.8),
        (60.0, "behind", 0.0),
        (55.0, "behind", -0.5),
    ],
)
def test_progress_is_from_the_last_period_before_the_start(last, status, done):
    found = made({"2024-01": 50.0, "2024-02": 60.0, "2024-04": 61.0, "2024-06": last})
    assert found.first.value == 60.0
    assert found.latest.value == last
    assert found.status == status
    assert found.done == pytest.approx(done)
    assert found.time_gone == pytest.approx(122 / 184)


@pytest.mark.parametrize("better", ["less", None])
def test_a_goal_that_wants_less_is_reached_below(better):
    series = {"2024-02": 30.0, "2024-06": 18.0}
    assert made(series, target=20.0, better=better).status == "reached"
    assert made({**series, "2024-06": 29.0}, target=20.0, better=better).status == "behind"


def test_a_measure_that_was_beyond_its_goal_at_the_start_has_reached_it():
    found = made({"2024-02": 97.0, "2024-06": 98.0}, target=65.0)
    assert (found.status, found.done) == ("reached", 1.0)
    fallen = made({"2024-02": 97.0, "2024-06": 60.0}, target=65.0)
    assert (fallen.status, fallen.done) == ("behind", 0.0)


def test_after_its_end_a_goal_is_reached_or_missed_by_the_last_period_within():
    series = {"2024-02": 60.0, "2024-04": 65.0, "2024-05": 90.0, "2024-06": 90.0}
    found = made(series, end="2024-05-01")
    assert found.latest.value == 65.0
    assert found.status == "missed"
    assert found.time_gone == 1.0
    # A period whose last day is the end of the goal counts.
    assert made(series, end="2024-05-31").status == "reached"


def test_no_data_is_no_progress():
    found = made({"2024-01": None, "2024-06": None})
    assert (found.status, found.done, found.latest.value) == ("no data", None, None)
    assert "no complete period" in found.sentence
    # Without a period before the start, the way begins with the first period since.
    assert made({"2024-04": 50.0, "2024-06": 60.0}).first.value == 50.0


def test_a_goal_that_has_not_begun():
    found = made({"2024-06": 60.0}, start="2024-08-01")
    assert found.status == "not begun"
    assert found.time_gone == 0.0
