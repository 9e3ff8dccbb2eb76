"""What the rows of a measure are made from: tables, periods, groups and scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import nearest
from engagement_ml.formatting import listed
from engagement_ml.inputs import Tables
from engagement_ml.measures.periods import Periods

TRANSACTION, SIGNUP = "transaction", "signup"
"""In settings that name event types: a row of `transactions`, and the column ``signup`` of
`customers`, unless there is an event type of that name."""
ALL, TOUCHPOINT = "all", "touchpoint"
"""Dimensions beside the segments: not split, and split by the rows' touchpoint."""
Cell = tuple[int, str]
"""Period and group; the group is empty if customers are not split."""


class AbsentError(Exception):
    """The tables lack what a measure needs; the message says what, and completes "needs …"."""


@dataclass(frozen=True)
class MeasureContext:
    """Tables and periods that the rows of measures are made from.

    Attributes
    ----------
    tables : Tables
        With the optional columns of the sources.
    config : PipelineConfig
    periods : Periods
    groups : LazyFrame or None
        ``customer_id`` and a text column for each segment, by which measures are split.
    scores : LazyFrame or None
        Scores of the metric at the end of each period: ``customer_id``, ``day`` (last day of the
        period), ``score``, and ``engaged`` (whether it is at least the limit of the engaged).
    predicted : LazyFrame or None
        Predicted customer lifetime value: ``customer_id``, ``day`` (a day of the period that the
        prediction stands for), ``value`` (in currency).
    """

    tables: Tables
    config: PipelineConfig
    periods: Periods
    groups: nw.LazyFrame[Any] | None = None
    scores: nw.LazyFrame[Any] | None = None
    predicted: nw.LazyFrame[Any] | None = None

    @property
    def engine(self) -> Engine:
        """The engine that holds the tables."""
        return self.tables.engine

    @cached_property
    def calendar(self) -> nw.LazyFrame[Any]:
        """``day`` (date) and ``period`` (place of its period), a row for each day."""
        return self.periods.calendar(self.engine)

    @property
    def segments(self) -> dict[str, str]:
        """Column of `groups` in the frames of ``with_segments``, and the name of the segment."""
        if self.groups is None:
            return {}
        names = [n for n in self.groups.collect_schema().names() if n != "customer_id"]
        return {f"segment_{place}": name for place, name in enumerate(names)}

    def with_segments(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Add the segments of each row's customer; null without one."""
        if self.groups is None:
            return frame
        chosen = {column: nw.col(name) for column, name in self.segments.items()}
        groups = self.groups.select("customer_id", **chosen)
        return frame.join(groups, on="customer_id", how="left")

    def frame(self, table: str) -> nw.LazyFrame[Any]:
        """Return a table.

        Raises
        ------
        AbsentError
            If the table is not given.
        """
        frame: nw.LazyFrame[Any] | None = getattr(self.tables, table)
        if frame is None:
            raise AbsentError(f"the table {table}")
        return frame

    def has(self, table: str, column: str) -> bool:
        """Return whether a table is given and has a column."""
        return column in self.tables.columns(table)

    def require(self, table: str, *columns: str) -> None:
        """Check that a table has columns.

        Raises
        ------
        AbsentError
            If the table or one of the columns is not given.
        """
        self.frame(table)
        present = self.tables.columns(table)
        lacking = [column for column in columns if column not in present]
        if lacking:
            what = "column" if len(lacking) == 1 else "columns"
            raise AbsentError(f"{what} {listed(lacking)} of {table}")

    def event_types(self, names: str | Iterable[str] | None, key: str) -> tuple[str, ...]:
        """Return the event types that a setting names, of those in the data.

        Raises
        ------
        AbsentError
            If the setting is empty, or none of its event types is in the data.
        """
        wanted = (names,) if isinstance(names, str) else tuple(names or ())
        if not wanted:
            raise AbsentError(f"'{key}' in its settings: the event type")
        found = tuple(name for name in wanted if name in self.tables.event_counts)
        if not found:
            hint = nearest(wanted[0], self.tables.event_counts)
            raise AbsentError(f"events of type {listed(wanted)}{hint} (setting '{key}')")
        return found
