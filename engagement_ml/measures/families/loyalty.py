"""Measures of retention and churn."""

from __future__ import annotations

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import share
from engagement_ml.measures.rows.loyalty import left_out, loyalty_key, stayed_and_bought

NEW = (
    "Customers are those with an order in the period before or, if `within_days` is set, in that "
    "many days before; with `churn: {kind: event}`, those on board when the period begins. New "
    "ones are left out. If the history does not hold all of the days before, there is no data. If "
    "people buy every few months, months say little: set `scorecard: {every: quarter}`."
)


def days_before(settings: MeasureConfig) -> int | None:
    """Return the days before a period in which an order makes a customer."""
    return None if settings.within_days is None else max(round(settings.within_days), 1)


def _rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    days = days_before(settings)
    before, after = nw.col("before").max(), nw.col("after").max()
    columns = {"base": before, "kept": before * after, "lost": before * (1 - after)}
    key = loyalty_key(context, days)
    notes = left_out(context, days)
    return Rows(key, lambda: stayed_and_bought(context, days), columns, notes=notes)


FAMILY = (
    MeasureDefinition(
        name="retention",
        title="Retention",
        kind=share("kept", "base"),
        unit="percent",
        better="more",
        formula="of those who are customers when the period begins: share with an order in it or, "
        "with a churn event, without that event in it",
        needs="transactions, or a churn event",
        rows=_rows,
        edge_cases=NEW,
        keys=("within_days",),
    ),
    MeasureDefinition(
        name="churn_rate",
        title="Churn rate",
        kind=share("lost", "base"),
        unit="percent",
        better="less",
        formula="100% - retention",
        needs="transactions, or a churn event",
        rows=_rows,
        edge_cases=NEW,
        keys=("within_days",),
    ),
)
