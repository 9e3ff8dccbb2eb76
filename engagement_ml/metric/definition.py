"""The engagement metric: a few behaviours with weights and transforms, and how to score."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.metric import display, scoring, sql
from engagement_ml.metric.stored import StoredMetric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class EngagementMetric(StoredMetric):
    r"""A weighted engagement metric: all that scoring needs, and the evidence behind it.

    .. math:: \mathrm{score} = \sum_b \mathrm{weight}_b\, f_b(\mathrm{count}_b)

    The score lies between 0 and 100. A count is the number of a behaviour's events in the
    observation window, and f its saturating transform. Null, NaN, negative and missing counts are
    read as no events.

    Parameters
    ----------
    name : str
        The name of the registered model.
    evidence : {"driver", "indicator", "by_hand"}
        `driver`: changes of these behaviours are followed by changes of margin, and the evidence
        passed every check. `indicator`: the behaviours predict margin, which is no proof that
        raising them raises margin. `by_hand`: the weights were set by hand and not learned from
        data.
    observation_days, outcome_days, gap_days : int
        Lengths of the windows in days. At time t, events are counted in
        ``[t - observation_days, t)`` and margin in
        ``[t + gap_days, t + gap_days + outcome_days)``.
    behaviours : tuple of WeightedBehaviour
        Their weights are positive and add up to exactly 100. If empty, the metric abstains.
    reason : str or None
        Why the metric abstains, in a sentence; required if it does.
    currency, entity : str
        The currency of margin; the noun for those who are scored, such as customer or partner.
    score_quantiles : tuple of float
        The 0th to 100th percentile of the scores of customers at the last training cutoff, 101
        numbers that do not decrease; empty if they are not known. They do not affect scores.
    derived : tuple of str
        The behaviours that no event of the events table has: they follow from links between
        actors and customers, or from sequences.

    Raises
    ------
    InputError
        If a value is out of range, or the weights do not add up to 100.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
    >>> straight = Transform("linear", scale=None, shape=None, cap=10)
    >>> metric = EngagementMetric(
    ...     name="shop", evidence="driver", observation_days=84, outcome_days=84,
    ...     behaviours=(
    ...         WeightedBehaviour("review", 60, 50, 70, "frequency", "events in 84 days", straight),
    ...         WeightedBehaviour("visit", 40, 30, 50, "frequency", "events in 84 days", straight),
    ...     ),
    ... )
    >>> metric.score(pa.table({"review": [5, None], "visit": [20, 1]}))["score"].to_pylist()
    [70.0, 4.0]
    """

    def score(self, frame: Any) -> Any:
        """Score each row of a wide table of counts.

        Parameters
        ----------
        frame : any frame that Narwhals accepts, eager or lazy
            One numeric column per behaviour, the number of its events in the observation window;
            other columns are kept. A behaviour without a column counts as no events, and so do
            null, NaN and negative counts; infinity earns full points.

        Returns
        -------
        same kind as `frame`
            With a float64 column ``score``, 0 to 100, which replaces a column of that name. Lazy
            frames stay lazy.

        Raises
        ------
        InputError
            If the metric abstained, none of its behaviours is a column, or a column is not
            numeric.
        """
        return scoring.score(self, frame)

    def score_events(
        self, events: Any, as_of: dt.date | dt.datetime | str, customers: Any = None
    ) -> Any:
        """Score each customer from a table of events.

        Parameters
        ----------
        events : any frame that Narwhals accepts
            ``customer_id``, ``timestamp`` (a date or timestamp; naive is UTC), ``event_type``. If
            there is an ``event_id``, the earliest event of each id counts, whatever its customer
            is. Rows without a customer or event type are left out, and so are those before 1990.
        as_of : date, datetime or ISO 8601 text
            Events are counted in ``[as_of - observation_days, as_of)``; a date is its midnight, in
            UTC.
        customers : frame of the same library, optional
            The customers to score; by default, all with an event before `as_of`.

        Returns
        -------
        same kind as `events`
            ``customer_id`` and ``score``, one row per customer; customers without events have 0.
            Sorted by customer if `events` is eager.

        Raises
        ------
        InputError
            If the metric abstained, or a table lacks a column or is of another library.
        """
        return scoring.score_events(self, events, as_of, customers)

    def explain(self, frame: Any) -> Any:
        """Split each row's score into the points of each behaviour.

        Returns
        -------
        same kind as `frame`
            ``customer_id`` if `frame` has it, a column ``<behaviour>__points`` per behaviour, and
            ``score``, their sum.
        """
        return scoring.explain(self, frame)

    def expression(self) -> nw.Expr:
        """Return the score as one Narwhals expression; columns are named as the behaviours.

        Spark reads a dot or backtick in a column's name as syntax; `score` handles such names.

        Examples
        --------
        >>> import narwhals as nw, pyarrow as pa
        >>> from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
        >>> hill = Transform("hill", scale=2, shape=1, cap=8)
        >>> visit = WeightedBehaviour("visit", 100, None, None, "frequency", "events", hill)
        >>> metric = EngagementMetric("shop", "driver", 84, 84, (visit,))
        >>> frame = nw.from_native(pa.table({"visit": [0.0, 2.0, 9.0]}))
        >>> frame.select(metric.expression().alias("score"))["score"].to_list()
        [0.0, 62.5, 100.0]
        """
        return scoring.expression(self)

    def to_sql(
        self,
        table: str = "features",
        dialect: str = "duckdb",
        *,
        columns: Mapping[str, str] | None = None,
    ) -> str:
        """Return a SELECT of ``customer_id`` and ``score`` from a wide table of counts.

        Parameters
        ----------
        table : str
            Name of a table with ``customer_id`` and one numeric column per behaviour; dots
            separate schema and table, except within double quotes.
        dialect : str
            ``"duckdb"``, ``"spark"``, ``"postgres"``, ``"bigquery"``, ``"snowflake"``, or any
            other that sqlglot knows, such as ``"redshift"``, into which it transpiles the query.
        columns : mapping of str to str, optional
            Names in the table of ``customer_id`` and of behaviours, where they differ. The column
            of customers comes back under its name.

        Raises
        ------
        InputError
            If the metric abstained, the dialect is not known, or a name cannot be used.
        """
        return sql.to_sql(self, table, dialect, columns)

    def to_sql_events(
        self,
        events_table: str,
        as_of: dt.date | dt.datetime | str,
        dialect: str = "duckdb",
        customers_table: str | None = None,
        event_id: str | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        customers_column: str | None = None,
    ) -> str:
        """Return a SELECT of ``customer_id`` and ``score`` from a table of raw events.

        The rows that count are those of `score_events`. Timestamps may have a time zone or not,
        in which case they are in UTC; the zone of the session does not matter. A dialect that is
        transpiled compares them as they are, so they must be in UTC.

        Parameters
        ----------
        events_table : str
            Name of a table with ``customer_id``, ``timestamp`` and ``event_type``.
        as_of : date, datetime or ISO 8601 text
            Events are counted in ``[as_of - observation_days, as_of)``.
        dialect : str
            See `to_sql`.
        customers_table : str, optional
            Table with the ``customer_id`` of those to score; by default, all with an event before
            `as_of` are scored.
        event_id : str, optional
            Column of ids: of the events with the same id, the earliest counts.
        columns : mapping of str to str, optional
            Names in the tables of ``customer_id``, ``timestamp``, ``event_type`` and
            ``event_id``, where they differ. The column of customers comes back under its name.
        customers_column : str, optional
            Name of ``customer_id`` in `customers_table`; by default that in the table of events.

        Raises
        ------
        InputError
            If the metric abstained, the dialect is not known, or a name cannot be used.

        Examples
        --------
        >>> from engagement_ml.metric import EngagementMetric
        >>> metric = EngagementMetric.from_weights({"visit": 1})
        >>> print(metric.to_sql_events("log", "2024-04-01", columns={"customer_id": "user"}))
        -- engagement score, 0 to 100; definition ...
        -- events from 2024-01-08 00:00:00 until before 2024-04-01 00:00:00, in UTC
        -- without a column of event ids, repeated events count
        SELECT customer_id AS "user",
        ...
        """
        return sql.to_sql_events(
            self,
            events_table,
            as_of,
            dialect,
            customers_table,
            event_id,
            columns,
            customers_column,
        )

    def plot(self, ax: Axes | None = None) -> Axes | Figure:
        """Draw the weights with their intervals, and each behaviour's response.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            If given, only the weights are drawn, into it, and it is returned. By default, a new
            Figure with both panels is returned. The state of pyplot is not changed.
        """
        from engagement_ml.metric import plot

        return plot.draw_metric(self) if ax is None else plot.draw_weights(self, ax)

    def __repr__(self) -> str:
        """Return the metric as a table, the heaviest behaviour first."""
        return display.as_text(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)
