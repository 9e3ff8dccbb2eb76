"""Scores apply the shape of the events that a run was trained with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow.scoring import score_frames
from tests.doors import DOORS, Door

LOG = pd.DataFrame(
    {
        "user": ["ann", "ann", "bob", "bob"],
        "ms": [1709251200000, 1709337600000, 1709337600000, 1709337600000],
        "kind": ["visit", "visit", "visit", "other"],
        "bot": ["no", "no", "no", "yes"],
    }
)
SHAPE = {
    "where": "bot = false",
    "format": "epoch ms",
    "values": {"customer_id": "upper(user)"},
    "constants": {"event_type": "visit"},
}


@pytest.mark.parametrize("door", DOORS)
def test_events_are_scored_in_the_shape_of_training(door: Door, tmp_path: Path) -> None:
    straight = Transform("linear", scale=None, shape=None, cap=4)
    visit = WeightedBehaviour("visit", 100, None, None, "frequency", "events", straight)
    metric = EngagementMetric("shop", "driver", 84, 84, (visit,))
    raw = {"name": "shop", "columns": {"events": {"timestamp": "ms"}}, "shape": {"events": SHAPE}}
    scores = score_frames(metric, door(LOG, tmp_path, "log"), config=parse_config(raw))
    assert scores.frame["customer_id"].tolist() == ["ANN", "BOB"]
    assert scores.frame["score"].tolist() == [50.0, 25.0]
    assert any("'shape.events.where' left out 1 of 4 rows." in note for note in scores.notes)
