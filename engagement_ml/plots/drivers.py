"""Forest plot of the behaviours' effects."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.plots.style import (
    DARK,
    NEUTRAL,
    VERDICT_COLOURS,
    Labels,
    money_ticks,
    new_axes,
    nothing_to_draw,
    sorted_drivers,
    tidy,
    verdict_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from engagement_ml.records import RunRecord

_BEYOND_MEDIAN = 2.5


def plot_drivers(record: RunRecord, *, ax: Axes | None = None) -> Axes:
    """Draw what one more event of each behaviour is worth, with its 95% interval.

    Parameters
    ----------
    record : RunRecord
    ax : matplotlib Axes, optional
        The axes to draw into; by default those of a new figure.

    Returns
    -------
    Axes
        A row per behaviour: those of the metric by weight, then other drivers, harmful behaviours
        and the rest, each by SHAP rank. Filled dots are in the metric. An arrow shows that an
        interval continues beyond the axis.

    Raises
    ------
    InputError
        If the record holds no behaviour.
    """
    rows = sorted_drivers(record)
    if not rows:
        raise nothing_to_draw("plot_drivers", record)
    labels = Labels.of(record)
    ax = new_axes(8.5, 1.3 + 0.34 * len(rows)) if ax is None else ax
    limit = _limit(rows)
    ax.axvline(0.0, color=NEUTRAL, lw=0.8, zorder=0)
    for place, row in enumerate(rows):
        _draw_row(ax, place, row, limit)
    ax.set_yticks(range(len(rows)), [labels.label(row.behaviour) for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    if limit:
        ax.xaxis.set_major_formatter(money_ticks(labels.money))
    ax.set_xlabel(
        f"margin per {labels.entity} over {labels.outcome_days} days, {labels.money.currency}, "
        "with 95% interval"
    )
    ax.set_title("Worth of one more event (filled dots: in the metric)")
    return tidy(ax)


def _draw_row(ax: Axes, place: int, row: DriverRow, limit: float) -> None:
    colour = VERDICT_COLOURS.get(row.verdict, NEUTRAL)
    effect, low, high = row.effect, row.effect_low, row.effect_high
    if effect is None:
        ax.text(0.0, place, "  no estimate", va="center", color=NEUTRAL, fontsize="small")
    else:
        if low is not None and high is not None:
            _draw_interval(ax, place, (low, high), limit, colour)
        face = colour if row.selected else "white"
        ax.plot(effect, place, "o", ms=6, mfc=face, mec=colour, mew=1.5, zorder=3)
    ax.text(
        1.01,
        place,
        verdict_text(row),
        transform=ax.get_yaxis_transform(),
        va="center",
        color=colour if row.verdict in VERDICT_COLOURS else DARK,
        fontsize="small",
    )


def _draw_interval(
    ax: Axes, place: int, bounds: tuple[float, float], limit: float, colour: str
) -> None:
    """Draw an interval; one that leaves the axis ends in an arrow."""
    low, high = (min(max(bound, -limit), limit) for bound in bounds)
    ax.plot([low, high], [place, place], "-", color=colour, lw=1.8, zorder=2)
    for bound, shown, marker in ((bounds[0], low, "<"), (bounds[1], high, ">")):
        if bound != shown:
            ax.plot(shown, place, marker, color=colour, ms=5, zorder=2)


def _limit(rows: Sequence[DriverRow]) -> float:
    """Return the largest amount on the axis, so that one wide interval squeezes no other flat."""
    bounds = [(row.effect, row.effect_low, row.effect_high) for row in rows]
    reach = [max((abs(x) for x in each if x is not None), default=0.0) for each in bounds]
    estimated = [r for r, row in zip(reach, rows, strict=True) if row.effect is not None]
    if not estimated:
        return 0.0
    clear = [r for r, row in zip(reach, rows, strict=True) if row.verdict in VERDICT_COLOURS]
    effects = [abs(row.effect) for row in rows if row.effect is not None]
    return float(min(max(estimated), max([*clear, *effects, _BEYOND_MEDIAN * median(estimated)])))
