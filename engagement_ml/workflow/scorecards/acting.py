"""Customers to act on, with reasons: those who fall, engaged ones who buy nothing, detractors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features.daily_totals import daily_events, daily_transactions
from engagement_ml.inputs import Tables
from engagement_ml.measures.periods import Period
from engagement_ml.metric import EngagementMetric
from engagement_ml.scorecard.front_line import MAX_CUSTOMERS
from engagement_ml.windows import DAY

Customer = Mapping[str, Any]
DETRACTOR = 6
"""Largest answer to the question of the Net Promoter Score that makes a detractor."""


def falling_customers(
    tables: Tables, config: PipelineConfig, metric: EngagementMetric
) -> tuple[list[Customer], tuple[str, ...]]:
    """Return early warnings, the largest margin at stake first, and notes."""
    from engagement_ml.workflow.early_warnings import falls_before

    try:
        falls = falls_before(tables, config, metric, tables.history.end)
    except NotEnoughDataError as error:
        return [], (f"No customer was compared with the own usual: {error}.",)
    frame = falls.table()
    rows: list[dict[Any, Any]] = frame.to_dict("records")
    return [{**row, "behaviour": config.label(row["behaviour"])} for row in rows], ()


def engaged_without_purchase(
    tables: Tables, scores: nw.LazyFrame[Any], period: Period
) -> tuple[list[Customer], int]:
    """Return the engaged at the end of a period who bought nothing in it, and how many they are.

    Those with the highest scores come first, at most `MAX_CUSTOMERS`.
    """
    day = nw.col("day")
    engaged = scores.filter((day == period.end - DAY) & nw.col("engaged"))
    inside = (day >= period.start) & (day < period.end) & (nw.col("orders") > 0)
    buyers = daily_transactions(tables).filter(inside).select("customer_id").unique()
    idle = engaged.select("customer_id", "score").join(buyers, on="customer_id", how="anti")
    kept = tables.engine.persist(idle)
    n = tables.engine.rows(kept.select(n=nw.len()), source="scores")[0]["n"]
    first = kept.sort("score", "customer_id", descending=[True, False]).head(MAX_CUSTOMERS)
    rows: list[Customer] = [
        {
            "customer_id": row["customer_id"],
            "reason": f"score of {row['score']:.1f}, no purchase in {period.label}",
            "score": round(float(row["score"]), 1),
        }
        for row in tables.engine.rows(first, source="scores")
    ]
    return rows, int(n)


def events_in(tables: Tables, period: Period) -> dict[str, int]:
    """Return the number of events in a period, by event type."""
    inside = (nw.col("day") >= period.start) & (nw.col("day") < period.end)
    counted = daily_events(tables).filter(inside).group_by("event_type").agg(nw.col("n").sum())
    rows = tables.engine.rows(counted, source="events")
    return {str(row["event_type"]): int(row["n"]) for row in rows}


def detractors(tables: Tables, period: Period) -> tuple[list[Customer], int]:
    """Return who answered 0 to 6 to the Net Promoter question in a period, and how many they are.

    The newest answer of each comes first, with its comment if there is one.
    """
    if tables.surveys is None:
        return [], 0
    columns = tables.surveys.collect_schema().names()
    commented = ["comment"] if "comment" in columns else []
    moment = nw.col("timestamp").dt.date()
    answers = tables.surveys.filter(
        (nw.col("survey").str.to_lowercase() == "nps")
        & ~nw.col("score").is_null()
        & (moment >= period.start)
        & (moment < period.end)
    ).select("customer_id", "score", *commented, day=moment, moment=nw.col("timestamp"))
    rows = sorted(
        tables.engine.rows(answers, source="surveys"),
        key=lambda row: (row["moment"], str(row["customer_id"])),
        reverse=True,
    )
    newest: dict[Any, dict[str, Any]] = {}
    for row in rows:
        newest.setdefault(row["customer_id"], row)
    low = [row for row in newest.values() if row["score"] <= DETRACTOR]
    shown: list[Customer] = [
        {
            "customer_id": row["customer_id"],
            "reason": f"answered {row['score']:g} on {row['day']}"
            + (f": {row['comment']}" if commented and row["comment"] else ""),
        }
        for row in low[:MAX_CUSTOMERS]
    ]
    return shown, len(low)
