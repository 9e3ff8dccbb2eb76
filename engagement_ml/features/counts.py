"""Counts for scoring: events per entity and behaviour, on the engine that holds the events."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.features.daily_totals import daily_events, entities, present_at
from engagement_ml.inputs import Tables
from engagement_ml.windows import DAY


def count_frame(tables: Tables, config: PipelineConfig, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Return the count of each behaviour per entity before `as_of`, which a metric scores.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
        ``windows.observation_days`` is the length of the window.
    as_of : date
        The window is ``[as_of − observation_days, as_of)``.

    Returns
    -------
    LazyFrame
        ``customer_id`` and a float column per behaviour, 0 without events; a row for every entity
        that entered before `as_of` and had no churn event before it.
    """
    counts, names = plain_counts(tables, config, as_of)
    return counts.select("customer_id", *(nw.col(n).alias(b) for b, n in names.items()))


def plain_counts(
    tables: Tables, config: PipelineConfig, as_of: dt.date
) -> tuple[nw.LazyFrame[Any], dict[str, str]]:
    """Return ``count_frame`` with plain column names, and the plain name of each behaviour.

    Some engines parse a dot in a name as a field of a record.
    """
    names = {behaviour: f"n_{i}" for i, behaviour in enumerate(tables.behaviours)}
    daily = daily_events(tables).filter(
        nw.col("event_type").is_in(tables.behaviours)
        & (nw.col("day") >= as_of - config.windows.observation_days * DAY)
        & (nw.col("day") < as_of)
    )
    counts = daily.group_by("customer_id").agg(
        *(
            nw.when(nw.col("event_type") == behaviour).then(nw.col("n")).sum().alias(name)
            for behaviour, name in names.items()
        )
    )
    present = present_at(entities(tables, config), as_of)
    joined = present.select("customer_id").join(counts, on="customer_id", how="left")
    filled = (nw.col(name).fill_null(0).cast(nw.Float64) for name in names.values())
    return joined.select("customer_id", *filled), names
