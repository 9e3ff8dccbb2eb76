"""Who answers, what came before detraction, what a score adds: against truth and slow counts."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.features.period_panel import Periods
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.detraction import before_detraction
from engagement_ml.scorecard.surveys.forecast import forecast_gain
from engagement_ml.scorecard.surveys.propensity import fit_propensity, weighted_mean
from engagement_ml.scorecard.surveys.who_answers import (
    Candidates,
    last_asked,
    on_board,
    response_card,
)

WEEKS = 60
START = dt.date(2023, 1, 2)


def panel(counts: np.ndarray, gain: np.ndarray | None = None) -> Periods:
    """Return a panel with the given counts (n, T, B)."""
    n, weeks, width = counts.shape
    gain = np.zeros((n, weeks)) if gain is None else gain
    return Periods(
        entities=np.arange(n),
        behaviours=tuple(f"b{i}" for i in range(width)),
        period_days=7,
        start=START,
        until=START + dt.timedelta(7 * weeks),
        counts=counts.astype(np.float32),
        gain=gain,
        loss=np.zeros_like(gain),
        orders=(gain > 0).astype(np.float32),
        entry=np.zeros(n, dtype=np.int32),
        exit=np.full(n, weeks, dtype=np.int32),
        segments={},
    )


def test_weighting_takes_off_who_answers() -> None:
    """Active customers score higher and answer more; the weighted score is that of all."""
    rng = np.random.default_rng(1)
    n = 4000
    activity = rng.gamma(2.0, 1.0, n)
    counts = rng.poisson(activity[:, None, None], (n, 24, 1)).astype(float)
    score = np.clip(np.round(5 + 1.2 * activity + rng.normal(0, 1.5, n)), 0, 10)
    before = counts[:, 8:20, 0].sum(axis=1)
    answered = rng.random(n) < 1 / (1 + np.exp(4.7 - 1.2 * np.log1p(before)))
    truth = 100 * float(np.mean((score >= 9).astype(float) - (score < 7)))
    given = Candidates(
        np.arange(n), np.full(n, 20), answered, np.where(answered, score, np.nan), np.ones(n), True
    )
    card = response_card(panel(counts), given, window=12, behaviours=("b0",), is_promoters=True)
    weighted = card["weighted"]
    assert weighted["raw"] - truth > 5
    assert weighted["low"] <= truth <= weighted["high"]
    assert card["rate"] == pytest.approx(100 * answered.mean())
    assert card["low"] < card["rate"] < card["high"]
    row = card["differences"]["b0"]
    spread = math.sqrt((before[answered].var() + before[~answered].var()) / 2)
    assert row["difference"] == pytest.approx(
        (before[answered].mean() - before[~answered].mean()) / spread
    )
    assert row["low"] < row["difference"] < row["high"]
    assert card["differences"]["tenure"]["difference"] is None


def test_weights_of_a_sample_stand_for_all() -> None:
    rng = np.random.default_rng(2)
    n = 400
    counts = rng.poisson(2.0, (n, 30, 1)).astype(float)
    answers = Answers.of("nps", "0-10", "more", np.arange(60), np.full(60, 25), np.full(60, 9.0))
    weight = np.where(np.arange(n) < 60, 1.0, 10.0)
    candidates = on_board(panel(counts), answers, window=12, weight=weight)
    card = response_card(
        panel(counts), candidates, window=12, behaviours=("b0",), is_promoters=True
    )
    assert (card["of"], card["people"], card["answered"]) == ("on board", 60 + 3400, 60)
    assert card["rate"] is None
    assert on_board(panel(counts[:, :20]), answers, window=12, weight=weight) is None


def test_answers_that_are_predicted_perfectly_give_no_weighted_score() -> None:
    counts = np.concatenate([np.zeros((50, 24, 1)), np.full((50, 24, 1), 9.0)])
    answered = np.arange(100) >= 50
    given = Candidates(
        np.arange(100), np.full(100, 20), answered, np.where(answered, 8.0, np.nan),
        np.ones(100), True,
    )  # fmt: skip
    card = response_card(panel(counts), given, window=12, behaviours=("b0",), is_promoters=True)
    assert card["weighted"] is None
    assert "did not converge" in card["note"]
    few = replace(given, answered=np.arange(100) >= 90)
    card = response_card(panel(counts), few, window=12, behaviours=("b0",), is_promoters=True)
    assert card["note"] == "fewer than 30 customers answered: nothing to compare"
    assert card["differences"] == {}


def test_propensity_of_two_groups_is_the_share_who_answered_in_each() -> None:
    group = np.repeat([0.0, 1.0], [300, 200])
    answered = np.concatenate([np.arange(300) < 60, np.arange(200) < 120])
    fit = fit_propensity(group[:, None], answered, np.ones(500))
    assert fit.converged
    assert fit.probability[0] == pytest.approx(60 / 300)
    assert fit.probability[-1] == pytest.approx(120 / 200)
    values = np.repeat([0.0, 1.0], [60, 120])
    mean, low, high, n = weighted_mean(values, fit.probability[answered], np.ones(180))
    assert mean == pytest.approx(200 / 500)
    assert low < mean < high
    assert 30 < n < 180


def test_only_the_last_survey_that_was_sent_counts() -> None:
    found = last_asked(
        np.array([1, 0, 1, 1]),
        np.array([5, 7, 2, 9]),
        np.array([3.0, np.nan, 8.0, np.nan]),
        np.ones(2),
    )
    assert found is not None
    assert (found.customer.tolist(), found.week.tolist()) == ([0, 1], [7, 9])
    assert found.answered.tolist() == [False, False]


def test_weeks_before_detraction_are_compared_with_the_same_customers_weeks() -> None:
    rng = np.random.default_rng(3)
    n = 300
    turned = np.arange(n) < 150
    rate = np.ones((n, WEEKS, 3))
    rate[:, 36:40, 1] *= 2.0  # a season that all share
    rate[turned, 36:40, 0] *= 2.5  # complaints
    counts = rng.poisson(rate * rng.gamma(2, 0.5, (n, 1, 1))).astype(float)
    people = np.repeat(np.arange(n), 2)
    week = np.tile([10, 40], n)
    score = np.where((week == 40) & turned[people], 2.0, 9.0)
    answers = Answers.of("nps", "0-10", "more", people, week, score)
    rows, reason = before_detraction(panel(counts), answers, ("b0", "b1", "b2"))
    assert reason == ""
    first, second, third = rows
    assert (first["behaviour"], first["apart"], first["customers"]) == ("b0", True, 150)
    assert first["low"] < 2.5 < first["high"]
    assert first["low"] > 1.5
    by_hand = (counts[:150, 36:40, 0].sum() / 4) / (counts[:150, 24:36, 0].sum() / 12)
    assert first["ratio"] == pytest.approx(by_hand)
    assert first["p_value"] < 0.001
    season = next(row for row in rows if row["behaviour"] == "b1")
    assert season["p_value"] < 0.001
    assert not season["apart"]
    assert season["stayed"] == pytest.approx(2.0, abs=0.4)
    assert {second["behaviour"], third["behaviour"]} == {"b1", "b2"}


def test_few_who_turned_are_not_compared() -> None:
    counts = np.ones((30, WEEKS, 1))
    answers = Answers.of(
        "nps", "0-10", "more", np.repeat(np.arange(19), 2), np.tile([10, 40], 19),
        np.tile([9.0, 3.0], 19),
    )  # fmt: skip
    rows, reason = before_detraction(panel(counts), answers, ("b0",))
    assert rows == ()
    assert reason == ("19 customers turned detractor with 16 weeks on record before; 20 are needed")


def test_interval_of_a_ratio_holds_as_often_as_it_says() -> None:
    held = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        size = rng.gamma(1.0, 1.0, (60, 1, 1))
        counts = rng.poisson(size * np.ones((60, 20, 1))).astype(float)
        counts[:, 16:] = rng.poisson(1.5 * size * np.ones((60, 4, 1)))
        answers = Answers.of(
            "nps", "0-10", "more", np.repeat(np.arange(60), 2), np.tile([1, 19], 60),
            np.tile([9.0, 3.0], 60),
        )  # fmt: skip
        # An answer in week 19: weeks 15 to 18 before it, of which the first is a usual one.
        rows, _ = before_detraction(panel(counts), answers, ("b0",))
        truth = (1 + 3 * 1.5) / 4
        held.append(rows[0]["low"] <= truth <= rows[0]["high"])
    assert 0.89 <= np.mean(held) <= 0.99


@pytest.mark.parametrize("acts", [True, False])
def test_a_score_adds_to_a_forecast_only_what_behaviour_does_not_say(acts: bool) -> None:
    rng = np.random.default_rng(5)
    n, weeks = 600, 80
    activity = rng.gamma(2.0, 0.5, n)
    people = np.repeat(np.arange(n), 4)
    week = np.tile([5, 25, 45, 65], n)
    score = np.clip(np.round(4 + activity[people] + rng.normal(0, 2.5, len(people))), 0, 10)
    answers = Answers.of("nps", "0-10", "more", people, week, score)
    last = np.zeros((n, weeks))
    for person, at, value in zip(people, week, score, strict=True):
        last[person, at + 1 :] = value - 5
    rate = 0.3 * activity[:, None] * np.exp((0.15 if acts else 0.0) * last)
    gain = 10.0 * rng.poisson(rate)
    counts = rng.poisson(activity[:, None, None], (n, weeks, 1)).astype(float)
    found = forecast_gain(panel(counts, gain), answers, outcome=8, behaviours=("b0",))
    assert found["people"] > 400
    assert (found["low"] > 0) == acts
    if not acts:
        assert found["high"] < 1.0
    few = forecast_gain(
        panel(counts[:50], gain[:50]),
        Answers.of("nps", "0-10", "more", people[:200], week[:200], score[:200]),
        outcome=8,
        behaviours=("b0",),
    )
    assert few["points"] is None
    assert "100 customers" in few["note"]
