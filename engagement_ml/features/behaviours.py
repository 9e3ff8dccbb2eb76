"""Per-behaviour features: frequency, recency, trend, regularity and amounts of each event type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw

from engagement_ml.features.daily_totals import daily_events
from engagement_ml.features.family import (
    BY_BEHAVIOUR,
    OBSERVATION,
    Feature,
    FeatureContext,
    FeatureFamily,
)
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.windows import DAY, Window, Windows

BEFORE = "before"

_N = Total("n", "n", "sum", OBSERVATION)
_N_BEFORE = Total("n_before", "n", "sum", BEFORE)
_DAYS = Total("active_days", "days_", "days", OBSERVATION)
_LAST = Total("last", "last", "max", OBSERVATION)
_WEEKS = Total("active_weeks", "days_", "weeks", OBSERVATION)
_VALUE = Total("value", "value", "sum", OBSERVATION)
_DURATION = Total("duration_seconds", "duration_seconds", "sum", OBSERVATION)


def _windows_at(tables: Tables, windows: Windows, cutoff: dt.date) -> Mapping[str, Window]:
    length = windows.observation_days * DAY
    return {
        OBSERVATION: windows.observation(cutoff),
        BEFORE: Window(cutoff - 2 * length, cutoff - length),
    }


def _trend(context: FeatureContext) -> nw.Expr:
    now = context.total(_N).cast(nw.Float64)
    before = context.total(_N_BEFORE).cast(nw.Float64)
    together = now + before
    return nw.when(together > 0).then((now - before) / together).otherwise(nw.lit(0.0))


def _regularity(context: FeatureContext) -> nw.Expr:
    return context.total(_WEEKS).cast(nw.Float64) / (context.windows.observation_days // 7)


FREQUENCY = Feature(
    name="frequency",
    formula="number of events",
    unit="events",
    window="observation window",
    nulls="never null; 0 without events",
    totals=(_N,),
    expression=lambda context: context.total(_N).cast(nw.Float64),
)

FAMILY = FeatureFamily(
    prefix=BY_BEHAVIOUR,
    title="Per behaviour",
    daily=daily_events,
    windows_at=_windows_at,
    footnote=(
        "A behaviour has `value` and `duration_seconds` if any of its events has a value in that "
        "column."
    ),
    features=(
        FREQUENCY,
        Feature(
            name="active_days",
            formula="number of distinct days (UTC) with an event",
            unit="days",
            window="observation window",
            nulls="never null; 0 without events",
            totals=(_DAYS,),
            expression=lambda context: context.total(_DAYS).cast(nw.Float64),
        ),
        Feature(
            name="recency_days",
            formula="cutoff − time of the last event",
            unit="days, with fractions",
            window="observation window",
            nulls="null without events in the window",
            totals=(_LAST,),
            expression=lambda context: context.days_since(context.total(_LAST)),
        ),
        Feature(
            name="trend",
            formula="(n − n before) / (n + n before), 0 if both are 0",
            unit="from −1 (stopped) to 1 (new)",
            window="observation window, and the window of equal length before it",
            nulls="null unless both the history and the customer's entry reach back two windows",
            totals=(_N, _N_BEFORE),
            expression=_trend,
            covered_windows=2,
        ),
        Feature(
            name="regularity",
            formula="share of the whole weeks, counted back from the cutoff, with an event",
            unit="from 0 to 1",
            window="observation window, its whole weeks",
            nulls="null if the window is shorter than a week; 0 without events",
            totals=(_WEEKS,),
            expression=_regularity,
            min_window_days=7,
        ),
        Feature(
            name="value",
            formula="sum of `value`, rounded to millionths; events without a value count as 0",
            unit="as in the events",
            window="observation window",
            nulls="never null; 0 without events",
            totals=(_VALUE,),
            expression=lambda context: context.total(_VALUE).cast(nw.Float64) / 1e6,
            needs="value",
        ),
        Feature(
            name="duration_seconds",
            formula=(
                "sum of `duration_seconds`, rounded to millionths; events without a duration "
                "count as 0"
            ),
            unit="seconds",
            window="observation window",
            nulls="never null; 0 without events",
            totals=(_DURATION,),
            expression=lambda context: context.total(_DURATION).cast(nw.Float64) / 1e6,
            needs="duration_seconds",
        ),
    ),
)
