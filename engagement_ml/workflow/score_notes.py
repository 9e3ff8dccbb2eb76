"""How old the events of a score are, and which of them do not count."""

from __future__ import annotations

import datetime as dt

from engagement_ml.config import HistoryConfig
from engagement_ml.formatting import quantity
from engagement_ml.inputs.scoring_reader import ScoringTable
from engagement_ml.tables.day_limits import FAR
from engagement_ml.windows import DAY
from engagement_ml.yaml_line import yaml_line


def last_event(
    events: ScoringTable, as_of: dt.datetime | None, history: HistoryConfig
) -> tuple[dt.date, tuple[str, ...]]:
    """Return the last day with events, and notes for people.

    Parameters
    ----------
    events : ScoringTable
    as_of : datetime or None
        The moment that is asked for; None if scores are as of the day after the last event.
    history : HistoryConfig

    Returns
    -------
    day : date
        A few events far after all others do not count, unless ``drop_distant`` is off.
    notes : tuple of str
        What was dropped, events that do not count, and a warning if the events are old.
    """
    quality, dense = events.quality, events.dense
    assert quality.last is not None
    assert dense is not None
    last, notes = dense.last, [n for n in quality.notes if n not in quality.usual_notes]
    if not history.drop_distant:
        last = quality.last.date()
    elif dense.after and as_of is None:
        notes.append(
            f"{quantity(dense.after, 'event')} after {last}, {FAR}, "
            f"{'does' if dense.after == 1 else 'do'} not count: scores are as of {last + DAY}; "
            "give another date with as_of (--as-of)"
        )
    # Scores as of a day need the events of the day before.
    day = dt.datetime.now(dt.UTC).date() if as_of is None else as_of.date()
    age = (day - DAY - last).days
    if age >= max(history.stale_days, 1):
        needed = (
            f"{quantity(age + 1, 'day')} ago, and the scores are as of {last + DAY}"
            if as_of is None
            else f"{quantity(age, 'day')} before those that scores as of {day} need"
        )
        notes.append(
            f"the events are old: the last one is of {last}, {needed}; check the export, or raise "
            f"'{yaml_line('history', {'stale_days': history.stale_days})}'"
        )
    return last, tuple(notes)
