"""Touches by channel or campaign as behaviours, for effects within customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from engagement_ml.attribution.touches import OTHERS, touch_types
from engagement_ml.config import AttributionConfig, PipelineConfig
from engagement_ml.drivers import period_days
from engagement_ml.features import Periods, build_periods
from engagement_ml.features.daily_totals import daily_events
from engagement_ml.inputs import Tables
from engagement_ml.windows import Windows

MOST_BEHAVIOURS = 12
"""Touchpoints that are behaviours of their own; each costs time, and stronger evidence of all."""


@dataclass(frozen=True)
class TouchPeriods:
    """The period panel in which touches are behaviours by touchpoint.

    Events that are no touches, or name no touchpoint, keep their event type: they are adjusted for.

    Attributes
    ----------
    periods : Periods
    behaviours : dict of str to str
        The behaviour of each touchpoint.
    """

    periods: Periods
    behaviours: dict[str, str]


def build_touch_periods(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    touchpoints: Sequence[str],
    n_touches: Sequence[int],
) -> TouchPeriods:
    """Build the period panel with touchpoints as behaviours, the rarer ones as one.

    Parameters
    ----------
    tables, config, windows
        Of the run; `tables` are its sample.
    touchpoints, n_touches : sequence
        Names, and touches of each.
    """
    settings = config.attribution or AttributionConfig()
    column = settings.touchpoint
    order = sorted(zip(touchpoints, n_touches, strict=True), key=lambda each: (-each[1], each[0]))
    own = [name for name, _ in order if name != OTHERS][:MOST_BEHAVIOURS]
    named = {name: f"{column}: {name}" for name in own}
    others = f"{column}: {OTHERS}"
    types = [name for name in touch_types(tables, config) if name != config.churn.event_type]
    names = tables.engine.small({"touchpoint_": list(named), "behaviour_": list(named.values())})
    present = ~nw.col(column).is_null() & (nw.col(column) != "")
    is_touch = present & nw.col("event_type").is_in(types)
    events = (
        tables.events.with_columns(touchpoint_=nw.when(is_touch).then(nw.col(column)))
        .join(names, on="touchpoint_", how="left")
        .with_columns(
            event_type=nw.when(nw.col("touchpoint_").is_null())
            .then(nw.col("event_type"))
            .otherwise(nw.col("behaviour_").fill_null(others))
        )
        .drop("touchpoint_", "behaviour_")
    )
    relabelled = _with_events(tables, config, events, f"touches by {column} {sorted(types)}")
    days = period_days(config.windows)
    periods = build_periods(relabelled, config, until=windows.fit_until, period_days=days)
    return TouchPeriods(periods, named)


def _with_events(
    tables: Tables, config: PipelineConfig, events: nw.LazyFrame[Any], key: str
) -> Tables:
    """Return the tables with other events, under a key of their own in the engine's cache."""
    changed = replace(
        tables,
        events=events,
        ledger=None,
        partitions=(),
        sessions=None,
        sample_key=f"{tables.sample_key} {key}",
    )
    counted = daily_events(changed).group_by("event_type").agg(n=nw.col("n").sum().cast(nw.Int64))
    rows = tables.engine.rows(counted, source="events")
    counts = {str(row["event_type"]): int(row["n"]) for row in rows}
    touched = set(counts) - set(tables.event_counts)
    behaviours = sorted(touched | set(tables.behaviours) & set(counts))
    return replace(changed, event_counts=counts, behaviours=tuple(behaviours))
