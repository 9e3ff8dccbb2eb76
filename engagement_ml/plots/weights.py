"""Bars of a metric's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.metric import EngagementMetric
from engagement_ml.plots.style import GOOD, new_axes, tidy
from engagement_ml.records import RunRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_weights(source: EngagementMetric | RunRecord, *, ax: Axes | None = None) -> Axes:
    """Draw the weights of a metric with their 95% intervals, heaviest on top.

    Parameters
    ----------
    source : EngagementMetric or RunRecord
    ax : matplotlib Axes, optional
        The axes to draw into; by default those of a new figure.

    Raises
    ------
    InputError
        If the metric abstained.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
    >>> transform = Transform("linear", scale=None, shape=None, cap=10)
    >>> review = WeightedBehaviour("review", 100, None, None, "frequency", "events", transform)
    >>> metric = EngagementMetric("shop", "driver", 84, 84, (review,))
    >>> plot_weights(metric, ax=Figure().subplots()).get_title()
    'Weights in the score'
    """
    from engagement_ml.metric.plot import draw_weights
    from engagement_ml.metric.scoring import require_behaviours

    metric = EngagementMetric.from_dict(source.metric) if isinstance(source, RunRecord) else source
    require_behaviours(metric)
    ax = new_axes(6.5, 1.3 + 0.45 * len(metric.behaviours)) if ax is None else ax
    draw_weights(metric, ax, colour=GOOD)
    if metric.evidence == "driver":
        ax.set_title("Weights in the score")
    return tidy(ax)
