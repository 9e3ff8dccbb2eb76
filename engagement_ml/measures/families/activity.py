"""Measures of activity: how many customers are active, how often, and how often they log in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import narwhals as nw

from engagement_ml._typing import FloatArray
from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.features.daily_totals import entities
from engagement_ml.measures.context import TOUCHPOINT, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import TotalsFunction, divide, share
from engagement_ml.measures.rows.activity import WEIGHT, active_spans, span_ends
from engagement_ml.measures.rows.occurrences import kept, occurrences
from engagement_ml.windows import DAY

ACTIVE = (
    "Activity is what the customer does: no event with `direction` outbound, no type with "
    "`role: ignore`, not the churn event; without a column `direction`, types such as "
    "`email_sent` do not count either. `event` names the types that count instead. Days are UTC."
)
LOGINS = ("login", "log_in", "logged_in", "portal_login", "user_login")
_ONE, _ZERO = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)
MakeRows = Callable[[MeasureContext, MeasureConfig], Rows]


def _first(sums: FloatArray) -> FloatArray:
    total: FloatArray = sums[..., 0]
    return total


def _mean_active() -> TotalsFunction:
    return TotalsFunction(
        ("active", "on_board"),
        _first,
        scale=1 / WEIGHT,
        bounds=(0.0, float("inf")),
    )


def _spans(context: MeasureContext, settings: MeasureConfig, **columns: str) -> Rows:
    """Return rows that sum the weights of active days, weeks or months, by column of the kind."""
    names = None if settings.event is None else context.event_types(settings.event, "event")
    key, frame, touched = active_spans(context, names)
    sums = {name: nw.col(weight).sum() for name, weight in columns.items()}
    splits = {} if touched is None else {TOUCHPOINT: lambda: touched}
    return Rows(key, lambda: frame, sums, on_board="active" in columns, splits=splits)


def _active_rows(weight: str) -> MakeRows:
    return lambda context, settings: _spans(context, settings, active=weight)


def _stickiness_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    return _spans(context, settings, daily="day_", monthly="month_")


def _login_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    logins = occurrences(context, settings.event, "event")
    key = f"weeks with a log-in {logins.names}"

    def make() -> nw.LazyFrame[Any]:
        weeks = list(span_ends(context, "week"))
        present = entities(context.tables, context.config).select(
            "customer_id", entry=nw.col("entry").dt.date(), exit=nw.col("exit").dt.date()
        )
        whole = (nw.col("entry") <= nw.col("first")) & (
            nw.col("exit").is_null() | (nw.col("exit") > nw.col("end"))
        )
        columns = ("customer_id", nw.col("end").alias("day"))
        used = (
            logins.frame.join(_days_of(context, weeks), on="day", how="inner")
            .join(present, on="customer_id", how="inner")
            .filter(whole)
            .group_by("customer_id", "end")
            .agg(nw.len().alias("n"))
            .select(*columns, used=_ONE, weeks=_ZERO)
        )
        on_board = _weeks_on_board(context, present, weeks)
        return nw.concat(
            [used, on_board.select("customer_id", "day", used=_ZERO, weeks=nw.col("weeks"))]
        )

    columns = {"used": nw.col("used").sum(), "weeks": nw.col("weeks").sum()}
    return Rows(key, lambda: kept(context, key, make), columns)


def _days_of(
    context: MeasureContext, weeks: Sequence[tuple[dt.date, dt.date]]
) -> nw.LazyFrame[Any]:
    """Return the days of weeks with the first and the last day of their week."""
    days = [(first + offset * DAY, first, end) for first, end in weeks for offset in range(7)]
    return context.engine.small(
        {name: [day[i] for day in days] for i, name in enumerate(("day", "first", "end"))}
    )


def _weeks_on_board(
    context: MeasureContext, present: nw.LazyFrame[Any], weeks: Sequence[tuple[dt.date, dt.date]]
) -> nw.LazyFrame[Any]:
    """Return how many weeks of each period customers were there from the first to the last day.

    A row for each customer and period is far fewer rows than one for each week.
    """
    n, first = len(weeks), weeks[0][0]
    days = [first + i * DAY for i in range((weeks[-1][1] - first).days + 1)]
    begun = [sum(1 for start, _ in weeks if start < day) for day in days]
    over = [sum(1 for _, end in weeks if end < day) for day in days]
    rows = []
    for period in context.periods.each:
        inside = [i for i, (_, end) in enumerate(weeks) if period.start <= end < period.end]
        rows += [(period.start, inside[0], inside[-1] + 1)] if inside else []
    names = ("day", "period_from", "period_to")
    periods = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    small = context.engine.small
    entry, left = nw.col("entry"), nw.col("exit")
    since = nw.when(entry <= first).then(nw.lit(0)).otherwise(nw.col("begun").fill_null(n))
    until = nw.when(left <= first).then(nw.lit(0)).otherwise(nw.col("over").fill_null(n))
    spans = (
        present.join(small({"entry": days, "begun": begun}), on="entry", how="left")
        .join(small({"exit": days, "over": over}), on="exit", how="left")
        .with_columns(since=since, until=until)
        .join(small(periods), how="cross")
    )
    weeks_there = nw.min_horizontal("until", "period_to") - nw.max_horizontal(
        "since", "period_from"
    )
    counted = spans.with_columns(weeks=weeks_there.cast(nw.Int64))
    return counted.filter(nw.col("weeks") > 0)


FAMILY = (
    MeasureDefinition(
        name="dau",
        title="Daily active customers",
        kind=_mean_active(),
        unit="count",
        better="more",
        formula="distinct customers active on a day, mean over the days of the period",
        needs="events",
        rows=_active_rows("day_"),
        edge_cases=ACTIVE,
        keys=("event",),
    ),
    MeasureDefinition(
        name="wau",
        title="Weekly active customers",
        kind=_mean_active(),
        unit="count",
        better="more",
        formula="distinct customers active in a week (Monday to Sunday), mean over the weeks that "
        "end in the period",
        needs="events",
        rows=_active_rows("week_"),
        edge_cases="Activity as for `dau`. A week that begins before the history is left out.",
        keys=("event",),
    ),
    MeasureDefinition(
        name="mau",
        title="Monthly active customers",
        kind=_mean_active(),
        unit="count",
        better="more",
        formula="distinct customers active in a calendar month, mean over the months that end in "
        "the period; if periods are weeks, active in the 28 days that end with the week",
        needs="events",
        rows=_active_rows("month_"),
        edge_cases="Activity as for `dau`. A month that begins before the history is left out.",
        keys=("event",),
    ),
    MeasureDefinition(
        name="stickiness",
        title="Stickiness",
        kind=TotalsFunction(("daily", "monthly"), divide, scale=100.0, bounds=(0.0, 100.0)),
        unit="percent",
        better="more",
        formula="`dau` / `mau`",
        needs="events",
        rows=_stickiness_rows,
        edge_cases="Activity as for `dau`.",
        keys=("event",),
    ),
    MeasureDefinition(
        name="login_frequency",
        title="Weekly log-ins",
        kind=share("used", "weeks"),
        unit="percent",
        better="more",
        formula="weeks of customers with a log-in / weeks of customers on board",
        needs="events of log-ins",
        rows=_login_rows,
        edge_cases="Weeks run from Monday to Sunday and count in the period in which they end. A "
        "week counts if the customer was on board from its first to its last day.",
        keys=("event",),
        defaults={"event": LOGINS},
    ),
)
