"""A simulated survey as the panel and the answers that the product makes of tables."""

from __future__ import annotations

import datetime as dt

import numpy as np

from benchmarks.surveys.worlds import SurveyWorld
from engagement_ml.features.period_panel import Periods
from engagement_ml.scorecard.surveys.answers import Answers

START = dt.date(2022, 1, 3)


def panel_of(world: SurveyWorld) -> Periods:
    """Return the weeks of all customers."""
    n, weeks = world.margin.shape
    return Periods(
        entities=np.arange(n),
        behaviours=("b0", "b1", "b2"),
        period_days=7,
        start=START,
        until=START + dt.timedelta(7 * weeks),
        counts=world.counts.astype(np.float32),
        gain=world.margin,
        loss=np.zeros_like(world.margin),
        orders=world.orders.astype(np.float32),
        entry=np.zeros(n, dtype=np.int32),
        exit=np.full(n, weeks, dtype=np.int32),
        segments={},
    )


def answers_of(world: SurveyWorld) -> Answers:
    """Return the answers to a survey from 0 to 10."""
    return Answers.of("nps", "0-10", "more", world.customer, world.week, world.score)
