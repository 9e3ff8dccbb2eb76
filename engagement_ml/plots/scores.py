"""Distribution of scores, and mean margin by score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.errors import InputError
from engagement_ml.formatting import number, percent
from engagement_ml.plots.style import (
    DARK,
    GOOD,
    NEUTRAL,
    Labels,
    money_ticks,
    new_axes,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from engagement_ml.records import RunRecord

_BINS = tuple(range(0, 101, 5))
_Z95 = 1.96


def plot_scores(
    scores: Any, margin: Any = None, *, record: RunRecord, ax: Axes | None = None
) -> Axes:
    """Draw the distribution of scores and, if margin is given, mean margin by score decile.

    Parameters
    ----------
    scores : array-like of shape (n,), or frame with a column ``score``
        From 0 to 100; null and NaN are left out.
    margin : array-like of shape (n,), optional
        Margin of the outcome window of the same customers.
    record : RunRecord
        Gives the entity, the currency and the windows.
    ax : matplotlib Axes, optional
        The axes for the distribution; mean margin by score is then not drawn.

    Returns
    -------
    Axes
        Of the distribution; those of mean margin are ``ax.figure.axes[1]``.

    Raises
    ------
    InputError
        If there is no score.
    """
    values = _values(scores)
    known = ~np.isnan(values)
    if not known.any():
        raise InputError("plot_scores: found no score; give at least one customer")
    labels = Labels.of(record)
    right = None
    if ax is None and margin is not None:
        from matplotlib import pyplot

        _, (ax, right) = pyplot.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
    ax = new_axes(5.5, 3.4) if ax is None else ax
    _draw_distribution(ax, values[known], labels)
    if right is not None:
        amounts = np.asarray(margin, dtype=np.float64)[known]
        _draw_margin(right, values[known], amounts, labels)
    return ax


def _draw_distribution(ax: Axes, scores: FloatArray, labels: Labels) -> None:
    weights = np.full(scores.size, 100.0 / scores.size)
    ax.hist(scores, bins=_BINS, weights=weights, color=GOOD, edgecolor="white", lw=0.6)
    median = float(np.median(scores))
    ax.axvline(median, color=DARK, lw=1, ls="--")
    at_zero = float(np.mean(scores == 0))
    note = f"median {number(median, 0)}"
    if at_zero > 0:
        note += f"\n{percent(at_zero)} score 0"
    ax.text(0.98, 0.95, note, transform=ax.transAxes, ha="right", va="top", fontsize="small")
    ax.set_xlim(0, 100)
    ax.set_xlabel("score")
    ax.set_ylabel(f"% of {labels.entities}")
    ax.set_title(f"Scores of {number(scores.size)} {labels.entities}")
    tidy(ax)


def _draw_margin(ax: Axes, scores: FloatArray, margin: FloatArray, labels: Labels) -> None:
    """Draw mean margin against mean score by decile, with a normal 95% interval."""
    from engagement_ml.evaluation.weighted_measures import deciles

    groups = deciles(scores)
    rows = [(scores[groups == g], margin[groups == g]) for g in np.unique(groups)]
    x = [float(score.mean()) for score, _ in rows]
    y = [float(amount.mean()) for _, amount in rows]
    half = [_Z95 * float(a.std(ddof=1)) / a.size**0.5 if a.size > 1 else 0.0 for _, a in rows]
    ax.axhline(0.0, color=NEUTRAL, lw=0.8, zorder=0)
    ax.errorbar(x, y, yerr=half, fmt="o-", color=GOOD, ms=5, lw=1.2, elinewidth=1.2)
    ax.set_xlim(0, 100)
    ax.set_xlabel("mean score of the decile")
    ax.set_ylabel(f"mean margin over {labels.outcome_days} days, {labels.money.currency}")
    ax.yaxis.set_major_formatter(money_ticks(labels.money))
    ax.set_title("Later margin by score, with 95% interval")
    tidy(ax)


def _values(scores: Any) -> FloatArray:
    import narwhals as nw

    frame: Any = nw.from_native(scores, pass_through=True)
    if isinstance(frame, nw.DataFrame | nw.LazyFrame):
        column: Any = frame.lazy().select(nw.col("score").cast(nw.Float64)).collect()
        scores = column["score"].to_numpy()
    return np.asarray(scores, dtype=np.float64)
