"""Event types that vanished, and event types that training did not know."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.formatting import number, percent, quantity
from engagement_ml.lifecycle.monitoring.rows import MonitorRow, Status
from engagement_ml.lifecycle.monitoring.weekly import WeeklyTotals

KIND = "event_type"
USUAL_WEEKS = 13
"""Weeks before the silence from which the usual number of events is taken."""
ALARM_WEEKS = 8
"""A type that has been silent for longer is a warning: the alarm was given."""
REGULAR_GAPS = 4
"""Gaps of the past after which twice the longest of them is a silence, whatever its probability."""
NEW_EVENTS = 10
NEW_SHARE = 0.2
"""New types with this share of the week's events are an alarm: something was renamed."""
SHOWN = 10


def event_type_rows(
    totals: WeeklyTotals,
    rate: float,
    *,
    known: Collection[str] | None = None,
    new_counts: Mapping[str, int] | None = None,
) -> list[MonitorRow]:
    """Find event types without events, and new ones.

    Parameters
    ----------
    totals : WeeklyTotals
    rate : float
        Probability of any false alarm on a type that vanished.
    known : collection of str, optional
        The event types of training. Types that it had and that never occur are a warning.
    new_counts : mapping of str to int, optional
        Events in the last week of each type that training did not know.

    Returns
    -------
    list of MonitorRow
        Only types without events in the last week, and new types.
    """
    counts = totals.events.sum(axis=1)
    n_types, period = len(totals.event_types), totals.starts[-1]
    rows = [
        row
        for place, name in enumerate(totals.event_types)
        if (row := _silent(name, counts[:, place], rate / max(n_types, 1), period)) is not None
    ]
    rows += [
        MonitorRow(KIND, name, period, 0.0, None, None, None, "warning",
                   "Training knew this event type; the history here has no event of it.")
        for name in sorted(set(known or ()) - set(totals.event_types))
    ]  # fmt: skip
    return rows + _new(new_counts or {}, float(counts[-1].sum()), period)


def _silent(name: str, counts: FloatArray, rate: float, period: dt.date) -> MonitorRow | None:
    """Return a row if a type has no events in the last week."""
    there = np.flatnonzero(counts > 0)
    if not there.size or there[-1] == len(counts) - 1:
        return None
    silence = len(counts) - 1 - int(there[-1])
    before = counts[int(there[0]) : int(there[-1]) + 1]
    usual = before[-USUAL_WEEKS:]
    gaps = _gaps(before)
    probability = _of_zero(before) ** silence
    longest = max(gaps, default=0)
    regular = len(gaps) >= REGULAR_GAPS and silence > 2 * longest
    gone = regular or (probability < rate and silence > longest)
    status: Status = "ok"
    if gone:
        status = "alarm" if silence <= ALARM_WEEKS else "warning"
    text = f"No event for {quantity(silence, 'week')}; usual are {number(usual.mean(), 1)} a week"
    text += "." if gone else ", so this happens by chance."
    expected = float(usual.mean())
    return MonitorRow(KIND, name, period, 0.0, expected, 1.0 if gone else 0.0, None, status, text)


def _gaps(counts: FloatArray) -> list[int]:
    """Return the lengths of the runs of weeks without events."""
    gaps, run = [], 0
    for value in counts:
        if value > 0:
            gaps += [run] if run else []
            run = 0
        else:
            run += 1
    return gaps


def _of_zero(counts: FloatArray) -> float:
    """Return the probability of a week without events: negative binomial, or as often as it was."""
    recent = counts[-USUAL_WEEKS:]
    mean = float(recent.mean())
    extra = float(np.clip(recent.var() / max(mean, 1e-9) ** 2 - 1 / max(mean, 1e-9), 0.01, 4.0))
    by_model = float((1 + mean * extra) ** (-1 / extra))
    zeros = float((counts == 0).sum())
    return max(by_model, (zeros + 1) / (len(counts) + 1) if zeros else 0.0)


def _new(counts: Mapping[str, int], week: float, period: dt.date) -> list[MonitorRow]:
    """Return a row per new type, and an alarm if they have much of the week's events."""
    chosen = sorted((n, name) for name, n in counts.items() if n >= NEW_EVENTS)[::-1]
    rows = [
        MonitorRow(KIND, name, period, float(n), 0.0, None, None, "warning",
                   f"Training did not know this event type; it has {quantity(n, 'event')} in the "
                   "last week. Train again if it is a behaviour.")
        for n, name in chosen[:SHOWN]
    ]  # fmt: skip
    total = sum(counts.values())
    if week and total > NEW_SHARE * week and total >= NEW_EVENTS:
        rows.append(
            MonitorRow(KIND, "new event types", period, total / week, 0.0, None, NEW_SHARE, "alarm",
                       f"{percent(total / week)} of the last week's events are of types that "
                       "training did not know; types may have been renamed.")
        )  # fmt: skip
    return rows
