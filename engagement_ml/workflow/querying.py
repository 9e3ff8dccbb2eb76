"""SQL workflow: a run's metric as a query of the tables that its configuration describes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from engagement_ml.column_names import fold
from engagement_ml.config import HistoryConfig, PipelineConfig, TableShape
from engagement_ml.errors import InputError
from engagement_ml.faults import machine_faults_named
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.sql_dialects import DEFAULT_COLUMNS
from engagement_ml.progress import Progress
from engagement_ml.workflow.scoring_model import read_scoring_model


@machine_faults_named()
def sql(
    model: EngagementMetric | str | Path,
    table: str,
    *,
    as_of: dt.date | dt.datetime | str | None = None,
    dialect: str = "duckdb",
    customers: str | None = None,
    event_id: str | None = None,
    tracking_uri: str | None = None,
) -> str:
    """Return the query that scores customers in a database.

    Parameters
    ----------
    model : EngagementMetric, path or str
        The metric, the folder that `train` wrote, a ``metric.json``, or an MLflow URI. Columns
        have the names of the run's configuration.
    table : str
        Name of a table of events, or of a table of counts if there is no `as_of`; dots separate
        schema and table, except within double quotes.
    as_of : date, datetime or ISO 8601 text, optional
        Events in ``[as_of - observation_days, as_of)`` count.
    dialect : str
        See `EngagementMetric.to_sql`.
    customers : str, optional
        Name of a table of the customers to score; by default every customer with an event before
        `as_of`.
    event_id : str, optional
        Column of ids: of the events with the same id, the earliest counts. By default the column
        of the configuration; if it names none, repeated events count.
    tracking_uri : str, optional
        Tracking store for URIs; see `engagement_ml.score`.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the metric abstains, the dialect is not known, or the configuration computes columns,
        which a query of the raw table does not have.

    Examples
    --------
    >>> metric = EngagementMetric.from_weights({"visit": 1})
    >>> print(sql(metric, "mart.counts").splitlines()[1])
    SELECT customer_id,
    """
    read = read_scoring_model(model, tracking_uri, Progress(), None, predict=False)
    metric, config = read.metric, read.config
    if as_of is None:
        if customers is not None or event_id is not None:
            raise InputError("sql: customers and event_id are of a query of events; give as_of")
        return counts_query(metric, config, table, dialect)
    return events_query(metric, config, table, as_of, dialect, customers, event_id)


def counts_query(metric: EngagementMetric, config: PipelineConfig, table: str, dialect: str) -> str:
    """Return the query of a table of counts, whose customers have the name of the configuration."""
    customer = _mapped(config, "events").get("customer_id")
    columns = {} if customer is None else {"customer_id": customer}
    return metric.to_sql(table, dialect, columns=columns)


def events_query(
    metric: EngagementMetric,
    config: PipelineConfig,
    table: str,
    as_of: dt.date | dt.datetime | str,
    dialect: str,
    customers: str | None = None,
    event_id: str | None = None,
) -> str:
    """Return the query of a table of events with the names of the configuration.

    Raises
    ------
    InputError
        If the configuration computes columns of events.
    """
    shape, plain = config.shape_of("events"), TableShape()
    if shape != plain:
        given = ", ".join(key for key, _ in shape if getattr(shape, key) != getattr(plain, key))
        raise InputError(
            f"sql: the configuration has 'shape: {{events: ...}}' ({given}), which a query of the "
            "raw table lacks; score with 'engagement-ml score', or give a view that has the columns"
            " of a metric.json"
        )
    columns = _mapped(config, "events")
    chosen = _mapped(config, "customers") if customers is not None else {}
    query = metric.to_sql_events(
        table,
        as_of,
        dialect,
        customers,
        event_id,
        columns=columns,
        customers_column=chosen.get("customer_id", "customer_id") if customers else None,
    )
    usual = HistoryConfig()
    limits = [
        f"-- history.{key} of the configuration is not applied"
        for key in ("earliest", "latest")
        if getattr(config.history, key) != getattr(usual, key)
    ]
    return "\n".join([*limits, query])


def _mapped(config: PipelineConfig, table: str) -> dict[str, str]:
    """Return the names in the source of the columns that a query reads, if they differ."""
    mapping = config.columns.get(table, {})
    return {
        column: name
        for column in DEFAULT_COLUMNS
        for ours, name in mapping.items()
        if fold(ours) == column and name is not None
    }
