"""The table of scores in the engine, under plain names until it is returned or written."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.metric import EngagementMetric

CUSTOMER, SCORE = "customer_id", "score"


@dataclass(frozen=True)
class ScoreTable:
    """One row per customer, computed and cached by the engine.

    Attributes
    ----------
    engine : Engine
    metric : EngagementMetric
    as_of : datetime
    frame : LazyFrame
        ``customer_id``, ``score``, and per behaviour in the metric's order the number of its
        events, ``n_0``, and its points, ``p_0``; then what was added. Names are plain, as Spark
        reads a dot as a field of a record.
    columns : mapping of str to str
        From the names of the output, in their order, to those of `frame`.
    notes : tuple of str
        Sentences on what was added.
    """

    engine: Engine
    metric: EngagementMetric
    as_of: dt.datetime
    frame: nw.LazyFrame[Any]
    columns: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())

    def extended(
        self, frame: nw.LazyFrame[Any], columns: Mapping[str, str], *notes: str
    ) -> ScoreTable:
        """Return the table with another frame, more columns of the output, and more notes."""
        return dataclasses.replace(
            self, frame=frame, columns={**self.columns, **columns}, notes=(*self.notes, *notes)
        )

    def persisted(self) -> ScoreTable:
        """Return the table with its frame computed once."""
        return dataclasses.replace(self, frame=self.engine.persist(self.frame))

    def output(self) -> nw.LazyFrame[Any]:
        """Return the columns of the output under their names there."""
        return self.frame.select(nw.col(c).alias(name) for name, c in self.columns.items())


def points_of(metric: EngagementMetric) -> list[str]:
    """Return the columns of `ScoreTable.frame` with the points of each behaviour."""
    return [f"p_{place}" for place, _ in enumerate(metric.behaviours)]


def counts_of(metric: EngagementMetric) -> list[str]:
    """Return the columns of `ScoreTable.frame` with the events of each behaviour."""
    return [f"n_{place}" for place, _ in enumerate(metric.behaviours)]
