"""The campaign that brought a customer."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.features.covariates import lazy_text
from engagement_ml.formatting import listed
from engagement_ml.inputs import Tables

CAMPAIGN = "campaign"


def acquisition(tables: Tables, config: PipelineConfig) -> nw.LazyFrame[Any] | None:
    """Return the campaign of acquisition of each customer.

    It is the column ``scorecard.acquired_by`` of the customers table or, without the setting, the
    campaign of the customer's first event that has one; of events at the same moment, the first
    campaign by name.

    Returns
    -------
    LazyFrame or None
        ``customer_id`` and ``campaign`` (text, null if unknown), at most a row for each customer;
        None if the tables have no campaigns.

    Raises
    ------
    ConfigError
        If the customers table, or its column, is missing.
    """
    column = config.scorecard.acquired_by
    if column is not None:
        return _from_customers(tables, column)
    if CAMPAIGN not in tables.events.collect_schema().names():
        return None
    known = tables.events.filter(~nw.col(CAMPAIGN).is_null())
    moments = tables.engine.micros(
        known.select("customer_id", CAMPAIGN, moment_=nw.col("timestamp")), "moment_"
    )
    first = moments.group_by("customer_id").agg(nw.col("moment_").min())
    ties = moments.join(first, on=["customer_id", "moment_"], how="inner")
    return ties.group_by("customer_id").agg(nw.col(CAMPAIGN).min())


def _from_customers(tables: Tables, column: str) -> nw.LazyFrame[Any]:
    key = "key 'scorecard.acquired_by'"
    if tables.customers is None:
        raise ConfigError(
            f"{key}: '{column}' is a column of the customers table, which is missing; give "
            "'sources.customers'"
        )
    schema = tables.customers.collect_schema()
    if column not in schema:
        raise ConfigError(
            f"{key}: the customers table has no column '{column}'{nearest(column, schema)}; the "
            f"columns are {listed(schema)}"
        )
    text = lazy_text(tables, column, schema[column])
    return tables.customers.select("customer_id", text.alias(CAMPAIGN))
