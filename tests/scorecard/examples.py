"""Values, cards and verdicts by hand, for tests of the scorecard."""

from __future__ import annotations

import datetime as dt
from typing import Any

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.measures.periods import Period, Periods
from engagement_ml.scorecard.card import MeasureCard, Value
from engagement_ml.scorecard.links import Verdicts
from engagement_ml.windows import Window


def row(name: str, verdict: str, effect: float | None = None, **others: Any) -> DriverRow:
    """A row of drivers.csv."""
    low, high = (None, None) if effect is None else (effect - 1.0, effect + 1.0)
    return DriverRow(
        name, verdict, verdict == "driver", 1, 0.5, effect, low, high, 1.0, None,
        f"made up as {verdict}", **others,
    )  # fmt: skip


def verdicts(**of: str) -> Verdicts:
    """Verdicts by event type; 10 events of each."""
    effects = {"driver": 4.0, "harmful": -8.0}
    rows = {name: row(name, verdict, effects.get(verdict)) for name, verdict in of.items()}
    return Verdicts(rows, events=dict.fromkeys(of, 10))


def months(first: dt.date = dt.date(2024, 1, 1), until: dt.date = dt.date(2024, 7, 1)) -> Any:
    """Complete months."""
    return Periods.within(Window(first, until), "month", at_most=24)


def card(name: str = "retention", series: dict[str, Any] | None = None, **others: Any) -> Any:
    """A card whose series has a number, or a Value, for each period."""
    values = {k: v if isinstance(v, Value) else around(v) for k, v in (series or {}).items()}
    latest = list(values.values())[-1] if values else Value()
    given = {"title": name.title(), "unit": "percent", "better": "more", "latest": latest}
    return MeasureCard(name=name, series=values, **{**given, **others})


def around(value: float | None, half: float = 1.0) -> Value:
    """A value with a symmetric interval, of 100 people."""
    if value is None:
        return Value(note="no data")
    return Value(value, value - half, value + half, 100)


def period(label: str, start: dt.date, end: dt.date) -> Period:
    """A period by hand."""
    return Period(start, end, label)
