"""The charts of the report: intervals, bars, response curves, calibration, time windows."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from markupsafe import Markup

from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.formatting import MONTHS
from engagement_ml.report.svg import (
    Scale,
    Tick,
    dot,
    drawing,
    element,
    interval_mark,
    polyline,
    shortest,
)
from engagement_ml.report.view import Estimate
from engagement_ml.windows import Windows

_MOST_ROWS = 40
_MOST_LABELS = 14
_ROW_REM = 1.05
_BEYOND_MEDIAN = 2.5


@dataclass(frozen=True)
class Chart:
    """A drawing with the labels of its axes, which the page writes as text.

    Attributes
    ----------
    svg : Markup
    x_ticks, y_ticks : tuple of Tick
    x_label, y_label : str
    height : str
        As CSS writes it.
    """

    svg: Markup
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_label: str
    y_label: str
    height: str


def interval_scale(estimates: Sequence[Estimate], *, wide: Sequence[bool] = ()) -> Scale:
    """Return the scale of a column of intervals.

    Parameters
    ----------
    estimates : sequence of (value, low, high)
        Each may be None.
    wide : sequence of bool, optional
        Intervals that may extend beyond the scale, so that the others stay readable.
    """
    flags = [*wide, *[False] * (len(estimates) - len(wide))]
    reach = [max((abs(x) for x in e if x is not None), default=0.0) for e in estimates]
    kept = [r for r, may_leave in zip(reach, flags, strict=True) if not may_leave]
    points = [abs(value) for value, _, _ in estimates if value is not None]
    limit = max([*kept, *points, _BEYOND_MEDIAN * median(reach)]) if reach else 0.0
    shown = [min(max(x, -limit), limit) for e in estimates for x in e if x is not None]
    return Scale.over(shown or [1.0])


def interval_cell(scale: Scale, estimate: Estimate, *, tone: str, label: str) -> Markup:
    """Return a table cell's drawing of an estimate with its interval."""
    return drawing(label, interval_mark(scale, *estimate, tone=tone), class_="cell")


def forest_cell(
    scale: Scale, estimate: Estimate, pooled: float | None, *, tone: str, label: str
) -> Markup:
    """Return a table cell's drawing of an estimate with its interval, and a ring at `pooled`."""
    marks = [interval_mark(scale, *estimate, tone=tone)]
    if pooled is not None and 0 <= scale.percent(pooled) <= 100:
        ring = element("circle", cx=scale.at(pooled), cy="50%", r="6.5", class_="pooled")
        marks.append(element("g", ring, class_=f"interval {tone}"))
    return drawing(label, *marks, class_="cell")


def bar_cell(
    share: float,
    *,
    tone: str,
    label: str,
    low: float | None = None,
    high: float | None = None,
) -> Markup:
    """Return a table cell's bar of `share` (0 to 1) of the width, its interval as a line."""
    scale = Scale(0.0, 1.0)
    marks = [
        element(
            "rect", x="0", y="28%", height="44%", width=scale.at(min(max(share, 0.0), 1.0)), rx="2"
        )
    ]
    if low is not None and high is not None:
        marks.append(
            element("line", x1=scale.at(low), x2=scale.at(high), y1="50%", y2="50%", class_="whisk")
        )
    return drawing(label, element("g", *marks, class_=f"bar {tone}"), class_="cell")


def signed_bar_cell(scale: Scale, estimate: Estimate, *, tone: str, label: str) -> Markup:
    """Return a table cell's bar from 0 to an estimate, left or right, its interval as a line."""
    value, *bounds = estimate
    marks = []
    if value is not None:
        start, end = sorted(_inside(scale, x) for x in (0.0, value))
        width = f"{shortest(end - start)}%"
        marks.append(
            element("rect", x=f"{shortest(start)}%", y="28%", height="44%", width=width, rx="2")
        )
    if all(bound is not None for bound in bounds):
        low, high = (f"{shortest(_inside(scale, x))}%" for x in bounds if x is not None)
        marks.append(element("line", x1=low, x2=high, y1="50%", y2="50%", class_="whisk"))
    return drawing(label, element("g", *marks, class_=f"bar {tone}"), class_="cell")


def _inside(scale: Scale, value: float) -> float:
    return min(max(scale.percent(value), 0.0), 100.0)


def response_chart(
    curve: ResponseCurve,
    *,
    tone: str,
    label: str,
    x_label: str,
    y_label: str,
    write_x: Callable[[float, int], str],
    write_y: Callable[[float, int], str],
) -> Chart:
    """Return a response curve with its band, in the colour of `tone`.

    The filled dot marks the typical count, the hollow one that of the busiest 10%, and the dashed
    line the count from which one more event no longer pays.
    """
    x, y = Scale(curve.x[0], curve.x[-1]), Scale.over([*curve.effect, *curve.low, *curve.high])

    def points(values: Sequence[float]) -> list[tuple[float, float]]:
        return [(x.percent(a), 100 - y.percent(b)) for a, b in zip(curve.x, values, strict=True)]

    band = [*points(curve.high), *points(curve.low)[::-1]]
    zero = shortest(100 - y.percent(0.0))
    marks = [
        element("path", d=polyline(band) + " Z", class_="band"),
        element("path", d=f"M0,{zero} H100", class_="zero"),
    ]
    saturation = curve.saturation_point
    if saturation is not None and curve.x[0] <= saturation <= curve.x[-1]:
        marks.append(
            element("path", d=f"M{shortest(x.percent(saturation))},0 V100", class_="limit")
        )
    marks.append(element("path", d=polyline(points(curve.effect)), class_="line"))
    for count, class_ in ((curve.p90, "hollow"), (curve.typical, "full")):
        if curve.x[0] <= count <= curve.x[-1]:
            place = (x.percent(count), 100 - y.percent(effect_at(curve, count)))
            marks.append(dot(*place, class_=class_))
            if class_ == "hollow":
                marks.append(dot(*place, class_="hole"))
    return Chart(
        svg=drawing(label, *marks, class_=f"plot {tone}", stretched=True),
        x_ticks=tuple(x.ticks(write_x, 6)),
        y_ticks=upwards(y.ticks(write_y, 4)),
        x_label=x_label,
        y_label=y_label,
        height="14rem",
    )


def effect_at(curve: ResponseCurve, x: float) -> float:
    """Return the effect of `x` events by linear interpolation, constant beyond the ends.

    Examples
    --------
    >>> effect_at(ResponseCurve((0, 2), (0, 5), (0, 4), (0, 6), None, 1, 2, "linear"), 1.0)
    2.5
    """
    after = min(max(bisect_right(curve.x, x), 1), len(curve.x) - 1)
    (x0, x1), (y0, y1) = curve.x[after - 1 : after + 1], curve.effect[after - 1 : after + 1]
    share = 0.0 if x1 == x0 else min(max((x - x0) / (x1 - x0), 0.0), 1.0)
    return y0 + share * (y1 - y0)


def calibration_chart(
    steps: Sequence[Mapping[str, Any]],
    *,
    label: str,
    x_label: str,
    y_label: str,
    write: Callable[[float, int], str],
) -> Chart | None:
    """Return mean outcome by mean prediction, one dot per decile; None without deciles."""
    pairs = [(step["predicted"], step["observed"]) for step in steps]
    if not pairs:
        return None
    scale = Scale.over([value for pair in pairs for value in pair], pad=0.06)
    points = [(scale.percent(a), 100 - scale.percent(b)) for a, b in pairs]
    marks = [
        element("path", d="M0,100 L100,0", class_="limit"),
        *(dot(x, y, class_="full") for x, y in points),
    ]
    return Chart(
        svg=drawing(label, *marks, class_="plot", stretched=True),
        x_ticks=tuple(scale.ticks(write, 4)),
        y_ticks=upwards(scale.ticks(write, 4)),
        x_label=x_label,
        y_label=y_label,
        height="13rem",
    )


def windows_chart(windows: Windows, *, label: str) -> Chart | None:
    """Return the observation and outcome window of every cutoff over the history.

    Beyond 40 cutoffs, every second, third … is drawn, and always the last. None without cutoffs.
    """
    cutoffs = [("train", c) for c in windows.train] + [("test", c) for c in windows.test]
    if not cutoffs:
        return None
    observation, gap = windows.observation_days, windows.gap_days
    outcome = windows.outcome_days
    step = -(-len(cutoffs) // _MOST_ROWS)
    cutoffs = cutoffs[::-1][::step][::-1]
    start, end = windows.history.start, windows.history.end
    x = Scale(start.toordinal(), end.toordinal())
    height, marks = 100 / len(cutoffs), []
    for place, (part, cutoff) in enumerate(cutoffs):
        at = cutoff.toordinal()
        for class_, left, right in (
            ("observed", at - observation, at),
            ("outcome", at + gap, at + gap + outcome),
        ):
            marks.append(
                element(
                    "rect",
                    x=shortest(x.percent(left)),
                    width=shortest(x.percent(right) - x.percent(left)),
                    y=shortest((place + 0.2) * height),
                    height=shortest(0.6 * height),
                    class_=f"{class_} {part}",
                )
            )
    at_fit = shortest(x.percent(windows.fit_until.toordinal()))
    marks.append(element("path", d=f"M{at_fit},0 V100", class_="limit"))
    every = -(-len(cutoffs) // _MOST_LABELS)
    labels = [
        Tick(f"{shortest((place + 0.5) * height)}%", cutoff.isoformat())
        for place, (_, cutoff) in enumerate(cutoffs)
        if (len(cutoffs) - 1 - place) % every == 0
    ]
    return Chart(
        svg=drawing(label, *marks, class_="plot windows", stretched=True),
        x_ticks=_months(start, end, x),
        y_ticks=tuple(labels),
        x_label="",
        y_label="",
        height=f"{shortest(max(_ROW_REM * min(len(cutoffs), 24), 2.5))}rem",
    )


def upwards(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Return the ticks of an axis that counts from the bottom."""
    return tuple(Tick(f"{shortest(100 - float(tick.at[:-1]))}%", tick.text) for tick in ticks)


def _months(start: dt.date, end: dt.date, scale: Scale) -> tuple[Tick, ...]:
    firsts = [
        dt.date(year, month, 1)
        for year in range(start.year, end.year + 1)
        for month in range(1, 13)
        if start <= dt.date(year, month, 1) <= end
    ]
    every = next(
        (n for n in (1, 2, 3, 6, 12) if len(firsts) <= 5 * n), 12 * (len(firsts) // 60 + 1)
    )
    chosen = [first for first in firsts if (first.month - 1) % min(every, 12) == 0]
    if every > 12:
        chosen = chosen[:: every // 12]
    return tuple(
        Tick(scale.at(each.toordinal()), f"{MONTHS[each.month - 1][:3]} {each.year}")
        for each in chosen
    )
