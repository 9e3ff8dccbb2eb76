"""Verdicts on a survey's score on data sets with known truth, and rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.surveys.panel import answers_of, panel_of
from benchmarks.surveys.worlds import ACTS, KINDS, LIMIT, simulate
from engagement_ml.config import parse_config
from engagement_ml.drivers.estimation.event_study import LeadTest
from engagement_ml.scorecard.surveys.effect import ScoreEffect
from engagement_ml.scorecard.surveys.evidence import ScoreEvidence, as_mapping, score_evidence
from engagement_ml.scorecard.surveys.finding import Between, ScoreFinding, judge
from engagement_ml.scorecard.surveys.reverse import ScoreResponse
from engagement_ml.scorecard.surveys.sentences import Wording, explain

SOURCES = {"events": "e.parquet", "transactions": "t.parquet"}
WORDING = Wording.of(parse_config({"name": "shop", "sources": SOURCES}))


def evidence(kind: str, seed: int, customers: int, **more: Any) -> dict[str, ScoreEvidence]:
    world = simulate(kind, seed, customers, **more)
    panel = panel_of(world)
    found = score_evidence(
        panel, answers_of(world), outcome=12, smallest_share=0.01, controls=panel.behaviours
    )
    for each in found:
        assert explain(each, WORDING)
    return {each.finding.form: each for each in found}


def test_a_score_that_moves_margin_is_a_driver_with_its_effect() -> None:
    found = evidence("drives", 101, 900, effect=0.09)
    assert found["last"].verdict.verdict == "driver"
    assert found["detractor"].verdict.verdict == "harmful"
    effect = found["last"].finding.effect
    assert effect is not None
    low, high = effect.interval
    assert low <= 0.09 * effect.level <= high
    shown = as_mapping(found["last"], explain(found["last"], WORDING), {})
    assert shown["more_answers"] is None
    assert shown["low"] < shown["effect"] < shown["high"]
    assert "margin before the answer is not associated with it" in shown["reason"]


@pytest.mark.parametrize("kind", ["follows", "affinity", "mood", "mood, after orders"])
def test_a_score_that_moves_nothing_is_no_driver(kind: str) -> None:
    verdicts = {form: each.verdict.verdict for form, each in evidence(kind, 101, 700).items()}
    assert not {"driver", "harmful", "inert"} & set(verdicts.values())
    if kind == "affinity":
        assert verdicts["last"] == "vanity"
    if kind.startswith("mood"):
        assert verdicts["last"] == "unverifiable"


@pytest.mark.seldom
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (*ACTS, *LIMIT)])
def test_no_kind_of_data_set_gives_a_false_driver(kind: str) -> None:
    for seed in range(200, 204):
        found = evidence(kind, seed, 1000)
        assert not {"driver", "harmful"} & {each.verdict.verdict for each in found.values()}


def test_few_answers_say_how_many_more_are_needed() -> None:
    few = evidence("drives", 3, 25)["last"]
    assert few.verdict.verdict == "unverifiable"
    sentence = explain(few, WORDING)
    assert "gave two different answers, and at least 30 are needed: " in sentence
    assert as_mapping(few, sentence, {})["effect"] is None
    some = evidence("drives", 3, 120)["last"]
    assert some.verdict.rule == "inconclusive"
    assert some.more_people is not None
    effect = some.finding.effect
    assert effect is not None
    # With that many people, the interval is as narrow as the smallest effect of interest.
    narrowed = effect.error * np.sqrt(effect.people / (effect.people + some.more_people))
    assert 1.96 * narrowed * some.finding.between.std == pytest.approx(
        some.finding.smallest, rel=0.01
    )
    assert "more customers with two answers" in explain(some, WORDING)


def test_one_answer_each_says_nothing() -> None:
    world = simulate("drives", 4, 200)
    answers = answers_of(world)
    first = ~answers.has_previous
    once = replace(
        answers,
        customer=answers.customer[first],
        week=answers.week[first],
        score=answers.score[first],
        sent_week=answers.sent_week[first],
    )
    found = score_evidence(panel_of(world), once, outcome=12, smallest_share=0.01)
    assert {each.verdict.rule for each in found} == {"few answers"}


SMALL = LeadTest(6.0, 6.0, (0.05,), (0.3,), (4.0,))
PASSING = ScoreFinding(
    form="last",
    effect=ScoreEffect(
        8.0, 1.0, 200.0, 8.0, (5.0, 5.0), (SMALL, SMALL), -5.0, 0.99, 500, True, 100.0
    ),
    between=Between(0.3, 6.0, 9.0, 2.0, 400),
    response=ScoreResponse(),
    smallest=1.0,
    n_behaviours=3,
    left=8.0,
)


def with_effect(**changes: Any) -> ScoreFinding:
    assert PASSING.effect is not None
    return replace(PASSING, effect=replace(PASSING.effect, **changes))


@pytest.mark.parametrize(
    ("finding", "rule"),
    [
        (PASSING, "passed"),
        (replace(PASSING, effect=None), "few answers"),
        (with_effect(people=29), "few answers"),
        (with_effect(converged=False), "not converged"),
        (with_effect(z=3.9), "inconclusive"),
        (with_effect(half_z=(5.0, 1.0)), "inconclusive"),
        (with_effect(leads=(SMALL, replace(SMALL, excess_z=(0.5,)))), "before as after"),
        (with_effect(leads=(replace(SMALL, z_difference=1.0), SMALL)), "before as after"),
        (
            with_effect(leads=(SMALL, replace(SMALL, before_z=(3.5,), ratios=(0.25,)))),
            "before as after",
        ),
        (replace(PASSING, n_behaviours=0), "no behaviours"),
        (replace(PASSING, before={"visit": 4.0}), "behaviours before"),
        (replace(PASSING, left=None), "behaviours explain"),
        (replace(PASSING, left=3.0), "behaviours explain"),
        (with_effect(pass_share=0.5), "unstable"),
        (
            replace(with_effect(z=1.0, before_excess_z=4.0), response=ScoreResponse(0.2, 0.4, 8.0)),
            "follows purchases",
        ),
        (with_effect(effect=0.2, error=0.3, z=0.7), "correlated only"),
        (replace(with_effect(effect=0.2, error=0.3, z=0.7), without_churn=True), "churn left out"),
        (
            replace(with_effect(effect=0.0, error=0.1, z=0.0), between=Between(0, 0, 0, 2, 99)),
            "below smallest effect",
        ),
    ],
)
def test_each_rule_decides_alone(finding: ScoreFinding, rule: str) -> None:
    verdict = judge(finding)
    assert verdict.rule == rule
    assert (verdict.verdict == "driver") == (rule == "passed")
    if rule not in ("few answers", "behaviours before"):
        assert explain(ScoreEvidence(finding, verdict, None), WORDING)


def test_a_score_that_past_purchases_predict_needs_more() -> None:
    followed = replace(PASSING, response=ScoreResponse(0.2, 0.4, 8.0))
    assert judge(followed).verdict == "driver"
    weaker = replace(SMALL, excess_z=(2.5,))
    assert judge(with_effect(leads=(weaker, weaker))).verdict == "driver"
    assert judge(replace(with_effect(leads=(weaker, weaker)), response=followed.response)).rule == (
        "before as after"
    )
