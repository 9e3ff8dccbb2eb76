"""Which customers were there in a period: the denominator of measures per customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from engagement_ml.features.daily_totals import entities
from engagement_ml.measures.context import ALL, Cell, MeasureContext

FLAG = "there_"
"""Column of rows: 1 if the customer was there in the row's period, else 0."""


def customers_on_board(context: MeasureContext) -> dict[str, dict[Cell, int]]:
    """Return how many customers were there in each period, by dimension and group.

    A customer is there from the entry (sign-up or, without one, the first event or transaction)
    to the churn event, if churn is an event.

    Returns
    -------
    mapping of dimension to mapping of cell to int
        Dimensions are ``all`` and the segments of the context.
    """
    frame = context.with_segments(_spans(context))
    there = {
        f"p{place}": _flag(nw.lit(period.start), nw.lit(period.end))
        for place, period in enumerate(context.periods.each)
    }
    segments = context.segments
    marked = context.engine.persist(frame.select(*segments, **there))
    return {
        dimension: _by_group(context, marked, nw.lit("") if key is None else nw.col(key), there)
        for dimension, key in {ALL: None, **{name: key for key, name in segments.items()}}.items()
    }


def with_flag(context: MeasureContext, rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``there_`` to rows of customers in periods.

    Parameters
    ----------
    context : MeasureContext
    rows : LazyFrame
        With ``customer_id`` and ``period``.
    """
    each = context.periods.each
    bounds = context.engine.small(
        {
            "period": list(range(len(each))),
            "period_start": [period.start for period in each],
            "period_end": [period.end for period in each],
        }
    )
    joined = rows.join(bounds, on="period", how="inner").join(
        _spans(context), on="customer_id", how="left"
    )
    flagged = joined.with_columns(_flag(nw.col("period_start"), nw.col("period_end")).alias(FLAG))
    return flagged.drop("entry_day", "exit_day", "period_start", "period_end")


def _spans(context: MeasureContext) -> nw.LazyFrame[Any]:
    return entities(context.tables, context.config).select(
        "customer_id",
        nw.col("entry").dt.date().alias("entry_day"),
        nw.col("exit").dt.date().alias("exit_day"),
    )


def _flag(start: nw.Expr, end: nw.Expr) -> nw.Expr:
    entered = nw.col("entry_day") < end
    stayed = nw.col("exit_day").is_null() | (nw.col("exit_day") >= start)
    return nw.when(entered & stayed).then(nw.lit(1)).otherwise(nw.lit(0))


def _by_group(
    context: MeasureContext, marked: nw.LazyFrame[Any], key: nw.Expr, there: Mapping[str, nw.Expr]
) -> dict[Cell, int]:
    grouped = (
        marked.with_columns(group_=key).group_by("group_").agg(nw.col(name).sum() for name in there)
    )
    return {
        (place, str(row["group_"])): int(row[f"p{place}"])
        for row in context.engine.rows(grouped, source="customers")
        for place in range(len(there))
        if row["group_"] is not None
    }
