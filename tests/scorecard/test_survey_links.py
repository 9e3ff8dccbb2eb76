"""The link of a survey's measure is that of a higher score."""

from __future__ import annotations

import pytest

from engagement_ml.scorecard.card import SurveyCard
from engagement_ml.scorecard.links import link_of_survey


@pytest.mark.parametrize(
    ("last", "detractor", "kind"),
    [
        ("driver", "harmful", "linked"),
        ("unverifiable", "harmful", "linked"),
        ("unverifiable", "driver", "harmful"),
        ("vanity", "unverifiable", "vanity"),
        ("unverifiable", "unverifiable", "unverifiable"),
    ],
)
def test_a_detractor_that_lowers_margin_speaks_for_the_score(
    last: str, detractor: str, kind: str
) -> None:
    evidence = (
        {"form": "last", "verdict": last, "reason": "so"},
        {"form": "detractor", "verdict": detractor, "reason": "so"},
    )
    assert link_of_survey(SurveyCard("nps", 10, 5, evidence=evidence)).kind == kind
