"""Response curves: margin of n events, compared with none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.errors import InputError, nearest
from engagement_ml.plots.style import (
    GOOD,
    HARMFUL,
    NEUTRAL,
    Labels,
    money_ticks,
    nothing_to_draw,
    tidy,
    weighted_behaviours,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from engagement_ml.records import RunRecord

AxesArray = np.ndarray[Any, Any]
_COLUMNS = 3
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
    points = {str(row["behaviour"]): row for row in weighted_behaviours(record)}
    chosen = list(behaviours) or _default(record, points)
    if not chosen:
        raise nothing_to_draw("plot_responses", record)
    known = [*record.responses, *(b for b in points if b not in record.responses)]
    for behaviour in chosen:
        if behaviour not in known:
            raise InputError(
                f"plot_responses: '{behaviour}' has no response curve{nearest(behaviour, known)}; "
                f"curves are there for {', '.join(known) or 'no behaviour'}"
            )
    axes = _axes(ax, len(chosen))
    harmful = {row["behaviour"] for row in record.drivers if row["verdict"] == "harmful"}
    for place, (behaviour, each) in enumerate(zip(chosen, axes, strict=True)):
        if behaviour in record.responses:
            colour = HARMFUL if behaviour in harmful else GOOD
            _draw_margin(each, record.responses[behaviour], labels, colour)
            unit = f"margin per {labels.entity}, {labels.money.currency}"
        else:
            _draw_points(each, points[behaviour])
            unit = "points of the score"
        each.set_title(labels.label(behaviour))
        each.set_xlabel(f"events in {labels.observation_days} days")
        if place % _COLUMNS == 0 or ax is not None:
            each.set_ylabel(unit)
        tidy(each)
    return axes


def _default(record: RunRecord, points: Mapping[str, Any]) -> list[str]:
    harmful = [
        str(row["behaviour"])
        for row in record.drivers
        if row["verdict"] == "harmful" and row["behaviour"] in record.responses
    ]
    return [*points, *harmful]


def _draw_margin(ax: Axes, response: Mapping[str, Any], labels: Labels, colour: str) -> None:
    x, effect = np.asarray(response["x"], float), np.asarray(response["effect"], float)
    low, high = (np.asarray(response[key], float) for key in ("low", "high"))
    ax.axhline(0.0, color=NEUTRAL, lw=0.8, zorder=0)
    ax.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
    ax.plot(x, effect, color=colour, lw=2)
    saturation = response.get("saturation_point")
    if saturation is not None and x[0] <= saturation <= x[-1]:
        ax.axvline(saturation, color=NEUTRAL, lw=1, ls="--")
    for key, face in (("p90", "white"), ("typical", colour)):
        count = response.get(key)
        if count is not None and x[0] <= count <= x[-1]:
            y = np.interp(count, x, effect)
            ax.plot(count, y, "o", ms=6, mfc=face, mec=colour, mew=1.5, zorder=3)
    ax.yaxis.set_major_formatter(money_ticks(labels.money))


def _draw_points(ax: Axes, behaviour: Mapping[str, Any]) -> None:
    from engagement_ml.metric import Transform

    shape = behaviour["transform"]
    transform = Transform(
        shape["kind"], scale=shape.get("scale"), shape=shape.get("shape"), cap=shape["cap"]
    )
    x = np.linspace(0.0, _BEYOND_CAP * transform.cap, _POINTS)
    ax.plot(x, behaviour["weight"] * transform(x), color=GOOD, lw=2)
    ax.set_ylim(bottom=0)


def _axes(ax: Axes | AxesArray | None, n: int) -> AxesArray:
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if given.size < n:
            raise InputError(
                f"plot_responses: {n} behaviours need as many axes, found {given.size}; "
                "give more, or name fewer behaviours"
            )
        return given[:n]
    from matplotlib import pyplot

    columns = min(n, _COLUMNS)
    rows = -(-n // columns)
    size = (max(3.3 * columns, 4.5), 3.0 * rows)
    _, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for spare in grid.ravel()[n:]:
        spare.set_visible(False)
    return grid.ravel()[:n]
