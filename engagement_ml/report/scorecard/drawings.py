"""Drawings of the scorecard: sparklines, series with intervals, progress, shades of a heat map."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from engagement_ml.formatting import finite, one_line, percent, quantity
from engagement_ml.report.plots import Chart
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.report.svg import Scale, Tick, drawing, element, shortest
from engagement_ml.scorecard.card import GoalCard, MeasureCard, Value

_MOST_SHADE = 0.45
"""Beyond it, text on the shade has too little contrast."""
_LABELS = 6

Points = list[tuple[float, float] | None]


def sparkline(measure: MeasureCard, write: Writer) -> Markup:
    """Return the series in the width of a table cell, its target as a dashed line.

    Periods without data are gaps. Screen readers read first, last, lowest and highest value.
    """
    values = [finite(each.value) for each in measure.series.values()]
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    target = finite(measure.target)
    scale = Scale.over([*known, *([] if target is None else [target])], zero=False, pad=0.12)
    points = _points(values, scale)
    marks = [] if target is None else [_level(target, scale)]
    marks.append(element("path", d=gapped(points), class_="line"))
    last = next(point for point in reversed(points) if point is not None)
    marks.append(_dot(*last))
    return drawing(_spoken(measure, write), *marks, class_="spark", stretched=True)


def series_chart(measure: MeasureCard, write: Writer) -> Chart | None:
    """Return the series with its intervals as bars, None with fewer than two values."""
    values = list(measure.series.values())
    known = [value for value in values if finite(value.value) is not None]
    if len(known) < 2:
        return None
    target = finite(measure.target)
    bounds = [x for v in known for x in (v.value, v.low, v.high) if finite(x) is not None]
    covered = [x for x in (*bounds, target) if x is not None]
    scale = Scale.over(covered, zero=False, pad=0.08)
    marks = [] if target is None else [_level(target, scale)]
    step = 100 / len(values)
    marks += [
        element("path", d=bar, class_="whisker")
        for place, value in enumerate(values)
        if (bar := _whisker(value, (place + 0.5) * step, scale))
    ]
    points = _points([finite(value.value) for value in values], scale, inset=step / 2)
    marks.append(element("path", d=gapped(points), class_="line"))
    marks += [_dot(*point) for point in points if point is not None]
    ticks = tuple(
        Tick(f"{shortest(100 - float(tick.at[:-1]))}%", tick.text)
        for tick in scale.ticks(write.tick, 4)
    )
    return Chart(
        svg=drawing(_spoken(measure, write), *marks, class_="plot series", stretched=True),
        x_ticks=_labels(list(measure.series), step),
        y_ticks=ticks,
        x_label="",
        y_label="",
        height="9rem",
    )


def progress(goal: GoalCard) -> Markup:
    """Return how far a goal is as a bar, and how much of its time is gone as a line."""
    done = finite(goal.done)
    gone = min(max(finite(goal.time_gone) or 0.0, 0.0), 1.0)
    label = "no data" if done is None else f"{percent(done)} of the way"
    marks = [element("rect", x="0", y="30%", height="40%", width="100%", rx="2", class_="whole")]
    if done is not None:
        width = Scale(0.0, 1.0).at(min(max(done, 0.0), 1.0))
        marks.append(element("rect", x="0", y="30%", height="40%", width=width, rx="2"))
    at = Scale(0.0, 1.0).at(gone)
    marks.append(element("line", x1=at, x2=at, y1="8%", y2="92%", class_="gone"))
    label = f"{label}, {percent(gone)} of the time is gone"
    return drawing(label, element("g", *marks, class_="progress"), class_="cell")


def shade(value: float | None, values: Sequence[float | None]) -> float | None:
    """Return the shade of a cell of a heat map, in −1 to 1 times the deepest one.

    Values that are all positive go from their lowest to their highest, so that small differences
    show; if some are negative, 0 has no shade.

    Examples
    --------
    >>> [shade(x, [10.0, 20.0, None]) for x in (10.0, 15.0, 20.0, None)]
    [0.04, 0.25, 0.45, None]
    >>> [shade(x, [-5.0, 10.0]) for x in (-5.0, 0.0, 10.0)]
    [-0.23, 0.0, 0.45]
    """
    x = finite(value)
    known = [each for each in (finite(v) for v in values) if each is not None]
    if x is None or not known:
        return None
    low, high = min(known), max(known)
    if low >= 0:
        share = (x - low) / (high - low) if high > low else 0.5
        return round(0.04 + (_MOST_SHADE - 0.04) * share, 2)
    return round(_MOST_SHADE * x / max(-low, high), 2)


def gapped(points: Points) -> str:
    """Return the path through points, interrupted at None; a point alone is a dot.

    Examples
    --------
    >>> gapped([(0, 1), (1, 2), None, (3, 4), None])
    'M0,1 L1,2 M3,4 h0'
    """
    parts: list[str] = []
    pen = False
    for place, point in enumerate(points):
        if point is None:
            pen = False
            continue
        x, y = (shortest(each) for each in point)
        parts.append(f"{'L' if pen else 'M'}{x},{y}")
        alone = not pen and (place + 1 == len(points) or points[place + 1] is None)
        parts += ["h0"] if alone else []
        pen = True
    return " ".join(parts)


def _points(values: Sequence[float | None], scale: Scale, inset: float = 0.0) -> Points:
    step = (100 - 2 * inset) / max(len(values) - 1, 1)
    return [
        None if value is None else (inset + place * step, 100 - scale.percent(value))
        for place, value in enumerate(values)
    ]


def _level(value: float, scale: Scale) -> Markup:
    return element("path", d=f"M0,{shortest(100 - scale.percent(value))} H100", class_="limit")


def _dot(x: float, y: float) -> Markup:
    return element("path", d=f"M{shortest(x)},{shortest(y)} h0", class_="dot full")


def _whisker(value: Value, x: float, scale: Scale) -> str:
    low, high = finite(value.low), finite(value.high)
    if low is None or high is None or finite(value.value) is None:
        return ""
    top, bottom = (shortest(100 - scale.percent(bound)) for bound in (high, low))
    return f"M{shortest(x)},{top} V{bottom}"


def _labels(periods: Sequence[str], step: float) -> tuple[Tick, ...]:
    every = -(-len(periods) // _LABELS)
    return tuple(
        Tick(f"{shortest((place + 0.5) * step)}%", one_line(period))
        for place, period in enumerate(periods)
        if (len(periods) - 1 - place) % every == 0
    )


def _spoken(measure: MeasureCard, write: Writer) -> str:
    known = [
        (one_line(period), value.value)
        for period, value in measure.series.items()
        if finite(value.value) is not None
    ]
    (first, start), (last, end) = known[0], known[-1]
    values = [value for _, value in known if value is not None]
    text = (
        f"{one_line(measure.title)}: {write(start)} in {first}, {write(end)} in {last}; lowest "
        f"{write(min(values))}, highest {write(max(values))}"
    )
    missing = len(measure.series) - len(known)
    text += f"; {quantity(missing, 'period')} without data" if missing else ""
    return text + ("" if measure.target is None else f"; target {write.exact(measure.target)}")
