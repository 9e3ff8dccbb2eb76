"""Weights: each behaviour's share in the margin effect of one standard deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.evidence import Choice
from engagement_ml.drivers.selection.response_curves import Curve

_TOP_QUANTILE = 0.99


def weigh(
    selected: Sequence[str],
    curves: Mapping[str, Curve],
    draws: Mapping[str, FloatArray],
    counts: Mapping[str, FloatArray],
    costs: Mapping[str, float],
    optima: Mapping[str, float] | None = None,
) -> tuple[Choice, ...]:
    """Weight the selected behaviours and place the caps of their transforms.

    A behaviour's weight is its share in the sum of ``effect × std``: the effect of one more
    event, net of the cost of serving it, times the standard deviation of its count. The caps are
    placed so that a point of the score is worth the same margin for every behaviour, as low as they
    can be with every behaviour's 99th percentile below its cap.

    Parameters
    ----------
    selected : sequence of str
    curves : mapping of behaviour to Curve
    draws : mapping of behaviour to array (D,)
        Draws of the gross effect per event.
    counts : mapping of behaviour to array (R,)
        Counts in observation windows.
    costs : mapping of behaviour to cost of serving one event
    optima : mapping of behaviour to count, optional
        Of responses that turn: the largest cap, so that no event beyond the optimum earns points.
    """
    if not selected:
        return ()
    most = {} if optima is None else optima
    std = np.array([max(float(counts[b].std()), 1e-12) for b in selected])
    effects = np.array([curves[b].amplitude * curves[b].steepness - costs[b] for b in selected])
    drawn = np.stack([draws[b] - costs[b] for b in selected])
    worth, drawn = effects * std, np.maximum(drawn * std[:, None], 0.0)
    shares = 100.0 * worth / worth.sum()
    totals = np.maximum(drawn.sum(axis=0), 1e-300)
    low, high = np.quantile(100.0 * drawn / totals, [0.025, 0.975], axis=1)
    # margin per unit of the transform, to which points must be proportional
    slopes = np.array([max(curves[b].amplitude, 1e-12) for b in selected])
    tops = np.array(
        [min(float(np.quantile(counts[b], _TOP_QUANTILE)), most.get(b, np.inf)) for b in selected]
    )
    at_top = np.array([float(curves[b].shape(tops[[i]])[0]) for i, b in enumerate(selected)])
    margin_per_point = float((at_top * slopes / worth).max())
    choices = []
    for i, b in enumerate(selected):
        curve = curves[b]
        cap = max(curve.inverse(margin_per_point * worth[i] / slopes[i]), float(tops[i]), 1.0)
        cap = min(cap, most.get(b, cap))
        choices.append(
            Choice(
                behaviour=b,
                weight=float(shares[i]),
                weight_low=float(min(low[i], shares[i])),
                weight_high=float(max(high[i], shares[i])),
                kind=curve.kind,
                scale=curve.scale,
                shape=None,
                cap=cap,
            )
        )
    return tuple(choices)
