"""Scores of the metric at the end of each period, and the behaviour behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.features.counts import count_frame
from engagement_ml.inputs import Tables
from engagement_ml.measures.periods import Period, Periods
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.percentiles import engaged_from
from engagement_ml.metric.scoring import scored_counts
from engagement_ml.windows import DAY

NO_LIMIT = 50.0
"""Limit of the engaged if no score is known."""


def scores_by_period(
    tables: Tables,
    config: PipelineConfig,
    metric: EngagementMetric,
    periods: Periods,
) -> nw.LazyFrame[Any] | None:
    """Return scores of all customers on board at the end of each period, computed once.

    Periods that end before the history holds an observation window have none, as their counts
    would be too small.

    Returns
    -------
    LazyFrame or None
        ``customer_id``, ``day`` (last of the period), ``score``, and the count of each behaviour of
        the metric in the observation window, as ``n_0``, ``n_1``, …; None if no period has an
        observation window.
    """
    parts = [
        _scored(tables, config, metric, period)
        for period in periods.each
        if period.end - metric.observation_days * DAY >= tables.history.start
    ]
    if not parts:
        return None
    return tables.engine.persist(nw.concat(parts) if len(parts) > 1 else parts[0])


def _scored(
    tables: Tables,
    config: PipelineConfig,
    metric: EngagementMetric,
    period: Period,
) -> nw.LazyFrame[Any]:
    present = tuple(b.behaviour for b in metric.behaviours if b.behaviour in tables.behaviours)
    counts = count_frame(replace(tables, behaviours=present), config, period.end)
    columns = {b.behaviour: f"n_{place}" for place, b in enumerate(metric.behaviours)}
    none = nw.lit(0.0)
    plain = counts.select(
        "customer_id",
        *(
            (nw.col(name) if name in present else none).alias(column)
            for name, column in columns.items()
        ),
    )
    scored: nw.LazyFrame[Any] = scored_counts(metric, plain, columns)
    return scored.select(
        "customer_id", nw.lit(period.end - DAY).alias("day"), "score", *columns.values()
    )


def with_engaged(scores: nw.LazyFrame[Any], limit: float) -> nw.LazyFrame[Any]:
    """Add ``engaged``: whether the score is at least the limit."""
    return scores.with_columns(engaged=nw.col("score") >= limit)


def engaged_limit(
    metric: EngagementMetric,
    configured: float | None,
    scores: nw.LazyFrame[Any] | None,
    tables: Tables,
) -> float:
    """Return the score from which a customer is engaged.

    That of ``metric.percentiles.engaged_from``. A metric that does not know the scores of the
    training takes those at the end of the first period.
    """
    limit = engaged_from(metric.score_quantiles, configured)
    if limit is not None:
        return limit
    if scores is None:
        return NO_LIMIT
    first = tables.engine.rows(scores.select(nw.col("day").min()), source="scores")[0]["day"]
    known = scores.filter(nw.col("day") == first)
    score = nw.col("score")
    for part in (known, known.filter(score > 0)):
        (row,) = tables.engine.rows(part.select(score.median()), source="scores")
        if row["score"]:
            return float(row["score"])
    return NO_LIMIT


def score_summary(
    scores: nw.LazyFrame[Any], tables: Tables, periods: Periods, n_behaviours: int
) -> dict[str, Mapping[str, float]]:
    """Return by period label: customers, mean and variance of the score, and mean counts.

    Keys are ``n``, ``mean``, ``variance``, and ``n_0``, ``n_1``, ….
    """
    score = nw.col("score")
    grouped = scores.group_by("day").agg(
        nw.len().alias("n"),
        score.mean().alias("mean"),
        (score * score).mean().alias("square"),
        *(nw.col(f"n_{place}").mean() for place in range(n_behaviours)),
    )
    rows = {row["day"]: row for row in tables.engine.rows(grouped, source="scores")}
    found: dict[str, Mapping[str, float]] = {}
    for period in periods.each:
        row = next((r for day, r in rows.items() if _same_day(day, period.end - DAY)), None)
        if row is not None:
            values = {name: float(value) for name, value in row.items() if name != "day"}
            values["variance"] = max(values.pop("square") - values["mean"] ** 2, 0.0)
            found[period.label] = values
    return found


def _same_day(found: Any, day: Any) -> bool:
    return str(found)[:10] == str(day)
