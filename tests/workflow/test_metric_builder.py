"""The metric with equal weights, a baseline of the evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow.metric_builder import equal_weights_score_function

COUNTS = pd.DataFrame({"visit": [0.0, 3.0, 12.0], "call": [1.0, 0.0, 9.0], "other": 5.0})


def make_metric(*weights: float) -> EngagementMetric:
    transforms = {
        "visit": Transform("log1p", 2.0, None, 10.0),
        "call": Transform("linear", None, None, 4.0),
    }
    behaviours = tuple(
        WeightedBehaviour(name, weight, None, None, "frequency", "events", transform)
        for (name, transform), weight in zip(transforms.items(), weights, strict=True)
    )
    return EngagementMetric("shop", "driver", 84, 84, behaviours)


def test_equal_weights_are_the_metric_with_other_weights() -> None:
    metric = make_metric(80, 20)
    scores = equal_weights_score_function(metric)(COUNTS)
    assert (scores == make_metric(50, 50).score(COUNTS)["score"]).all()
    assert not np.allclose(scores, metric.score(COUNTS)["score"])


def test_an_abstained_metric_has_no_equal_weights() -> None:
    abstained = EngagementMetric("shop", "driver", 84, 84, (), reason="no behaviour passed")
    assert equal_weights_score_function(abstained) is None
