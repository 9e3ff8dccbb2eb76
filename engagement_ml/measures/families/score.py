"""Measure of the engagement metric itself: the mean score."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import AbsentError, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import ratio


def _score_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    scores = context.scores
    if scores is None:
        raise AbsentError("a metric that does not abstain, and a whole observation window")

    def frame() -> nw.LazyFrame[Any]:
        return scores

    # Sums of whole millionths do not depend on the order of rows.
    millionths = (nw.col("score") * MICRO).round(0).cast(nw.Int64)
    columns = {"score": millionths.sum(), "customers": nw.len()}
    return Rows("scores", frame, columns)


FAMILY = (
    MeasureDefinition(
        name="engagement_score",
        title="Engagement score",
        kind=ratio("score", "customers", scale=1 / MICRO, bounds=(0.0, 100.0)),
        unit="score",
        better="more",
        formula="sum of the metric's scores at the end of the period / customers on board",
        needs="score of a trained run",
        rows=_score_rows,
        edge_cases="Periods that end before the history holds an observation window have no data.",
    ),
)
