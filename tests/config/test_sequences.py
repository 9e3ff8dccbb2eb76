"""Sequences in the configuration: what they are called, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.errors import ConfigError

DEMO = {"first": "demo", "then": "trial"}


def config(*sequences: dict[str, Any], **more: Any) -> PipelineConfig:
    return parse_config({"name": "shop", "sequences": list(sequences), **more})


@pytest.mark.parametrize(
    ("sequences", "more", "message"),
    [
        ([DEMO, DEMO], {}, "key 'sequences.1': 'demo then trial' is sequences.0 as well"),
        ([{"first": "demo", "then": "demo"}], {}, "are the same event type"),
        ([DEMO], {"churn": {"kind": "event", "event_type": "demo"}}, "is the churn event"),
        ([DEMO], {"behaviours": {"trial": {"role": "ignore"}}}, "sequences.0.then': 'trial' has"),
        ([DEMO, {"first": "demo then trial", "then": "buy"}], {}, "is a sequence; give an event"),
        ([{**DEMO, "within_days": 0}], {}, "sequences.0.within_days"),
        ([{**DEMO, "within_day": 3}], {}, "did you mean 'within_days'"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    sequences: list[dict[str, Any]], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        config(*sequences, **more)
    assert "\n" not in str(caught.value)


def test_labels_are_made_of_the_members() -> None:
    labelled = {"demo": {"label": "Demo"}, "trial": {"label": "Trial started"}}
    assert config(DEMO).label("demo then trial") == "demo then trial"
    assert config(DEMO, behaviours=labelled).label("demo then trial") == "Demo, then Trial started"
    own = {**DEMO, "label": "Guided trial"}
    assert config(own, behaviours=labelled).label("demo then trial") == "Guided trial"
    set_there = {"demo then trial": {"label": "Set there", "cost_per_event": 2}}
    assert config(own, behaviours=set_there).label("demo then trial") == "Set there"


def test_a_sequence_with_a_consequence_is_one() -> None:
    declared = config(DEMO, behaviours={"trial": {"role": "consequence"}})
    assert declared.behaviour("demo then trial").role == "consequence"
    assert config(DEMO).behaviour("demo then trial").role == "behaviour"
    assert config(DEMO).behaviour("trial").role == "behaviour"
