"""The event-study chart: effect by period before and after the event, with 95% bars."""

from __future__ import annotations

from collections.abc import Callable

from engagement_ml.drivers.evidence import EventStudy
from engagement_ml.formatting import number
from engagement_ml.report.plots import Chart
from engagement_ml.report.svg import Scale, Tick, dot, drawing, element, shortest

_MOST_LABELS = 9
_MARGIN = 0.5


def event_study_chart(
    study: EventStudy,
    *,
    label: str,
    x_label: str,
    y_label: str,
    write_y: Callable[[float, int], str],
) -> Chart | None:
    """Return a dot with a vertical bar per period; None without periods.

    Dots before the event are hollow. The dashed line marks the event.

    Parameters
    ----------
    study : EventStudy
    label : str
        For screen readers.
    x_label, y_label : str
    write_y : callable
        Writes a value with a number of decimals.
    """
    if not study.periods:
        return None
    x = Scale(min(study.periods[0], -1) - _MARGIN, max(study.periods[-1], 0) + _MARGIN)
    y = Scale.over([*study.effect, *study.low, *study.high])
    event = shortest(x.percent(-_MARGIN))
    marks = [
        element("path", d=f"M0,{shortest(100 - y.percent(0.0))} H100", class_="zero"),
        element("path", d=f"M{event},0 V100", class_="limit"),
    ]
    rows = zip(study.periods, study.effect, study.low, study.high, strict=True)
    for period, effect, low, high in rows:
        at, place = shortest(x.percent(period)), (x.percent(period), 100 - y.percent(effect))
        bottom, top = (shortest(100 - y.percent(bound)) for bound in (low, high))
        marks.append(element("path", d=f"M{at},{bottom} V{top}", class_="line"))
        marks.append(dot(*place, class_="hollow" if period < 0 else "full"))
        if period < 0:
            marks.append(dot(*place, class_="hole"))
    every = -(-len(study.periods) // _MOST_LABELS)
    # labels count from the event, so that the same periods are named on both sides
    named = [period for period in study.periods if period % every == 0]
    return Chart(
        svg=drawing(label, *marks, class_="plot", stretched=True),
        x_ticks=tuple(
            Tick(x.at(period), number(period, 0, signed=period != 0)) for period in named
        ),
        y_ticks=tuple(
            Tick(f"{shortest(100 - float(tick.at[:-1]))}%", tick.text)
            for tick in y.ticks(write_y, 4)
        ),
        x_label=x_label,
        y_label=y_label,
        height="13rem",
    )
