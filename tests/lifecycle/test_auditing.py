"""The answers of an audit: what the intervals allow, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.evaluation.names import FULL, RFM
from engagement_ml.lifecycle.auditing.audit import Audit
from engagement_ml.lifecycle.auditing.facts import Estimate, Facts, Measured
from engagement_ml.lifecycle.auditing.judgement import THRESHOLDS, judge


def at(value: float, half: float = 0.03) -> Estimate:
    return Estimate(value, value - half, value + half)


def facts(predicts=0.4, moves=0.2, *, over_rfm=-0.1, over_full=-0.2, **more) -> Facts:
    score = Measured(
        None if predicts is None else at(predicts), None if moves is None else at(moves)
    )
    rfm = Measured(at(0.5), at(0.07))
    return Facts(
        name="health",
        entity="customer",
        currency="EUR",
        outcome_days=84,
        customers=2000,
        of=2000,
        cutoffs=("2024-09-09",),
        pairs=(("2024-03-25", "2024-09-09"),),
        score=score,
        others={RFM: rfm, FULL: Measured(at(0.6), at(0.2))},
        leads={
            RFM: Measured(at(over_rfm), None if moves is None else at(moves - 0.07)),
            FULL: Measured(at(over_full), None),
        },
        **more,
    )


@pytest.mark.parametrize(
    ("given_facts", "verdict"),
    [
        (facts(), "moves with margin"),
        (facts(moves=0.01), "vanity"),
        (facts(predicts=0.0, moves=0.01), "no information"),
        (facts(moves=0.06), "moves little"),
        (facts(moves=None), "unclear"),
        (facts(predicts=-0.3), "reversed"),
        (facts(predicts=0.9, over_full=0.3), "suspiciously good"),
    ],
)
def test_the_verdict_is_what_the_intervals_allow(given_facts, verdict):
    assert judge(given_facts).verdict == verdict


def test_a_wide_interval_is_no_proof_of_vanity():
    wide = replace(facts(), score=Measured(at(0.4), Estimate(0.02, -0.1, 0.14)))
    assert judge(wide).verdict == "unclear"
    assert "remains open" in Audit.of(wide).headline


@given(st.floats(-0.9, 0.9), st.floats(0, 0.5), st.floats(0.001, 0.3))
def test_margin_that_follows_more_closely_never_gives_a_worse_answer(value, more, half):
    order = ("reversed", "no", "unclear", "weakly", "yes")
    answers = []
    for estimate in (at(value, half), at(value + more, half)):
        lead = Measured(at(0.0), at(estimate.value - 0.07, half))
        case = replace(facts(), score=Measured(at(0.4), estimate), leads={RFM: lead})
        answers.append(judge(case).moves)
    assert order.index(answers[0]) <= order.index(answers[1])


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.001, 0.5))
def test_vanity_is_said_only_if_the_score_predicts_and_changes_are_known_not_to_matter(
    predicts, moves, half
):
    case = replace(facts(), score=Measured(at(predicts, half), at(moves, half)))
    if judge(case).verdict == "vanity":
        assert predicts - half > 0
        assert moves - half <= 0
        assert moves + half < THRESHOLDS.material


@pytest.mark.parametrize(
    ("over_rfm", "words"),
    [
        (0.1, "predicts margin better than past purchases"),
        (0.0, "does not predict margin better than past purchases"),
        (-0.1, "predicts margin less well than past purchases"),
    ],
)
def test_past_purchases_are_named_in_the_headline(over_rfm, words):
    assert words in Audit.of(facts(over_rfm=over_rfm)).headline


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unchanged": 0.99}, "same at all dates"),
        ({"customers": 700}, "Only 700 of 2,000 customers"),
        ({"customers": 90, "of": 90}, "90 customers are few"),
        ({"score_dates": 1}, "one date with scores"),
        ({"age_days": 14.0}, "at least 14 days old"),
    ],
)
def test_what_limits_the_audit_is_said(changes, words):
    audit = Audit.of(replace(facts(), **changes))
    assert len(audit.warnings) == 1
    assert words in audit.warnings[0]
    assert Audit.of(facts()).warnings == []


def test_a_score_that_beats_the_full_model_gets_a_warning_before_anything_else():
    audit = Audit.of(facts(predicts=0.9, over_full=0.3, age_days=14.0))
    assert "computed later than its dates say" in audit.warnings[0]
    assert "Do not use these figures" in audit.to_dict()["meaning"]


def test_columns_get_a_verdict_of_their_own_and_what_is_not_tested_is_said():
    columns = {
        "likes": Measured(at(0.3), at(0.0)),
        "calls": Measured(at(0.2), at(0.15)),
        "noise": Measured(at(0.0), at(0.0)),
    }
    audit = Audit.of(replace(facts(), columns=columns))
    assert [part.verdict for part in audit.columns] == [
        "vanity", "moves with margin", "no information",
    ]  # fmt: skip
    assert audit.vanity_parts == ["likes"]
    assert any("robustness checks do not cover them" in t for t in audit.to_dict()["not_tested"])
