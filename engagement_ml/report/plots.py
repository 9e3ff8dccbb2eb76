"""The report's drawings: intervals, bars, response curves, calibration, the windows."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from markupsafe import Markup

from engagement_ml.formatting import MONTHS, as_date, finite
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

_MOST_ROWS = 40
_MOST_LABELS = 14
_ROW_REM = 1.05
_BEYOND_MEDIAN = 2.5


@dataclass(frozen=True)
class Chart:
    """A drawing with the labels of its axes, which the page sets as text.

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
        Intervals that may leave the scale, lest they squeeze the others flat.
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


def response_chart(
    response: Mapping[str, Any],
    *,
    label: str,
    x_label: str,
    y_label: str,
    write_x: Callable[[float, int], str],
    write_y: Callable[[float, int], str],
) -> Chart | None:
    """Return a response curve with its band; None where the record holds no curve.

    The filled dot stands at the typical count, the hollow one at the busiest tenth's, the dashed
    line where one more event stops paying.
    """
    curve = Curve.of(response)
    if curve is None:
        return None
    x, y = Scale(curve.x[0], curve.x[-1]), Scale.over([*curve.effect, *curve.low, *curve.high])
    line = [(x.percent(a), 100 - y.percent(b)) for a, b in zip(curve.x, curve.effect, strict=True)]
    upper = [(x.percent(a), 100 - y.percent(b)) for a, b in zip(curve.x, curve.high, strict=True)]
    lower = [(x.percent(a), 100 - y.percent(b)) for a, b in zip(curve.x, curve.low, strict=True)]
    zero = shortest(100 - y.percent(0.0))
    marks = [
        element("path", d=polyline([*upper, *lower[::-1]]) + " Z", class_="band"),
        element("path", d=f"M0,{zero} H100", class_="zero"),
    ]
    saturation = finite(response.get("saturation_point"))
    if saturation is not None and curve.x[0] <= saturation <= curve.x[-1]:
        marks.append(
            element("path", d=f"M{shortest(x.percent(saturation))},0 V100", class_="limit")
        )
    marks.append(element("path", d=polyline(line), class_="line"))
    for key, class_ in (("p90", "hollow"), ("typical", "full")):
        at = finite(response.get(key))
        if at is not None and curve.x[0] <= at <= curve.x[-1]:
            place = (x.percent(at), 100 - y.percent(curve.at(at)))
            marks.append(dot(*place, class_=class_))
            if class_ == "hollow":
                marks.append(dot(*place, class_="hole"))
    return Chart(
        svg=drawing(label, *marks, class_="plot", stretched=True),
        x_ticks=tuple(x.ticks(write_x, 6)),
        y_ticks=_upwards(y.ticks(write_y, 4)),
        x_label=x_label,
        y_label=y_label,
        height="14rem",
    )


@dataclass(frozen=True)
class Curve:
    """A response read off a record: the same number of finite values in each list, x ascending."""

    x: tuple[float, ...]
    effect: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> Curve | None:
        """Read a response; None where fewer than two points of it are whole."""
        columns = [response.get(key) or [] for key in ("x", "effect", "low", "high")]
        points = []
        for x, effect, low, high in zip(*columns, strict=False):
            if (a := finite(x)) is None or (b := finite(effect)) is None:
                continue
            c, d = finite(low), finite(high)
            points.append((a, b, b if c is None else c, b if d is None else d))
        points.sort()
        if len(points) < 2 or points[0][0] == points[-1][0]:
            return None
        xs, effects, lows, highs = zip(*points, strict=True)
        return cls(x=xs, effect=effects, low=lows, high=highs)

    def at(self, x: float) -> float:
        """Return the effect of `x` events, between the points by a straight line.

        Examples
        --------
        >>> Curve((0.0, 2.0), (0.0, 5.0), (0.0, 4.0), (0.0, 6.0)).at(1.0)
        2.5
        """
        after = min(max(bisect_right(self.x, x), 1), len(self.x) - 1)
        (x0, x1), (y0, y1) = self.x[after - 1 : after + 1], self.effect[after - 1 : after + 1]
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
    """Return mean outcome against mean prediction, a dot a decile; None without deciles."""
    pairs = [
        (a, b)
        for step in steps
        if (a := finite(step.get("predicted"))) is not None
        and (b := finite(step.get("observed"))) is not None
    ]
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
        y_ticks=_upwards(scale.ticks(write, 4)),
        x_label=x_label,
        y_label=y_label,
        height="13rem",
    )


def windows_chart(windows: Mapping[str, Any], *, label: str) -> Chart | None:
    """Return the observation and outcome window of every cutoff over the history.

    Beyond 40 cutoffs, every second, third … is drawn, and always the last.
    """
    parts = [(part, as_date(c)) for part in ("train", "test") for c in windows.get(part) or []]
    cutoffs = [(part, cutoff) for part, cutoff in parts if cutoff is not None]
    lengths = [finite(windows.get(f"{key}_days")) for key in ("observation", "gap", "outcome")]
    if not cutoffs or lengths[0] is None or lengths[2] is None:
        return None
    observation, gap, outcome = (int(length or 0) for length in lengths)
    step = -(-len(cutoffs) // _MOST_ROWS)
    cutoffs = cutoffs[::-1][::step][::-1]
    day = dt.timedelta(days=1)
    history = windows.get("history") or {}
    start = as_date(history.get("start")) or min(c for _, c in cutoffs) - observation * day
    end = as_date(history.get("end")) or max(c for _, c in cutoffs) + (gap + outcome) * day
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
    if (until := as_date(windows.get("fit_until"))) is not None:
        at_fit = shortest(x.percent(until.toordinal()))
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


def _upwards(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
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
