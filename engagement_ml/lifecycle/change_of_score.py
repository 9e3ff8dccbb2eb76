r"""Exact decomposition of a change of score between two versions of a metric.

A score is a sum over behaviours of weight × transform(count), so the change is a sum over
behaviours, too. A behaviour that only one version has contributes all its points. Of a behaviour
that both have, the change comes from three factors: its weight, its transform and the window in
which it is counted. Their shares are Shapley values (Shapley 1953; Shorrocks 2013): the mean, over
all orders in which the factors can be replaced, of what each adds. They do not depend on an order,
and add up to the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.metric import EngagementMetric, WeightedBehaviour

Factor = Literal["added", "removed", "weight", "transform", "window"]
Counts = Mapping[str, FloatArray]
_LAST, _MIDDLE = 1 / 3, 1 / 6
"""Shapley weights of three players: alone or last, and second of one of two orders."""


def points(metric: EngagementMetric, counts: Counts) -> dict[str, FloatArray]:
    """Return the points of each behaviour, by customer; they add up to the score.

    Parameters
    ----------
    metric : EngagementMetric
    counts : mapping of str to array of shape (n,)
        Events in the metric's observation window, by behaviour.
    """
    return {
        each.behaviour: each.weight * each.transform(counts[each.behaviour])
        for each in metric.behaviours
    }


def decompose(
    before: EngagementMetric, after: EngagementMetric, counts_before: Counts, counts_after: Counts
) -> dict[tuple[str, Factor], FloatArray]:
    """Return what each behaviour and factor adds to the change of each customer's score.

    Parameters
    ----------
    before, after : EngagementMetric
    counts_before, counts_after : mapping of str to array of shape (n,)
        Events of each behaviour of that metric, in the observation window of that metric.

    Returns
    -------
    dict of (behaviour, factor) to array of shape (n,)
        In points. They add up to the score after minus the score before.

    Examples
    --------
    >>> from engagement_ml.metric import Transform
    >>> def metric(weight, cap):
    ...     straight = Transform("linear", scale=None, shape=None, cap=cap)
    ...     rest = WeightedBehaviour("b", 100 - weight, None, None, "frequency", "", straight)
    ...     first = WeightedBehaviour("a", weight, None, None, "frequency", "", straight)
    ...     return EngagementMetric("shop", "driver", 84, 84, (first, rest))
    >>> counts = {"a": np.array([5.0]), "b": np.array([0.0])}
    >>> parts = decompose(metric(40, 10), metric(60, 5), counts, counts)
    >>> {key: round(float(v[0]), 6) for key, v in parts.items() if key[0] == "a"}
    {('a', 'weight'): 15.0, ('a', 'transform'): 25.0}
    """
    old = {each.behaviour: each for each in before.behaviours}
    new = {each.behaviour: each for each in after.behaviours}
    parts: dict[tuple[str, Factor], FloatArray] = {}
    same_window = before.observation_days == after.observation_days
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            parts[name, "removed"] = -old[name].weight * old[name].transform(counts_before[name])
        elif name not in old:
            parts[name, "added"] = new[name].weight * new[name].transform(counts_after[name])
        else:
            factors = _shapley(old[name], new[name], counts_before[name], counts_after[name])
            parts |= {(name, f): v for f, v in factors.items() if f != "window" or not same_window}
    return parts


def _shapley(
    old: WeightedBehaviour, new: WeightedBehaviour, x_old: FloatArray, x_new: FloatArray
) -> dict[Factor, FloatArray]:
    """Return the Shapley values of weight, transform and window for one behaviour."""
    weights = (old.weight, new.weight)
    # By the transform's and the count's version.
    f = [[each.transform(x) for x in (x_old, x_new)] for each in (old, new)]

    def value(weight: int, transform: int, window: int) -> FloatArray:
        return weights[weight] * f[transform][window]

    def share(a: int, b: int, factor: int) -> FloatArray:
        """Return the gain of one factor with the other two at versions `a` and `b`."""
        versions = [[a, b], [a, b]]
        for on in (0, 1):
            versions[on].insert(factor, on)
        return value(*versions[1]) - value(*versions[0])

    def shapley(factor: int) -> FloatArray:
        ends = share(0, 0, factor) + share(1, 1, factor)
        middle = share(0, 1, factor) + share(1, 0, factor)
        return np.asarray(_LAST * ends + _MIDDLE * middle)

    return {"weight": shapley(0), "transform": shapley(1), "window": shapley(2)}
