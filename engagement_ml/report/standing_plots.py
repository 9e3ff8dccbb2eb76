"""The charts of how customers score: a histogram, and series over the cutoff dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from engagement_ml.formatting import MONTHS, number
from engagement_ml.report.plots import Chart, upwards
from engagement_ml.report.svg import Scale, Tick, dot, drawing, element, polyline, shortest

_HEIGHT = "11rem"
_MOST_DATES = 4
Point = tuple[str, float, float | None, float | None]
"""Date as ISO 8601, value and interval."""


def histogram(bins: Sequence[int], *, label: str, y_label: str) -> Chart:
    """Return customers by score: a bar of those at exactly 0, then one for each ten points."""
    total = max(sum(bins), 1)
    shares = [100 * n / total for n in bins]
    y = Scale.over(shares)
    step = 100 / len(bins)
    bars = [
        element(
            "rect",
            x=shortest(place * step + 0.12 * step),
            width=shortest(0.76 * step),
            y=shortest(100 - y.percent(share)),
            height=shortest(y.percent(share)),
            class_="zero-bar" if place == 0 else "score-bar",
        )
        for place, share in enumerate(shares)
    ]
    ticks = [Tick(f"{shortest(step / 2)}%", "exactly 0")]
    ticks += [
        Tick(f"{shortest((place + 1) * step)}%", number(10 * place)) for place in (2, 4, 6, 8, 10)
    ]
    return Chart(
        svg=drawing(label, *bars, class_="plot", stretched=True),
        x_ticks=(*ticks[:-1], Tick("98.5%", "100")),
        y_ticks=upwards(y.ticks(lambda value, _: f"{number(value)}%", 4)),
        x_label="score",
        y_label=y_label,
        height=_HEIGHT,
    )


def series(
    points: Sequence[Point],
    *,
    label: str,
    y_label: str,
    write: Callable[[float, int], str],
    zero: bool = False,
) -> Chart | None:
    """Return values over dates with a band for their intervals; None with fewer than two.

    The axis begins at 0 if `zero`, else near the lowest value.
    """
    if len(points) < 2:
        return None
    days = [dt.date.fromisoformat(date).toordinal() for date, *_ in points]
    x = Scale(days[0], days[-1])
    known = [value for _, *values in points for value in values if value is not None]
    y = Scale.over(known, zero=zero, pad=0.25)
    y = Scale(max(y.low, 0.0), y.high) if y.high > y.low else Scale(y.low, y.high + 1)
    at = [x.percent(each) for each in days]
    marks = []
    if all(low is not None and high is not None for _, _, low, high in points):
        upper = [(a, 100 - y.percent(p[3] or 0.0)) for a, p in zip(at, points, strict=True)]
        lower = [(a, 100 - y.percent(p[2] or 0.0)) for a, p in zip(at, points, strict=True)]
        marks.append(element("path", d=polyline([*upper, *lower[::-1]]) + " Z", class_="band"))
    line = [(a, 100 - y.percent(p[1])) for a, p in zip(at, points, strict=True)]
    marks.append(element("path", d=polyline(line), class_="line"))
    marks += [dot(*place, class_="full") for place in line]
    return Chart(
        svg=drawing(label, *marks, class_="plot series", stretched=True),
        x_ticks=_dates(days, x),
        y_ticks=upwards(y.ticks(write, 4)),
        x_label="",
        y_label=y_label,
        height=_HEIGHT,
    )


def _dates(days: Sequence[int], x: Scale) -> tuple[Tick, ...]:
    """Return labels of some dates, always of the last one."""
    every = -(-len(days) // _MOST_DATES)
    shown = [day for place, day in enumerate(days) if (len(days) - 1 - place) % every == 0]
    return tuple(Tick(x.at(day), _short(dt.date.fromordinal(day))) for day in shown)


def _short(date: dt.date) -> str:
    return f"{date.day} {MONTHS[date.month - 1][:3]} {date.year % 100:02d}"
