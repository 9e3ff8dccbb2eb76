"""The journey: stages of measures, and the loop of the stages."""

import pytest

from engagement_ml.config import parse_config
from engagement_ml.errors import ConfigError
from engagement_ml.measures.catalogue import MEASURES
from engagement_ml.scorecard.card import Trend, Value
from engagement_ml.scorecard.journey import DEFAULT, journey_of, stage_cards, stages_of
from tests.scorecard.examples import card

KINDS = {each.name: each.name for each in MEASURES}


def config(**keys):
    return parse_config({"name": "shop", **keys})


def test_each_built_in_measure_has_a_stage():
    stages = stages_of(config(), KINDS, {})
    assert set(KINDS) - set(stages) == {"events"}
    assert {name for names in DEFAULT.values() for name in names} <= set(KINDS)


def test_the_nearest_setting_gives_the_stage():
    made = config(
        journey={"early": {"measures": ["nps", "csat"]}, "late": {}},
        measures={"nps": {"stage": "late"}},
        behaviours={"view": {"stage": "early"}, "call": {"stage": "unknown"}},
    )
    kinds = {**KINDS, "view": "events", "call": "events"}
    stages = stages_of(made, kinds, {"view": "view", "call": "call"})
    assert stages["nps"] == "late"
    assert stages["csat"] == "early"
    assert stages["view"] == "early"
    # The default stages are not those of this journey.
    assert "call" not in stages
    assert "dau" not in stages


def test_a_stage_lists_measures_that_there_are():
    made = config(journey={"early": {"measures": ["npss"]}})
    with pytest.raises(ConfigError, match=r"journey.early.measures': 'npss' is no measure.*nps"):
        stages_of(made, KINDS, {})


def test_the_last_stage_leads_to_the_first_unless_said():
    made = config(journey={"a": {}, "b": {"leads_to": "a"}, "c": {}})
    cards = stage_cards(journey_of(made, []), [])
    assert [each.leads_to for each in cards] == ["b", "a", "a"]
    assert stage_cards(journey_of(config(journey={"a": {}}), []), [])[0].leads_to is None


def test_default_stages_are_those_in_use_and_stages_of_behaviours_follow():
    journey = journey_of(config(), ["custom", "advocacy", "awareness", "custom"])
    assert list(journey) == ["awareness", "advocacy", "custom"]


def test_a_stage_has_its_row_of_touchpoints_and_the_signs_that_are_there():
    cards = [
        card("a", stage="early", touchpoints={"web": Value(1.0)}, status="missed"),
        card("b", stage="early", trend=Trend(-1.0, -2.0, -0.5, 6, "down", good=False)),
        card("c", stage="early", absent="the table surveys", touchpoints={"web": Value(2.0)}),
        card("d", stage="other", touchpoints={"web": Value(3.0)}),
    ]
    made = config(journey={"early": {"warning_signs": ["few calls"], "owner": "Ann"}})
    (stage,) = stage_cards(journey_of(made, []), cards)
    assert stage.matrix == {"a": {"web": Value(1.0)}}
    assert stage.warning_signs == ("few calls", "A: the target is missed", "B goes down")
    assert stage.owner == "Ann"
