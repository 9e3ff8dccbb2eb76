"""Forest plot of the behaviours' effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from engagement_ml.plots.style import (
    DARK,
    NEUTRAL,
    VERDICT_COLOURS,
    Labels,
    money_ticks,
    new_axes,
    nothing_to_draw,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from engagement_ml.records import RunRecord

Row = Mapping[str, Any]
_BEYOND_MEDIAN = 2.5
_ORDER = {"driver": 1, "harmful": 2}
_MARGIN = 1.08


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
        A row per behaviour: the selected first, then other drivers, harmful behaviours and the
        rest, each by SHAP rank. Filled dots are selected. An interval with an arrow goes on beyond
        the axis.

    Raises
    ------
    InputError
        If the record holds no behaviour.
    """
    rows = sorted(
        record.drivers,
        key=lambda row: (not row["selected"], _ORDER.get(row["verdict"], 3), row["shap_rank"]),
    )
    if not rows:
        raise nothing_to_draw("plot_drivers", record)
    labels = Labels.of(record)
    ax = new_axes(8.5, 1.3 + 0.34 * len(rows)) if ax is None else ax
    limit = _limit(rows)
    ax.axvline(0.0, color=NEUTRAL, lw=0.8, zorder=0)
    for place, row in enumerate(rows):
        _draw_row(ax, place, row, limit)
    ax.set_yticks(range(len(rows)), [labels.label(str(row["behaviour"])) for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    if limit:
        ax.set_xlim(-_MARGIN * limit, _MARGIN * limit) if _two_sided(rows) else None
        ax.xaxis.set_major_formatter(money_ticks(labels.money))
    ax.set_xlabel(
        f"margin per {labels.entity} over {labels.outcome_days} days, {labels.money.currency}, "
        "with 95% interval"
    )
    ax.set_title("Worth of one more event")
    return tidy(ax)


def _draw_row(ax: Axes, place: int, row: Row, limit: float) -> None:
    colour = VERDICT_COLOURS.get(row["verdict"], NEUTRAL)
    effect, low, high = row["effect"], row["effect_low"], row["effect_high"]
    if effect is None:
        ax.text(0.0, place, "  no estimate", va="center", color=NEUTRAL, fontsize="small")
    else:
        if low is not None and high is not None:
            _draw_interval(ax, place, (low, high), limit, colour)
        face = colour if row["selected"] else "white"
        ax.plot(effect, place, "o", ms=6, mfc=face, mec=colour, mew=1.5, zorder=3)
    verdict = row["verdict"] + (" (tested)" if row.get("basis") == "experiment" else "")
    ax.text(
        1.01,
        place,
        verdict,
        transform=ax.get_yaxis_transform(),
        va="center",
        color=colour if row["verdict"] in VERDICT_COLOURS else DARK,
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


def _limit(rows: Sequence[Row]) -> float:
    """Return the largest amount on the axis, so that one wide interval squeezes no other flat."""
    columns = ("effect", "effect_low", "effect_high")
    reach = [max((abs(row[c]) for c in columns if row[c] is not None), default=0.0) for row in rows]
    estimated = [r for r, row in zip(reach, rows, strict=True) if row["effect"] is not None]
    if not estimated:
        return 0.0
    clear = [r for r, row in zip(reach, rows, strict=True) if row["verdict"] in VERDICT_COLOURS]
    effects = [abs(row["effect"]) for row in rows if row["effect"] is not None]
    return float(min(max(estimated), max([*clear, *effects, _BEYOND_MEDIAN * median(estimated)])))


def _two_sided(rows: Sequence[Row]) -> bool:
    lows = [row["effect_low"] for row in rows if row["effect_low"] is not None]
    return any(low < 0 for low in lows)
