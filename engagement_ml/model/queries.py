"""Scores of a fitted model's metric, and its SQL, with the names of the configuration's columns."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagement_ml.config import PipelineConfig
    from engagement_ml.metric import EngagementMetric
    from engagement_ml.records import RunRecord


class FittedQueries:
    """Scores of new tables, and queries that score customers in a database."""

    if TYPE_CHECKING:

        @property
        def metric_(self) -> EngagementMetric: ...  # noqa: D102

        @property
        def config_(self) -> PipelineConfig: ...  # noqa: D102

        @property
        def record_(self) -> RunRecord: ...  # noqa: D102

    def score(
        self,
        frame: Any,
        as_of: Any = None,
        customers: Any = None,
        *,
        identities: Any = None,
        links: Any = None,
    ) -> Any:
        """Score events or counts.

        Parameters
        ----------
        frame : any frame that Narwhals accepts
            Events (with a column ``event_type``, or the column that the configuration maps to it),
            or a numeric column of counts per behaviour.
        as_of : date, datetime or ISO 8601 text, optional
            For events: counts are of ``[as_of - observation_days, as_of)``; by default the day
            after the last event.
        customers : frame, optional
            For events: the customers to score, by ``customer_id``.
        identities, links : frame, optional
            For events: the customer of each ``anonymous_id``; the customers of each actor.

        Returns
        -------
        frame
            For events, a pandas frame with the customer, under the user's own name, and the columns
            of `em.score` that need no option; for counts, the same kind of frame with ``score``.

        Raises
        ------
        InputError
            If the metric abstained or the frame cannot be used.
        """
        import narwhals as nw

        from engagement_ml.column_names import find
        from engagement_ml.workflow.run_log import log_notes
        from engagement_ml.workflow.scoring import score_frames

        names = self.config_.columns.get("events", {})
        event_type = names.get(find("event_type", names) or "") or "event_type"
        computed = find("event_type", self.config_.shape_of("events").given) is not None
        if computed or find(event_type, nw.from_native(frame).collect_schema()) is not None:
            given = {"customers": customers, "identities": identities, "links": links}
            scores = score_frames(
                self.metric_, frame, config=self.config_, record=self.record_, as_of=as_of, **given
            )
            log_notes(scores.notes, scores.warnings)
            return scores.frame
        return self.metric_.score(frame)

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
