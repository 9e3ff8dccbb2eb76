"""Totals of customers in a span of days, from the engine that holds the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.features.counts import plain_counts
from engagement_ml.features.daily_totals import daily_events, daily_transactions
from engagement_ml.features.population import collect
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.windows import DAY

ID = "id_"


def counts_and_margin(
    tables: Tables, config: PipelineConfig, behaviours: Sequence[str], as_of: dt.date, days: int
) -> tuple[AnyArray, dict[str, FloatArray], FloatArray]:
    """Return ids as sorted text, the counts of behaviours before a day, and margin before it.

    Parameters
    ----------
    behaviours : sequence of str
    as_of : date
        Counts are over the observation window before it, margin over `days` before it.

    Returns
    -------
    ids : array (n,) of str
        All customers that entered before `as_of` and had no churn event.
    counts : dict of behaviour to array (n,)
    margin : array (n,)
        In currency; 0 without transactions.
    """
    counts, names = plain_counts(tables, config, as_of)
    chosen = {b: names[b] for b in behaviours}
    margin = margin_between(tables, as_of - days * DAY, as_of)
    joined = counts.join(margin, on="customer_id", how="left")
    columns = collect(joined.select(as_text().alias(ID), *chosen.values(), nw.col("margin_")))
    order = np.argsort(columns[ID].astype(str), kind="stable")
    paid = np.nan_to_num(columns["margin_"][order].astype(float)) / MICRO
    found = {b: columns[name][order].astype(float) for b, name in chosen.items()}
    return columns[ID][order].astype(str).astype(object), found, paid


def margin_between(tables: Tables, start: dt.date, end: dt.date) -> nw.LazyFrame[Any]:
    """Return the margin of each customer in ``[start, end)``, in millionths."""
    inside = (nw.col("day") >= start) & (nw.col("day") < end)
    paid = daily_transactions(tables).filter(inside).group_by("customer_id")
    net = (nw.col("gain").sum() - nw.col("loss").sum()).cast(nw.Int64).alias("margin_")
    return paid.agg(net)


def events_between(
    tables: Tables, behaviours: Sequence[str], start: dt.date, end: dt.date
) -> nw.LazyFrame[Any]:
    """Return the events of each customer in ``[start, end)``, as columns ``e_0``, ``e_1``, …."""
    inside = (nw.col("day") >= start) & (nw.col("day") < end)
    daily = daily_events(tables).filter(inside & nw.col("event_type").is_in(list(behaviours)))
    return daily.group_by("customer_id").agg(
        nw.when(nw.col("event_type") == behaviour)
        .then(nw.col("n"))
        .sum()
        .cast(nw.Int64)
        .alias(f"e_{place}")
        for place, behaviour in enumerate(behaviours)
    )


def last_event(tables: Tables) -> dt.date:
    """Return the last day with events."""
    last = daily_events(tables).select(last=nw.col("day").max())
    (row,) = tables.engine.rows(last, source="events")
    value = row["last"]
    return value.date() if isinstance(value, dt.datetime) else value


def as_text() -> nw.Expr:
    """Return the id of a customer as text, in which files hold it."""
    return nw.col("customer_id").cast(nw.String())


def of_ids(
    tables: Tables, ids: AnyArray, frame: nw.LazyFrame[Any], columns: Sequence[str]
) -> dict[str, FloatArray]:
    """Return columns of a frame for ids as text, in their order; NaN for ids that it lacks."""
    places = np.arange(len(ids), dtype=np.int64)
    wanted = tables.engine.small({ID: [str(each) for each in ids], "place_": places})
    named = frame.select(as_text().alias(ID), *columns)
    found = collect(wanted.join(named, on=ID, how="inner").select("place_", *columns))
    result = {name: np.full(len(ids), np.nan) for name in columns}
    for name in columns:
        result[name][found["place_"]] = found[name].astype(float)
    return result
