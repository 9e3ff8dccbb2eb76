"""Figures of a metric: weights with their intervals, and responses. Pyplot is not used."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from engagement_ml.metric.behaviour import heaviest_first
from engagement_ml.metric.scoring import require_behaviours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from engagement_ml.metric.definition import EngagementMetric

# Okabe and Ito (2008), without the reds, which stand for harm in other plots.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#56B4E9", "#CC79A7")
_TITLES = {
    "driver": "weights",
    "indicator": "indicator, not proof of effect",
    "by_hand": "weights set by hand, not learned",
}
_CURVE_POINTS = 200
_BEYOND_CAP = 1.25


class MetricFigure(Figure):
    """A figure that a notebook displays without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()


def draw_metric(metric: EngagementMetric) -> Figure:
    """Return a new figure with the weights on the left and the responses on the right."""
    require_behaviours(metric)
    figure = MetricFigure(figsize=(10, 1.8 + 0.5 * len(metric.behaviours)), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_weights(metric, left)
    draw_responses(metric, right)
    return figure


def draw_weights(metric: EngagementMetric, ax: Axes, *, colour: str | None = None) -> Axes:
    """Draw a horizontal bar per behaviour, its 95% interval as a line; heaviest on top.

    Bars have the colours of the response curves, unless one `colour` is given for all.
    """
    require_behaviours(metric)
    behaviours = heaviest_first(metric.behaviours)[::-1]
    for place, behaviour in enumerate(behaviours):
        fill = colour or _colour(metric, behaviour.behaviour)
        ax.barh(place, behaviour.weight, color=fill, height=0.6)
        if behaviour.weight_low is not None and behaviour.weight_high is not None:
            ax.plot([behaviour.weight_low, behaviour.weight_high], [place, place], "|-k", lw=1.2)
    ax.set_yticks(range(len(behaviours)), [_plain(b.title) for b in behaviours])
    ax.set_xlim(0, 105)
    ax.set_xlabel("weight (points of 100), with 95% interval")
    ax.set_title(_TITLES[metric.evidence])
    return ax


def draw_responses(metric: EngagementMetric, ax: Axes) -> Axes:
    """Draw the points of each behaviour against its count, in multiples of its cap."""
    require_behaviours(metric)
    share = np.linspace(0.0, _BEYOND_CAP, _CURVE_POINTS)
    for behaviour in heaviest_first(metric.behaviours):
        transform = behaviour.transform
        label = _plain(f"{behaviour.title} (full from {transform.cap:.4g} {behaviour.unit})")
        points = behaviour.weight * transform(share * transform.cap)
        ax.plot(share, points, label=label, color=_colour(metric, behaviour.behaviour))
    ax.set_xlabel("events, as a share of the events that earn full points")
    ax.set_ylabel("points")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize="small", frameon=False)
    ax.set_title("responses")
    return ax


def _colour(metric: EngagementMetric, behaviour: str) -> str:
    names = [b.behaviour for b in heaviest_first(metric.behaviours)]
    return _COLOURS[names.index(behaviour) % len(_COLOURS)]


def _plain(text: str) -> str:
    # Matplotlib reads a pair of dollars as mathematics and hides labels with a leading underscore.
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
