"""Sums of teams by period: answers of their people, answers and margin of their customers."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from engagement_ml.inputs import Tables
from engagement_ml.inputs.links import ACTORS, SINCE, UNTIL, merged_spans
from engagement_ml.measures.periods import Periods
from engagement_ml.scorecard.teams import MARGIN, NPS, TeamCell
from engagement_ml.tables.ids import ACTOR

TEAM = "team"
_KEYS = (TEAM, "period")


def team_cells(tables: Tables, periods: Periods) -> list[TeamCell]:
    """Return the sums of each team, period and measure; empty without teams.

    A customer is a team's while a member serves it. Answers of one person in a period are averaged
    first, and margin is summed by customer, so that people are what intervals count.
    """
    links = tables.links
    if links is None or links.teams is None or links.level == ACTORS:
        return []
    of_teams = links.spans.join(links.teams, on=ACTOR, how="inner")
    spans = tables.engine.persist(merged_spans(of_teams, TEAM, "customer_id"))
    calendar = periods.calendar(tables.engine).select("day", "period")
    cells = []
    if tables.surveys is not None:
        cells += _answers(tables, links.teams, spans, calendar, periods)
    return [*cells, *_margins(tables, spans, calendar, periods)]


def _answers(
    tables: Tables,
    teams: nw.LazyFrame[Any],
    spans: nw.LazyFrame[Any],
    calendar: nw.LazyFrame[Any],
    periods: Periods,
) -> list[TeamCell]:
    surveys = tables.surveys
    assert surveys is not None
    score = nw.col("score")
    nps = (
        nw.when(score >= 9)
        .then(nw.lit(100.0))
        .otherwise(nw.when(score <= 6).then(nw.lit(-100.0)).otherwise(nw.lit(0.0)))
    )
    answers = (
        surveys.filter(~score.is_null(), ~nw.col("timestamp").is_null())
        .with_columns(
            day=nw.col("timestamp").dt.date(),
            score_=nw.when(nw.col("survey") == NPS).then(nps).otherwise(score),
        )
        .join(calendar, on="day", how="inner")
    )
    own = answers.join(
        teams.select(nw.col(ACTOR).alias("customer_id"), TEAM), on="customer_id", how="inner"
    )
    found = _cells(tables, periods, own, "survey", "score_", mean=True, own=True)
    served = _served(tables, answers.filter(nw.col("survey") == NPS), spans)
    return [*found, *_cells(tables, periods, served, "survey", "score_", mean=True, own=False)]


def _margins(
    tables: Tables,
    spans: nw.LazyFrame[Any],
    calendar: nw.LazyFrame[Any],
    periods: Periods,
) -> list[TeamCell]:
    """Return margin per customer whom a team served in a period; 0 without a transaction."""
    paid = tables.transactions.with_columns(day=nw.col("timestamp").dt.date()).join(
        calendar, on="day", how="inner"
    )
    bought = _served(tables, paid, spans).select(
        TEAM, "customer_id", "period", nw.col("margin").alias("amount_")
    )
    present = _present(tables, spans, periods)
    rows = nw.concat([bought, present]).with_columns(of=nw.lit(MARGIN))
    return _cells(tables, periods, rows, "of", "amount_", mean=False, own=False)


def _present(tables: Tables, spans: nw.LazyFrame[Any], periods: Periods) -> nw.LazyFrame[Any]:
    """Return a row with no margin for each customer whom a team serves at all in a period."""
    starts = tables.engine.small(
        {
            "period": list(range(len(periods.each))),
            "begin": [_micros(period.start) for period in periods.each],
            "stop": [_micros(period.end) for period in periods.each],
        }
    )
    seen = tables.transactions.select("customer_id").unique()
    known = spans.join(seen, on="customer_id", how="semi")
    crossed = known.join(starts, how="cross").filter(
        nw.col(SINCE) < nw.col("stop"), nw.col("begin") < nw.col(UNTIL)
    )
    return (
        crossed.select(TEAM, "customer_id", "period")
        .unique()
        .with_columns(amount_=nw.lit(0.0))
        .select(TEAM, "customer_id", nw.col("period").cast(nw.Int64), "amount_")
    )


def _micros(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * 86_400_000_000


def _served(tables: Tables, rows: nw.LazyFrame[Any], spans: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return rows of customers once for each team that serves the customer at their moment."""
    moments = tables.engine.micros(rows.with_columns(at_=nw.col("timestamp")), "at_")
    inside = (nw.col(SINCE) <= nw.col("at_")) & (nw.col("at_") < nw.col(UNTIL))
    return moments.join(spans, on="customer_id", how="inner").filter(inside).drop(SINCE, UNTIL)


def _cells(
    tables: Tables,
    periods: Periods,
    rows: nw.LazyFrame[Any],
    of: str,
    amount: str,
    *,
    mean: bool,
    own: bool,
) -> list[TeamCell]:
    """Add up the people of each team and period."""
    each = nw.col(amount).mean() if mean else nw.col(amount).sum()
    people = rows.group_by(*_KEYS, of, "customer_id").agg(each.alias("x_"))
    sums = people.with_columns(square_=nw.col("x_") * nw.col("x_")).group_by(*_KEYS, of)
    counted = sums.agg(
        nw.len().alias("n_"), nw.col("x_").sum().alias("sum_"), nw.col("square_").sum()
    )
    return [
        TeamCell(
            str(row[TEAM]),
            periods.each[int(row["period"])].label,
            str(row[of]),
            own,
            int(row["n_"]),
            float(row["sum_"]),
            float(row["square_"]),
        )
        for row in tables.engine.rows(counted, source="teams")
    ]
