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
        each_week = context.engine.small(
            {
                "first": [first for first, _ in weeks],
                "end": [end for _, end in weeks],
                "day": [_last_day(context, end) for _, end in weeks],
            }
        )
        on_board = present.join(each_week, how="cross").filter(whole)
        by_period = on_board.group_by("customer_id", "day").agg(
            nw.len().cast(nw.Int64).alias("weeks")
        )
        return nw.concat(
            [used, by_period.select("customer_id", "day", used=_ZERO, weeks=nw.col("weeks"))]
        )

    columns = {"used": nw.col("used").sum(), "weeks": nw.col("weeks").sum()}
    return Rows(key, lambda: kept(context, key, make), columns)


def _last_day(context: MeasureContext, day: dt.date) -> dt.date:
    """Return the last day of the period of a day."""
    return next(p.end - DAY for p in context.periods.each if p.start <= day < p.end)


def _days_of(
    context: MeasureContext, weeks: Sequence[tuple[dt.date, dt.date]]
) -> nw.LazyFrame[Any]:
    """Return the days of weeks with the first and the last day of their week."""
    days = [(first + offset * DAY, first, end) for first, end in weeks for offset in range(7)]
    return context.engine.small(
        {name: [day[i] for day in days] for i, name in enumerate(("day", "first", "end"))}
    )


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
