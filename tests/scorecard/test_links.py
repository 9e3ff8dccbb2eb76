"""Links of measures: what the verdicts of their behaviours say of them."""

import pytest

from engagement_ml.scorecard.card import SurveyCard
from engagement_ml.scorecard.links import link_of, link_of_all, link_of_goal, link_of_survey
from tests.scorecard.examples import verdicts


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        ("driver", "linked"),
        ("harmful", "harmful"),
        ("vanity", "vanity"),
        ("consequence", "consequence"),
        ("inert", "no effect"),
        ("unverifiable", "unverifiable"),
    ],
)
def test_a_measure_of_one_behaviour_carries_its_verdict(verdict, kind):
    link = link_of(["view"], verdicts(view=verdict, other="driver"))
    assert link.kind == kind
    assert link.behaviours == {"view": verdict}
    assert link.sentence.startswith("view ")
    assert f"Made up as {verdict}." in link.sentence


def test_alike_behaviours_give_one_link_and_others_are_named():
    of = verdicts(like="vanity", view="vanity", call="driver", odd="unverifiable")
    assert link_of(["like", "view"], of).kind == "vanity"
    mixed = link_of(["like", "call"], of)
    assert mixed.kind == "mixed"
    assert mixed.sentence.startswith("call moves margin; like is vanity.")
    assert "does not tell by itself" in mixed.sentence
    # What cannot be told is not called vanity, though the other one is.
    assert link_of(["view", "odd"], of).kind == "mixed"


def test_behaviours_that_were_not_examined_say_so():
    of = verdicts(like="vanity")
    alone = link_of(["cancelled"], of)
    assert alone.kind == "none"
    assert "was not examined" in alone.sentence
    both = link_of(["like", "cancelled"], of)
    assert both.behaviours["cancelled"] == "not examined"
    assert "cancelled was not examined" in both.sentence
    assert link_of([], of).kind == "none"


def test_all_events_together():
    of = verdicts(call="driver", like="vanity", view="vanity", churned="vanity")
    link = link_of_all(of, ["churned"])
    assert link.kind == "mixed"
    assert "33% of the events" in link.sentence
    assert "churned" not in link.behaviours
    vain = link_of_all(verdicts(like="vanity", view="vanity"))
    assert vain.kind == "vanity"
    assert "0% of the events" in vain.sentence


def test_a_purchase_as_goal_is_part_of_margin_and_not_the_verdict_of_the_start():
    link = link_of_goal(["view"], verdicts(view="vanity"))
    assert link.kind == "none"
    assert "part of margin" in link.sentence
    assert "view is vanity" in link.sentence


@pytest.mark.parametrize(
    ("forms", "kind"),
    [
        ({"last": "vanity", "detractor": "unverifiable"}, "vanity"),
        ({"last": "unverifiable", "change": "vanity"}, "unverifiable"),
        ({"last": "unverifiable", "promoter": "harmful"}, "harmful"),
        ({"last": "driver", "change": "vanity"}, "linked"),
        ({}, "unverifiable"),
    ],
)
def test_forms_of_one_score_do_not_mix(forms, kind):
    evidence = tuple({"form": f, "verdict": v, "reason": f"because {f}"} for f, v in forms.items())
    link = link_of_survey(SurveyCard("nps", 9, 9, evidence))
    assert link.kind == kind
    assert link.behaviours == {f"nps {form}": verdict for form, verdict in forms.items()}
    assert all(f"because {form}." in link.sentence for form in forms)


def test_many_names_are_cut():
    names = {f"b{place}": "vanity" for place in range(12)}
    assert "and 7 others are vanity" in link_of(names, verdicts(**names)).sentence
