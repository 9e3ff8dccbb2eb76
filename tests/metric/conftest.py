"""Metrics that the tests of this folder share."""

from __future__ import annotations

import pytest

from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour


def make_behaviour(name: str, weight: float, transform: Transform, **more: object):
    values = {
        "weight_low": max(0.0, weight - 5),
        "weight_high": min(100.0, weight + 5),
        "feature": "frequency",
        "unit": "events in 84 days",
        **more,
    }
    return WeightedBehaviour(behaviour=name, weight=weight, transform=transform, **values)


@pytest.fixture
def metric() -> EngagementMetric:
    return EngagementMetric(
        name="shop-engagement",
        evidence="driver",
        observation_days=84,
        outcome_days=84,
        behaviours=(
            make_behaviour("tutorial done", 41.2, Transform("log1p", 3.0, None, 12.0)),
            make_behaviour("review", 33.3, Transform("hill", 2.0, 1.5, 20.0), label="Reviews"),
            make_behaviour("visit", 25.5, Transform("linear", None, None, 40.0)),
        ),
    )


@pytest.fixture
def abstained() -> EngagementMetric:
    return EngagementMetric(
        name="shop-engagement",
        evidence="driver",
        observation_days=84,
        outcome_days=84,
        behaviours=(),
        reason="No behaviour passed every check.",
    )
