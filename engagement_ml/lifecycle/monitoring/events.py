"""All checks of events: volumes, event types, logging, shapes, with one error rate for all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

from engagement_ml.lifecycle.monitoring.event_types import event_type_rows
from engagement_ml.lifecycle.monitoring.forecasts import VolumeForecast
from engagement_ml.lifecycle.monitoring.logging_faults import LoggingShares, logging_rows
from engagement_ml.lifecycle.monitoring.rows import RATE_SHARES, CheckResult, MonitorRow
from engagement_ml.lifecycle.monitoring.shapes import WindowShapes, shape_rows
from engagement_ml.lifecycle.monitoring.volumes import check_volumes
from engagement_ml.lifecycle.monitoring.weekly import WeeklyTotals

VOLUME_SHARE = 0.8
"""Share of the error rate of events that volumes spend; event types that vanish spend the rest."""
CHART_WEEKS = 52


def check_events(
    totals: WeeklyTotals,
    logged: LoggingShares,
    shapes: WindowShapes | None,
    rate: float,
    *,
    smallest_change: float = 0.25,
    holidays: Mapping[str, Collection[dt.date]] | None = None,
    known: Collection[str] | None = None,
    new_counts: Mapping[str, int] | None = None,
) -> CheckResult:
    """Check the last week of events.

    Parameters
    ----------
    totals : WeeklyTotals
    logged : LoggingShares
    shapes : WindowShapes or None
        None if the metric abstained.
    rate : float
        False alarm rate of a whole run; `RATE_SHARES` says what is spent here.
    smallest_change, holidays
        See `check_volumes`.
    known, new_counts
        See `event_type_rows`.

    Returns
    -------
    CheckResult
        Its details have ``volumes``: counts and expected counts of the last year's weeks.
    """
    share = rate * RATE_SHARES["events"]
    types = event_type_rows(totals, share * (1 - VOLUME_SHARE), known=known, new_counts=new_counts)
    volumes, forecast = check_volumes(
        totals, share * VOLUME_SHARE, smallest_change=smallest_change, holidays=holidays
    )
    rows: list[MonitorRow] = [*types, *volumes, *logging_rows(logged)]
    notes = []
    if shapes is None:
        notes.append("The metric abstained, so there is no score whose distribution to compare.")
    elif not shapes.customers:
        notes.append("The history is shorter than the observation window; no shape is compared.")
    else:
        rows += shape_rows(shapes, rate * RATE_SHARES["shapes"])
    return CheckResult(tuple(rows), tuple(notes), {"volumes": _history(totals, forecast)})


def _history(totals: WeeklyTotals, forecast: VolumeForecast) -> dict[str, object]:
    """Return the counts of the last weeks and what was expected, as plain JSON types."""
    weeks = slice(-CHART_WEEKS, None)
    series = {
        subject: {
            "events": [int(value) for value in forecast.counts[weeks, place]],
            "expected": [
                round(float(value), 1) if value == value else None  # noqa: PLR0124  # NaN
                for value in forecast.expected[weeks, place]
            ],
        }
        for place, subject in enumerate(forecast.subjects)
    }
    return {"weeks": [start.isoformat() for start in totals.starts[weeks]], "series": series}
