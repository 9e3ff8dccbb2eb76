"""SQL of a fitted model's metric, with the names of its configuration's columns."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engagement_ml.config import PipelineConfig
    from engagement_ml.metric import EngagementMetric


class FittedQueries:
    """Queries that score customers in a database."""

    if TYPE_CHECKING:

        @property
        def metric_(self) -> EngagementMetric: ...  # noqa: D102

        @property
        def config_(self) -> PipelineConfig: ...  # noqa: D102

    def to_sql(self, table: str = "features", dialect: str = "duckdb") -> str:
        """Return a SELECT of customer and ``score`` from a wide table of counts.

        The column of customers has the name of the configuration; see `EngagementMetric.to_sql`.

        Raises
        ------
        InputError
            If the metric abstained, or the dialect is not known.
        """
        from engagement_ml.workflow.querying import counts_query

        return counts_query(self.metric_, self.config_, table, dialect)

    def to_sql_events(
        self,
        events_table: str,
        as_of: dt.date | dt.datetime | str,
        dialect: str = "duckdb",
        customers_table: str | None = None,
        event_id: str | None = None,
    ) -> str:
        """Return a SELECT of customer and ``score`` from a table of raw events.

        Columns have the names of the configuration; see `EngagementMetric.to_sql_events`.

        Raises
        ------
        InputError
            If the metric abstained, the dialect is not known, or the configuration computes
            columns of events.
        """
        from engagement_ml.workflow.querying import events_query

        return events_query(
            self.metric_, self.config_, events_table, as_of, dialect, customers_table, event_id
        )
