"""Distributions of counts and of the score in windows four weeks apart, by the engine."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.engine import Engine
from engagement_ml.lifecycle.monitoring.shapes import WindowShapes
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.scoring import explain_counts
from engagement_ml.workflow.weekly_totals import WeeklyEvents

EVERY_WEEKS = 4
MOST_WINDOWS = 27
"""Two years of windows."""
COUNT_EDGES = (1, 2, 3, 4, 6, 9, 14, 21, 41)
"""First counts of the classes after the first one, which is zero."""
SCORE_STEP = 5
"""Points of a class of the score."""


def window_shapes(
    engine: Engine, metric: EngagementMetric, weekly: WeeklyEvents, source: str
) -> WindowShapes:
    """Return customers per class of each behaviour's count and of the score.

    Customers with any event in the window count. The window is the metric's observation window in
    whole weeks, rounded up.

    Parameters
    ----------
    engine : Engine
    metric : EngagementMetric
        Must have behaviours.
    weekly : WeeklyEvents
    source : str
        Name of the events in messages.
    """
    length = -(-metric.observation_days // 7)
    offsets = [
        place * EVERY_WEEKS
        for place in range(MOST_WINDOWS)
        if place * EVERY_WEEKS + length <= weekly.n_weeks
    ]
    windows = [_customers(engine, metric, weekly, back, length, source) for back in offsets[::-1]]
    ends = tuple(weekly.end - dt.timedelta(weeks=back) for back in offsets[::-1])
    if not windows:
        return WindowShapes((weekly.end,), {})
    return WindowShapes(ends, {name: np.array([w[name] for w in windows]) for name in windows[0]})


def _customers(
    engine: Engine,
    metric: EngagementMetric,
    weekly: WeeklyEvents,
    back: int,
    length: int,
    source: str,
) -> dict[str, FloatArray]:
    """Return the customers per class in the window that ends `back` weeks before the last."""
    names = {b.behaviour: f"n_{place}" for place, b in enumerate(metric.behaviours)}
    week = nw.col("back")
    counts = (
        weekly.frame.filter((week >= back) & (week < back + length))
        .select(
            "customer_id",
            *(
                nw.when(nw.col("event_type") == behaviour).then(nw.col("n")).otherwise(nw.lit(0))
                .alias(name)
                for behaviour, name in names.items()
            ),
        )
        .group_by("customer_id")
        .agg(*(nw.col(name).sum().cast(nw.Int64) for name in names.values()))
    )  # fmt: skip
    counts = engine.persist(counts)
    score = (nw.col("score") / SCORE_STEP).floor().cast(nw.Int64())
    scored = explain_counts(metric, counts, names).select(part=score)
    shapes = {"score": _per_class(engine, scored, 100 // SCORE_STEP + 1, source)}
    for behaviour, name in names.items():
        edges = nw.sum_horizontal(
            *((nw.col(name) >= edge).cast(nw.Int64()) for edge in COUNT_EDGES)
        )
        classes = counts.select(part=edges)
        shapes[behaviour] = _per_class(engine, classes, len(COUNT_EDGES) + 1, source)
    return shapes


def _per_class(
    engine: Engine, classes: nw.LazyFrame[Any], n_classes: int, source: str
) -> FloatArray:
    counted = classes.group_by("part").agg(nw.len().alias("customers"))
    customers = np.zeros(n_classes)
    for row in engine.rows(counted, source=source):
        customers[min(max(int(row["part"]), 0), n_classes - 1)] += row["customers"]
    return customers
