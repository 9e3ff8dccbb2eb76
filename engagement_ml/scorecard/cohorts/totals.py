"""Totals of cohorts: the engine groups customers by campaign, period of entry and period."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from engagement_ml.features.daily_totals import daily_transactions, entities
from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.periods import Periods
from engagement_ml.scorecard.segments.groups import Groups
from engagement_ml.scorecard.segments.levels import UNKNOWN

Member = tuple[str, int]
"""Campaign (empty without campaigns), and place of the period of entry."""
Cell = tuple[str, int, int]
"""Campaign, place of the period of entry, and place of the period."""
_KEYS = ("campaign_", "cohort_", "period")


@dataclass
class CohortTotals:
    """Totals of the customers in each cell.

    Attributes
    ----------
    sizes : mapping of Member to int
        Customers who entered.
    retained : mapping of Cell to int
        Customers with an order in the period or, if churn is an event, still there at its end.
    margin : mapping of Cell to int
        In millionths.
    score : mapping of Cell to int
        Sum of scores, in millionths, on the last scored day of the period.
    scored : mapping of Cell to int
        Customers with a score on that day.
    early : int
        Customers × periods with transactions before the period of entry; they are left out.
    """

    sizes: dict[Member, int] = field(default_factory=dict)
    retained: dict[Cell, int] = field(default_factory=dict)
    margin: dict[Cell, int] = field(default_factory=dict)
    score: dict[Cell, int] = field(default_factory=dict)
    scored: dict[Cell, int] = field(default_factory=dict)
    early: int = 0


def cohort_entries(
    context: MeasureContext, periods: Periods, groups: Groups | None
) -> nw.LazyFrame[Any]:
    """Return ``customer_id``, ``campaign_``, ``cohort_`` (null if not in the periods), days."""
    frame = entities(context.tables, context.config).select(
        "customer_id", entry_=nw.col("entry").dt.date(), exit_=nw.col("exit").dt.date()
    )
    calendar = periods.calendar(context.engine).select(entry_="day", cohort_="period")
    frame = frame.join(calendar, on="entry_", how="left")
    if groups is None or groups.campaign is None:
        frame = frame.with_columns(campaign_=nw.lit(""))
    else:
        campaigns = groups.frame.select("customer_id", campaign_=nw.col(groups.campaign))
        frame = frame.join(campaigns, on="customer_id", how="left")
        frame = frame.with_columns(nw.col("campaign_").fill_null(UNKNOWN))
    return context.engine.persist(
        frame.select("customer_id", "campaign_", "cohort_", "entry_", "exit_")
    )


def cohort_totals(
    context: MeasureContext, periods: Periods, entries: nw.LazyFrame[Any]
) -> CohortTotals:
    """Return the totals of the customers of ``cohort_entries``, by cell."""
    found = CohortTotals()
    inside = entries.filter(~nw.col("cohort_").is_null())
    sized = inside.group_by(*_KEYS[:2]).agg(nw.len().alias("n_"))
    for row in context.engine.rows(sized, source="customers"):
        found.sizes[row["campaign_"], row["cohort_"]] = row["n_"]
    _add_transactions(context, periods, inside, found)
    if context.config.churn.event_type is not None:
        found.retained = _there(context, periods, inside, found.sizes)
    if context.scores is not None:
        _add_scores(context, periods, inside, found)
    return found


def _add_transactions(
    context: MeasureContext, periods: Periods, entries: nw.LazyFrame[Any], found: CohortTotals
) -> None:
    calendar = periods.calendar(context.engine).select("day", "period")
    by_customer = (
        daily_transactions(context.tables)
        .join(calendar, on="day", how="inner")
        .group_by("customer_id", "period")
        .agg(margin_=(nw.col("gain") - nw.col("loss")).sum(), orders_=nw.col("orders").sum())
    )
    bought = nw.when(nw.col("orders_") > 0).then(nw.lit(1)).otherwise(nw.lit(0))
    grouped = (
        by_customer.join(entries, on="customer_id", how="inner")
        .with_columns(bought_=bought)
        .group_by(*_KEYS)
        .agg(nw.col("margin_").sum(), nw.col("bought_").sum(), nw.len().alias("n_"))
    )
    for row in context.engine.rows(grouped, source="transactions"):
        cell = _cell(row)
        if cell[2] < cell[1]:
            found.early += int(row["n_"])
        else:
            found.margin[cell] = int(row["margin_"])
            found.retained[cell] = int(row["bought_"])


def _there(
    context: MeasureContext,
    periods: Periods,
    entries: nw.LazyFrame[Any],
    sizes: Mapping[Member, int],
) -> dict[Cell, int]:
    """Return how many are still there at the end of each period, if churn is an event."""
    calendar = periods.calendar(context.engine).select(exit_="day", period="period")
    # A churn event before the first period, earlier than the sign-up, counts from the start.
    gone = entries.filter(nw.col("exit_") < periods.span.end)
    lost = (
        gone.join(calendar, on="exit_", how="left")
        .with_columns(nw.col("period").fill_null(0))
        .group_by(*_KEYS)
        .agg(nw.len().alias("n_"))
    )
    losses: dict[Cell, int] = defaultdict(int)
    for row in context.engine.rows(lost, source="events"):
        campaign, cohort, period = _cell(row)
        losses[campaign, cohort, max(period, cohort)] += int(row["n_"])
    made: dict[Cell, int] = {}
    for (campaign, cohort), size in sizes.items():
        left = size
        for period in range(cohort, len(periods.each)):
            left -= losses[campaign, cohort, period]
            made[campaign, cohort, period] = left
    return made


def _add_scores(
    context: MeasureContext, periods: Periods, entries: nw.LazyFrame[Any], found: CohortTotals
) -> None:
    """Add the scores on the last scored day of each period."""
    assert context.scores is not None
    scores = context.scores
    rows = context.engine.rows(scores.select("day").unique(), source="scores")
    last: dict[int, dt.date] = {}
    for day in sorted(row["day"] for row in rows):
        for place, period in enumerate(periods.each):
            if period.start <= day < period.end:
                last[place] = day
    if not last:
        return
    days = context.engine.small({"day": list(last.values()), "period": list(last)})
    grouped = (
        scores.filter(~nw.col("score").is_null())
        .join(days, on="day", how="inner")
        .join(entries, on="customer_id", how="inner")
        .with_columns(micro_=(nw.col("score") * MICRO).round(0).cast(nw.Int64))
        .group_by(*_KEYS)
        .agg(nw.col("micro_").sum(), nw.len().alias("n_"))
    )
    for row in context.engine.rows(grouped, source="scores"):
        found.score[_cell(row)] = int(row["micro_"])
        found.scored[_cell(row)] = int(row["n_"])


def _cell(row: Mapping[str, Any]) -> Cell:
    return str(row["campaign_"]), int(row["cohort_"]), int(row["period"])
