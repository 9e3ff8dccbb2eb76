"""Response curves: margin of n events, compared with none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.errors import InputError, nearest
from engagement_ml.metric import EngagementMetric, WeightedBehaviour
from engagement_ml.plots.style import (
    DARK,
    GOOD,
    HARMFUL,
    NEUTRAL,
    Labels,
    money_ticks,
    nothing_to_draw,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from engagement_ml.records import RunRecord

AxesArray = np.ndarray[Any, Any]
_COLUMNS, _SQUARE = 3, 4
_POINTS = 200
_BEYOND_CAP = 1.25


def plot_responses(
    record: RunRecord, *, ax: Axes | AxesArray | None = None, behaviours: Sequence[str] = ()
) -> AxesArray:
    """Draw the margin of n events in the observation window, compared with none.

    Parameters
    ----------
    record : RunRecord
    ax : matplotlib Axes or array of them, optional
        One for each behaviour; by default those of a new figure.
    behaviours : sequence of str
        Event types; by default those of the metric, then harmful ones, if they have a curve. The
        points that behaviours earn are drawn if there is no curve in currency, as for indicators.

    Returns
    -------
    array of Axes
        One per behaviour. The band is the 95% interval, the filled dot the median count of
        customers with any event, the hollow dot the 90th percentile, the dashed line the count
        from which one more event no longer pays.

    Raises
    ------
    InputError
        If a behaviour has no curve, if there is none at all, or if there are too few axes.
    """
    labels = Labels.of(record)
    metric = EngagementMetric.from_dict(record.metric)
    weighted = {b.behaviour: b for b in sorted(metric.behaviours, key=lambda b: -b.weight)}
    curves = record.evidence.responses
    chosen = list(behaviours) or _default(record, weighted)
    if not chosen:
        raise nothing_to_draw("plot_responses", record)
    known = [*curves, *(b for b in weighted if b not in curves)]
    for behaviour in chosen:
        if behaviour not in known:
            raise InputError(
                f"plot_responses: '{behaviour}' has no response curve{nearest(behaviour, known)}; "
                f"curves are there for {', '.join(known) or 'no behaviour'}"
            )
    columns = _n_columns(len(chosen))
    axes = _axes(ax, len(chosen), columns)
    saturates = any(b in curves and curves[b].saturation_point is not None for b in chosen)
    harmful = {row.behaviour for row in record.drivers if row.verdict == "harmful"}
    for place, (behaviour, each) in enumerate(zip(chosen, axes, strict=True)):
        if behaviour in curves:
            colour = HARMFUL if behaviour in harmful else GOOD
            _draw_margin(each, curves[behaviour], labels, colour)
            unit = f"margin per {labels.entity}, {labels.money.currency}"
        else:
            _draw_points(each, weighted[behaviour])
            unit = "points of the score"
        if place == 0 and behaviour in curves:
            _draw_legend(each, curves[behaviour], saturates)
        each.set_title(labels.label(behaviour))
        each.set_xlabel(f"events in {labels.observation_days} days")
        if place % columns == 0 or ax is not None:
            each.set_ylabel(unit)
        tidy(each)
    return axes


def _default(record: RunRecord, weighted: Iterable[str]) -> list[str]:
    curves = record.evidence.responses
    harmful = [
        row.behaviour
        for row in record.drivers
        if row.verdict == "harmful" and row.behaviour in curves
    ]
    return [*weighted, *harmful]


def _draw_margin(ax: Axes, curve: ResponseCurve, labels: Labels, colour: str) -> None:
    first, last = curve.x[0], curve.x[-1]
    ax.axhline(0.0, color=NEUTRAL, lw=0.8, zorder=0)
    ax.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.18, lw=0)
    ax.plot(curve.x, curve.effect, color=colour, lw=2)
    saturation = curve.saturation_point
    if saturation is not None and first <= saturation <= last:
        ax.axvline(saturation, color=NEUTRAL, lw=1, ls="--")
    for count, face in ((curve.p90, "white"), (curve.typical, colour)):
        if first <= count <= last:
            y = np.interp(count, curve.x, curve.effect)
            ax.plot(count, y, "o", ms=6, mfc=face, mec=colour, mew=1.5, zorder=3)
    ax.yaxis.set_major_formatter(money_ticks(labels.money))


def _draw_legend(ax: Axes, curve: ResponseCurve, saturates: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [
        ("median", Line2D([], [], marker="o", ls="", mec=DARK, mfc=DARK)),
        ("90th percentile", Line2D([], [], marker="o", ls="", mec=DARK, mfc="white")),
    ]
    if saturates:
        marks.append(
            (
                "optimum" if curve.optimum is not None else "stops paying",
                Line2D([], [], color=NEUTRAL, lw=1, ls="--"),
            )
        )
    ax.legend(
        [mark for _, mark in marks],
        [text for text, _ in marks],
        loc="upper left" if curve.effect[-1] > 0 else "lower left",
        fontsize="x-small",
        frameon=False,
    )


def _draw_points(ax: Axes, behaviour: WeightedBehaviour) -> None:
    transform = behaviour.transform
    x = np.linspace(0.0, _BEYOND_CAP * transform.cap, _POINTS)
    ax.plot(x, behaviour.weight * transform(x), color=GOOD, lw=2)
    ax.set_ylim(bottom=0)


def _n_columns(n: int) -> int:
    return 2 if n == _SQUARE else min(n, _COLUMNS)


def _axes(ax: Axes | AxesArray | None, n: int, columns: int) -> AxesArray:
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if given.size < n:
            raise InputError(
                f"plot_responses: {n} behaviours need as many axes, found {given.size}; "
                "give more, or name fewer behaviours"
            )
        return given[:n]
    from matplotlib import pyplot

    rows = -(-n // columns)
    size = (max(3.3 * columns, 4.5), 3.0 * rows)
    _, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for spare in grid.ravel()[n:]:
        spare.set_visible(False)
    return grid.ravel()[:n]
